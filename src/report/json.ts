import { cleanJson } from '../clean.ts';
import type { DecisionCounts } from '../ledger/decisions.ts';
import type { Outcome } from '../ledger/outcomes.ts';
import type { RejectReason, Route } from '../ledger/record.ts';
import type { ForecastFacts } from './facts/plan-summary.ts';
import type { RunStatus } from './facts/run-status.ts';
import type { Summary } from './facts/summary.ts';

/**
 * The `--json` document. Counts that are 0 are left out of `counts` and `rejected`; `calls` and `decisions` name all.
 * `durationMs` is the last session's. `exitCode` is null for a run that has not ended.
 */
export interface SummaryDocument extends Totals {
  run: string;
  ledger: string;
  head: string;
}

/** For several ledgers: one entry a ledger, and the totals over all of them (durations added up). */
export interface MergedDocument extends Totals {
  ledgers: { run: string; ledger: string; head: string; durationMs: number; exitCode: number | null }[];
}

interface Totals {
  counts: Partial<Record<Outcome, number>>;
  rejected: Partial<Record<RejectReason, number>>;
  calls: Record<Route, number>;
  needsRelease: number;
  durationMs: number;
  exitCode: number | null;
  /** Only for a plan whose decisions were handed in. Times are ISO, UTC. */
  decisions?: DecisionCounts;
  forecast?: ForecastDocument | null;
}

interface ForecastDocument {
  calls: number;
  startsAt: string;
  endsAt: string;
  /** When a quarter, a half, three quarters and all of the calls are made. */
  quarters: { part: number; at: string }[];
}

export function summaryDocument(summary: Summary): SummaryDocument | MergedDocument {
  const [only, ...others] = summary.ledgers;
  const totals: Totals = {
    counts: nonZero(summary.counts),
    rejected: nonZero(summary.rejected),
    calls: { ...summary.calls },
    needsRelease: summary.needsRelease,
    durationMs: summary.durationMs,
    exitCode: summary.exitCode ?? null,
    ...(summary.plan && {
      ...(summary.plan.decisions && { decisions: summary.plan.decisions }),
      forecast: forecastDocument(summary.plan.forecast, summary.plan.quarters),
    }),
  };
  if (only !== undefined && others.length === 0) {
    return { run: only.run, ledger: only.path, head: only.head, ...totals };
  }
  return {
    ledgers: summary.ledgers.map(({ run, path, head, durationMs, exitCode }) => ({
      run,
      ledger: path,
      head,
      durationMs,
      exitCode: exitCode ?? null,
    })),
    ...totals,
  };
}

function forecastDocument(
  forecast: ForecastFacts | undefined,
  quarters: readonly { part: number; atMs: number }[],
): ForecastDocument | null {
  if (forecast === undefined) return null;
  return {
    calls: forecast.calls,
    startsAt: new Date(forecast.startsAtMs).toISOString(),
    endsAt: new Date(forecast.endsAtMs).toISOString(),
    quarters: quarters.map(({ part, atMs }) => ({ part, at: new Date(atMs).toISOString() })),
  };
}

function nonZero<K extends string>(counts: Readonly<Record<K, number>>): Partial<Record<K, number>> {
  return Object.fromEntries(Object.entries<number>(counts).filter(([, n]) => n > 0)) as Partial<Record<K, number>>;
}

/** The document of `status --json`: counts that are 0 are left out, times are ISO, UTC. */
export function statusDocument(runs: readonly RunStatus[]): unknown {
  return {
    runs: runs.map(({ name, ledger, tenant, state, holder, admitted, counts, left, needsReview, ...run }) => ({
      ...{ name, ledger, tenant, state, holder, admitted, counts: nonZero(counts), left, needsReview },
      forecast: run.forecast === null ? null : { endsAt: new Date(run.forecast.endsAtMs).toISOString() },
      integrity: run.integrity,
      next: run.next,
    })),
  };
}

/** The `--json` document as text, indented, ending in a newline. */
export function jsonText(summary: Summary): string {
  return jsonDocument(summaryDocument(summary));
}

/** Any document as indented JSON that is harmless to look at, ending in a newline. */
export function jsonDocument(document: unknown): string {
  return `${cleanJson(JSON.stringify(document, undefined, 2))}\n`;
}

/** One line of JSON Lines. */
export function jsonLine(value: unknown): string {
  return `${cleanJson(JSON.stringify(value))}\n`;
}
