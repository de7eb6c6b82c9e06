import type { Window } from '../../src/quota/quota.ts';

/** A call as the service may see it: it counts at one moment between the two, nobody knows which. */
export interface Counted {
  sentMs: number;
  /** When its answer came; for a call without an answer, the last moment at which it can still count. */
  latestMs: number;
}

/**
 * The most calls that any span of `perMs`, wherever it begins, may have to count: a call belongs to a span when any
 * moment between its send and its latest lies in it. The fullest span begins at some call's latest moment: moved later
 * it would lose that call, moved earlier it could only lose others at its end.
 */
export function mostInAnySpan(calls: readonly Counted[], perMs: number): number {
  const sent = calls.map(({ sentMs }) => sentMs).sort((a, b) => a - b);
  const latest = calls.map(({ latestMs }) => latestMs).sort((a, b) => a - b);
  let most = 0;
  let begun = 0;
  for (const [passed, startMs] of latest.entries()) {
    while (begun < sent.length && (sent[begun] ?? 0) <= startMs + perMs) begun += 1;
    most = Math.max(most, begun - passed);
  }
  return most;
}

/**
 * The most calls in one of the fixed windows that begin at `offsetMs` and every `perMs` from there, each call counted
 * at `part` of its way.
 */
export function mostInFixedWindows(
  calls: readonly Counted[],
  perMs: number,
  offsetMs: number,
  part: (index: number) => number,
): number {
  const counts = new Map<number, number>();
  let most = 0;
  for (const [index, { sentMs, latestMs }] of calls.entries()) {
    const atMs = sentMs + part(index) * (latestMs - sentMs);
    const number = Math.floor((atMs - offsetMs) / perMs);
    const count = (counts.get(number) ?? 0) + 1;
    counts.set(number, count);
    most = Math.max(most, count);
  }
  return most;
}

/** Calls over quota at the worst moment, in all windows together. 0 is the promise. */
export function overQuota(calls: readonly Counted[], windows: readonly Window[]): number {
  return windows.reduce((over, { calls: cap, perMs }) => over + Math.max(0, mostInAnySpan(calls, perMs) - cap), 0);
}
