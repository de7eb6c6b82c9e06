import type { ClocksNow } from '../call-age.ts';
import { type ReplyFields, ROUTES, type Route } from '../record.ts';
import { CallLog } from './call-log.ts';
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
  reply({ call, http, skewMs, error }: ReplyFields, atMs: number): PendingCall<A> | undefined {
    const pending = this.#pending.get(call);
    if (pending === undefined) return undefined;
    this.#pending.delete(call);
    if (error === 'not-sent') {
      this.#log.drop(pending.index);
      this.byRoute[pending.route]--;
    } else this.#log.reply(pending.index, atMs, http === undefined, skewMs);
    return pending;
  }

  /** Those that can still count, of the sessions that are wanted. */
  recent(now: ClocksNow, withinMs: number, fileAheadMs: number, wanted: (session: number) => boolean): PastCall[] {
    return this.#log.recent(now, withinMs, fileAheadMs, wanted);
  }
}

/** None by any route. */
export function noCalls(): Record<Route, number> {
  return Object.fromEntries(ROUTES.map((route) => [route, 0])) as Record<Route, number>;
}
