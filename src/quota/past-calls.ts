import { type ClocksNow, largestSkewOf, leastAgeMs } from '../ledger/call-age.ts';
import type { PastCall } from '../ledger/state/run-state.ts';
import { CLOCK_DOUBT_MS, LATEST_COUNT_MS, MARGIN_MS } from './call-times.ts';
import type { AgedCall, Window } from './quota.ts';

/** Calls of at least this age, by {@link leastAgeMs}, matter to none of these windows: what to ask the ledgers for. */
export function lookBackMs(windows: readonly Window[]): number {
  return Math.max(0, ...windows.map(({ perMs }) => perMs)) + MARGIN_MS;
}

/** So long after its intent was written a call may matter to these windows, whatever became of it: what a ledger must be kept for. */
export function mattersForMs(windows: readonly Window[]): number {
  return lookBackMs(windows) + LATEST_COUNT_MS + CLOCK_DOUBT_MS;
}

/** What a session remembers of the calls before it, each at its latest possible moment ({@link leastAgeMs} says which that is). */
export function agedCalls(pastCalls: readonly PastCall[], now: ClocksNow): AgedCall[] {
  const skewsMs = pastCalls.map(({ skewMs }) => skewMs);
  const largestSkewMs = largestSkewOf(skewsMs, now);
  return pastCalls.map((call) => ({ route: call.route, ageMs: leastAgeMs(call, now, largestSkewMs) }));
}
