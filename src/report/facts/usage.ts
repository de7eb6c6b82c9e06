import { ROUTES } from '../../ledger/record.ts';
import type { Window } from '../../quota/quota.ts';
import type { LedgerSummary, MinuteSummary } from './ledger-summary.ts';

/** A window that is longer than a minute, and how much of it was used. */
export interface WindowUsage extends Window {
  /** From `atMs` (epoch ms) to the next point's, so many calls were sent in the window's length before. */
  points: readonly { atMs: number; calls: number }[];
}

const MINUTE_MS = 60_000;

/**
 * The windows that all calls of these ledgers went through together: those of the last one. None where the ledgers are of several senders, or where
 * each route has windows of its own.
 */
export function sharedWindows(ledgers: readonly LedgerSummary[]): readonly Window[] {
  const last = ledgers.at(-1);
  if (last === undefined || last.job.routes === 'separate') return [];
  const isSame = ({ tenant, client, api }: LedgerSummary) =>
    tenant === last.tenant && client === last.client && api === last.api;
  return ledgers.every(isSame) ? last.job.windows : [];
}

/** What was used of each window that is longer than a minute, by whole minutes: never more than was used at any moment. `minutes` ascending. */
export function usageOf(windows: readonly Window[], minutes: readonly MinuteSummary[]): WindowUsage[] {
  return windows
    .filter(({ perMs }) => perMs >= 2 * MINUTE_MS)
    .map((window) => ({ ...window, points: pointsOf(Math.floor(window.perMs / MINUTE_MS) * MINUTE_MS, minutes) }));
}

function pointsOf(spanMs: number, minutes: readonly MinuteSummary[]): WindowUsage['points'] {
  const changes = new Map<number, number>();
  const change = (atMs: number, by: number) => changes.set(atMs, (changes.get(atMs) ?? 0) + by);
  for (const { atMs, ...routes } of minutes) {
    const calls = ROUTES.reduce((sum, route) => sum + routes[route], 0);
    change(atMs + MINUTE_MS, calls);
    change(atMs + MINUTE_MS + spanMs, -calls);
  }
  let calls = 0;
  return [...changes]
    .sort(([a], [b]) => a - b)
    .map(([atMs, by]) => {
      calls += by;
      return { atMs, calls };
    });
}
