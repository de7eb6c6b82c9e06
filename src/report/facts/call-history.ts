import { ROUTES, type Route } from '../../ledger/record.ts';
import { noCalls } from '../../ledger/state/calls.ts';
import type { LedgerView } from './view.ts';

export interface PauseSummary {
  atMs: number;
  untilMs: number;
  reason: string;
}

export type MinuteSummary = { atMs: number } & Record<Route, number>;

/** A pause ends with its session at the latest. */
export function pausesOf({ state }: LedgerView): PauseSummary[] {
  return state.pauses.map(({ atMs, until, reason, session }) => {
    const ended = state.sessions.find(({ number }) => number === session)?.closed?.atMs ?? Number.POSITIVE_INFINITY;
    return { atMs, untilMs: Math.max(atMs, Math.min(Date.parse(until), ended)), reason };
  });
}

/** `pauses` in order of their beginning. */
export function unionMs(pauses: readonly PauseSummary[]): number {
  let total = 0;
  let reached = 0;
  for (const { atMs, untilMs } of pauses) {
    total += Math.max(0, untilMs - Math.max(atMs, reached));
    reached = Math.max(reached, untilMs);
  }
  return total;
}

/** Calls by the minute in which they were sent; minutes without any are left out. */
export function minutesOf(views: readonly LedgerView[]): MinuteSummary[] {
  const merged = new Map<number, MinuteSummary>();
  for (const { trace } of views) {
    for (const [atMs, n] of trace.minutes) {
      const minute = merged.get(atMs) ?? { atMs, ...noCalls() };
      for (const route of ROUTES) minute[route] += n[route];
      merged.set(atMs, minute);
    }
  }
  return [...merged.values()]
    .filter((minute) => ROUTES.some((route) => minute[route] > 0))
    .sort((a, b) => a.atMs - b.atMs);
}

/** Most frequent first. */
export function answersOf(views: readonly LedgerView[]): { answer: string; n: number }[] {
  const merged = new Map<string, number>();
  for (const { trace } of views) {
    for (const [answer, n] of trace.answers) merged.set(answer, (merged.get(answer) ?? 0) + n);
  }
  return [...merged].map(([answer, n]) => ({ answer, n })).sort((a, b) => b.n - a.n);
}
