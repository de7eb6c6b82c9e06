import { type ClocksNow, leastAgeMs } from '../call-age.ts';
import { ROUTES, type Route } from '../record.ts';
import type { PastCall } from './run-state.ts';

/**
 * Every call of a ledger, in columns of numbers: a run without a quota makes a million of them, and an object each would
 * cost more than the actions do.
 */
export class CallLog {
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
    const largestSkewMs = this.#skewMs.reduce(
      (largest, skewMs) => Math.max(largest, skewMs),
      Math.max(0, (now.defenderMs ?? now.wallMs) - now.wallMs),
    );
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
