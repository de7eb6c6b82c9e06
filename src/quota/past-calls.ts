import { type ClocksNow, largestSkewOf, leastAgeMs } from '../ledger/call-age.ts';
import type { PastCall } from '../ledger/state/run-state.ts';
import { CLOCK_DOUBT_MS, MARGIN_MS } from './call-times.ts';
import type { AgedCall, Window } from './quota.ts';

/** How far back calls matter to these windows, in ms before now: what to ask the ledgers for. */
export function lookBackMs(windows: readonly Window[]): number {
  return Math.max(0, ...windows.map(({ perMs }) => perMs)) + MARGIN_MS + CLOCK_DOUBT_MS;
}

/**
 * What a session remembers of the calls before it, each at its latest possible moment ({@link leastAgeMs} says which that is).
 *
 * Skews of up to two seconds are not recorded, neither then nor now, so every call is taken to be twice that younger than it looks. It costs a resumed
 * run four seconds, once.
 */
export function agedCalls(pastCalls: readonly PastCall[], now: ClocksNow): AgedCall[] {
  const largestSkewMs = largestSkewOf(pastCalls, now);
  return pastCalls.map((call) => ({
    route: call.route,
    ageMs: leastAgeMs(call, now, largestSkewMs) - CLOCK_DOUBT_MS,
  }));
}
