import { type ClocksNow, largestSkewOf, leastAgeMs } from '../call-age.ts';
import { type ReplyFields, ROUTES, type Route } from '../record.ts';
import type { Action, PastCall } from './run-state.ts';

/** A call between its intent and its reply. */
export interface PendingCall<A extends Action> {
  index: number;
  route: Route;
  /** The one that it cancels; undefined for a lookup. */
  action: A | undefined;
  /** What the action had before this call. */
  before: Pick<Action, 'last' | 'outcome'>;
}

/** The calls of a ledger: how many by route, which of them wait for their reply, and which may still count against the quota. */
export class Calls<A extends Action> {
  readonly byRoute: Record<Route, number> = noCalls();
  /** The highest number of a call so far. */
  last = 0;
  /** From send to answer, of late; undefined before the first answer. */
  roundTripMs: number | undefined;
  readonly #log = new CallLog();
  readonly #pending = new Map<number, PendingCall<A>>();

  /** Takes note of an intent, before the action that it cancels shows it. */
  intent(call: number, route: Route, session: number, atMs: number, action: A | undefined): void {
    this.last = Math.max(this.last, call);
    this.byRoute[route]++;
    const index = this.#log.intent(route, session, atMs);
    this.#pending.set(call, { index, route, action, before: { last: action?.last, outcome: action?.outcome } });
  }

  /** Takes a reply, and gives back the call that it answers; undefined when no call waits for it. What was not sent was no call. */
  reply({ call, ms, http, skewMs, error }: ReplyFields, atMs: number): PendingCall<A> | undefined {
    const pending = this.#pending.get(call);
    if (pending === undefined) return undefined;
    this.#pending.delete(call);
    if (error === 'not-sent') {
      this.#log.drop(pending.index);
      this.byRoute[pending.route]--;
    } else this.#log.reply(pending.index, atMs, http === undefined, skewMs);
    if (http !== undefined) this.roundTripMs = (this.roundTripMs ?? ms) * (1 - NEWEST) + ms * NEWEST;
    return pending;
  }

  /** Those that can still count, of the sessions that are wanted. */
  recent(now: ClocksNow, withinMs: number, fileAheadMs: number, wanted: (session: number) => boolean): PastCall[] {
    return this.#log.recent(now, withinMs, fileAheadMs, wanted);
  }
}

/** The weight of the newest answer in what a round trip takes of late. */
const NEWEST = 1 / 16;

/** None by any route. */
export function noCalls(): Record<Route, number> {
  return Object.fromEntries(ROUTES.map((route) => [route, 0])) as Record<Route, number>;
}

/**
 * Every call of a ledger, in columns of numbers: a run without a quota makes a million of them, and an object each would
 * cost more than the actions do.
 */
class CallLog {
  readonly #route: number[] = [];
  readonly #session: number[] = [];
  readonly #intentAtMs: number[] = [];
  /** NaN while there is no reply. */
  readonly #repliedAtMs: number[] = [];
  readonly #skewMs: number[] = [];
  readonly #state: number[] = [];
  /** The skew last seen; an in-doubt call has none of its own. */
  #lastSkewMs = 0;

  /** Returns the index that `reply` and `drop` take. */
  intent(route: Route, session: number, atMs: number): number {
    this.#route.push(ROUTES.indexOf(route));
    this.#session.push(session);
    this.#intentAtMs.push(atMs);
    this.#repliedAtMs.push(Number.NaN);
    this.#skewMs.push(this.#lastSkewMs);
    return this.#state.push(STATE.open) - 1;
  }

  reply(index: number, atMs: number, unanswered: boolean, skewMs: number | undefined): void {
    this.#repliedAtMs[index] = atMs;
    this.#state[index] = unanswered ? STATE.unanswered : STATE.answered;
    if (!unanswered) {
      this.#lastSkewMs = skewMs ?? 0;
      this.#skewMs[index] = this.#lastSkewMs;
    }
  }

  /** It was never sent. */
  drop(index: number): void {
    this.#state[index] = STATE.dropped;
  }

  /**
   * Those whose window of `withinMs` has not passed by every clock, made in a session that `wanted` accepts. `fileAheadMs`: how much later than its last
   * record the file was written, by its own clock.
   */
  recent(now: ClocksNow, withinMs: number, fileAheadMs: number, wanted: (session: number) => boolean): PastCall[] {
    const recent: PastCall[] = [];
    const largestSkewMs = largestSkewOf(this.#skewMs, now);
    for (let i = 0; i < this.#state.length; i++) {
      const state = this.#state[i];
      const session = this.#session[i] ?? 0;
      if (state === STATE.dropped || !wanted(session)) continue;
      const replied = this.#repliedAtMs[i] ?? Number.NaN;
      const call: PastCall = {
        route: ROUTES[this.#route[i] ?? 0] ?? 'cancel',
        intentAtMs: this.#intentAtMs[i] ?? 0,
        repliedAtMs: Number.isNaN(replied) ? undefined : replied,
        unanswered: state === STATE.unanswered,
        skewMs: this.#skewMs[i] ?? 0,
        fileAheadMs,
      };
      if (leastAgeMs(call, now, largestSkewMs) < withinMs) recent.push(call);
    }
    return recent;
  }
}

const STATE = { open: 0, answered: 1, unanswered: 2, dropped: 3 } as const;
