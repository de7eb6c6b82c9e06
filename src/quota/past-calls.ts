import { type ClocksNow, largestSkewOf, leastAgeMs } from '../ledger/call-age.ts';
import type { PastCall } from '../ledger/state/run-state.ts';
import { CLOCK_DOUBT_MS, LATEST_COUNT_MS, MARGIN_MS } from './call-times.ts';
import type { AgedCall, Window, WindowLeft } from './quota.ts';
import { shareOf } from './windows.ts';

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

/**
 * When the slots that earlier calls still take in a window become free, ascending. `countedAtMs` are the moments at which those calls counted at the
 * latest; all moments are of one clock.
 */
export function takenUntil({ calls, perMs }: Window, countedAtMs: readonly number[], nowMs: number): number[] {
  const taken = countedAtMs.map((atMs) => atMs + perMs + MARGIN_MS).filter((atMs) => atMs > nowMs);
  // Another quota may have allowed more than there are slots now: the first slot is free when all but `calls - 1`
  // of them have passed, so the soonest of the surplus say nothing.
  return taken.toSorted((a, b) => a - b).slice(-calls);
}

/** The windows as a session finds them that begins now: what a forecast goes by where nobody has a quota in hand. */
export function windowsAfter(windows: readonly Window[], past: readonly AgedCall[], nowMs: number): WindowLeft[] {
  const countedAtMs = past.map(({ ageMs }) => nowMs - ageMs);
  return windows.map((window) => {
    const freeAtMs = takenUntil(window, countedAtMs, nowMs);
    return { ...window, left: window.calls - freeAtMs.length, freeAtMs };
  });
}

/** As {@link windowsAfter}, for a quota's options: the windows that a cancel goes through. */
export function windowsLeft(
  { windows, share, routes }: { windows: readonly Window[]; share: number; routes: 'shared' | 'separate' },
  past: readonly AgedCall[],
  nowMs: number,
): WindowLeft[] {
  const counted = past.filter(({ route }) => routes === 'shared' || route === 'cancel');
  return windowsAfter(shareOf(windows, share), counted, nowMs);
}

/** The windows that a session now leaves to the next one, which doubts the clocks between them and so waits that much longer. */
export function windowsForNext(windows: readonly WindowLeft[]): WindowLeft[] {
  return windows.map((window) => ({ ...window, freeAtMs: window.freeAtMs.map((atMs) => atMs + CLOCK_DOUBT_MS) }));
}
