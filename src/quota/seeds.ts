import type { PastCall } from '../ledger/book.ts';
import { CLOCK_DOUBT_MS, MARGIN_MS, SLOWEST_SYNC_MS, UNANSWERED_MS } from './hold-times.ts';
import type { Seed, Window } from './quota.ts';

/**
 * How far back calls matter to these windows, in ms before now: what to ask the ledgers for. Where `nowSkewMs` is
 * known, ask at `nowWallMs + nowSkewMs`.
 */
export function lookBackMs(windows: readonly Window[]): number {
  return Math.max(0, ...windows.map(({ perMs }) => perMs)) + MARGIN_MS + CLOCK_DOUBT_MS;
}

/**
 * What a session remembers of the calls before it. Inside a session time is monotonic; here alone the wall clock
 * decides, and it is distrusted in the one direction that matters: a call must never look older than it is. The rules:
 *
 * - A call counts at its latest possible moment: when its reply was recorded; without a usable answer, its intent plus
 *   5 s (a call whose sync took longer is not sent) plus 60 s (30 s timeout and 30 s grace).
 * - All moments are moved to Defender's time, the one clock that two hosts share, by the skew that the reply's `Date`
 *   header showed, or, where it had none, the one before it. A call without an answer shows no skew and takes the
 *   largest there is, this machine's included: the one that makes it youngest.
 * - This machine's own skew is known once something of Microsoft's has answered. While it is not, a past skew may make
 *   a call younger but not older: a clock that was an hour fast then may still be an hour fast now.
 * - A record from the future counts as now: the clock went back, or the other host's is ahead.
 * - Skews of up to two seconds are not recorded, neither then nor now, so every call is taken to be twice that younger
 *   than it looks. It costs a resumed run four seconds, once.
 *
 * Two cases are left that no ledger can show: this machine's clock jumped ahead since then, wrongly, and nobody gave
 * `nowSkewMs` (whoever has an answer's `Date` in hand, the sign-in's will do, passes it); and a clock that was slow
 * then, of a session that was killed before its first answer.
 */
export function seedsFrom(pastCalls: readonly PastCall[], nowWallMs: number, nowSkewMs?: number): Seed[] {
  const nowMs = nowWallMs + (nowSkewMs ?? 0);
  // With our own clock checked, a skew may move a record either way; without, only so that the call gets younger.
  const leastSkewMs = nowSkewMs === undefined ? 0 : Number.NEGATIVE_INFINITY;
  const largestSkewMs = pastCalls.reduce((largest, call) => Math.max(largest, call.skewMs), nowSkewMs ?? 0);
  return pastCalls.map((call) => {
    const answered = call.repliedAtMs !== undefined && !call.unanswered;
    const skewMs = Math.max(leastSkewMs, answered ? call.skewMs : largestSkewMs);
    const ageOf = (atMs: number) => Math.max(0, nowMs - atMs - skewMs);
    const replyAgeMs = call.repliedAtMs === undefined ? Number.POSITIVE_INFINITY : ageOf(call.repliedAtMs);
    const lostAgeMs = Math.min(replyAgeMs, ageOf(call.intentAtMs) - SLOWEST_SYNC_MS - UNANSWERED_MS);
    return { route: call.route, ageMs: (answered ? replyAgeMs : lostAgeMs) - CLOCK_DOUBT_MS };
  });
}
