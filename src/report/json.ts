import { cleanJson } from '../clean.ts';
import type { DecisionCounts } from '../ledger/decisions.ts';
import type { Outcome } from '../ledger/outcomes.ts';
import type { Order, RejectReason, Route } from '../ledger/record.ts';
import type { LeftCounts } from '../ledger/state/counts.ts';
import type { CampaignStatus } from './facts/campaign-status.ts';
import type { CampaignSummary } from './facts/campaign-summary.ts';
import type { LedgerSummary } from './facts/ledger-summary.ts';
import { nextCommand } from './facts/next-steps.ts';
import type { ForecastFacts, OrderFacts } from './facts/plan-summary.ts';
import type { RunStatus, WorkerStatus } from './facts/run-status.ts';
import type { ScheduleStatus } from './facts/schedule-status.ts';
import type { Summary } from './facts/summary.ts';

/**
 * The `--json` document. Counts that are 0 are left out of `counts` and `rejected`; `left`, `calls` and `decisions` name all. With `left`, which has the
 * actions without an outcome, `counts` makes up `admitted`. Times are ISO, UTC; `durationMs` is the last session's. `startedAt` is null for a plan,
 * `endedAt` while work is left and somebody may go on, and `exitCode` for a run that is running or was killed.
 */
export interface SummaryDocument extends Totals, LedgerDocument {
  comment: string | null;
  startedAt: string | null;
  endedAt: string | null;
  /** The command that goes on with it, ready to paste. */
  next: string | null;
}

/** For several ledgers: one entry a ledger, and the totals over all of them (durations added up). */
export interface MergedDocument extends Totals {
  ledgers: (LedgerDocument & { durationMs: number; exitCode: number | null })[];
}

interface LedgerDocument {
  run: string;
  ledger: string;
  head: string;
  tenant: string;
  /** `line`: the first that does not fit; what stands before it is reported. */
  integrity: { intact: boolean; records: number; line?: number };
}

interface Totals {
  counts: Partial<Record<Outcome, number>>;
  admitted: number;
  left: LeftCounts;
  rejected: Partial<Record<RejectReason, number>>;
  calls: Record<Route, number>;
  needsRelease: number;
  durationMs: number;
  exitCode: number | null;
  /** Only for a plan whose decisions were handed in. */
  decisions?: DecisionCounts;
  /** Of a run that is not over: when it is, if somebody goes on with it now. */
  forecast: ForecastDocument | null;
}

/** Of a run the end alone. */
interface ForecastDocument {
  endsAt: string;
  calls?: number;
  startsAt?: string;
  /** When a quarter, a half, three quarters and all of the calls are made. */
  quarters?: { part: number; at: string }[];
  /** What goes first, and how many actions are called in the first minute, in the rest of the first hour, and later. */
  order?: { by: Order; firstMinute: number; firstHour: number; later: number };
}

/** The report of a campaign: what its runs come to together, and each as in a report of its own. */
export interface CampaignDocument
  extends Pick<Totals, 'counts' | 'admitted' | 'left' | 'rejected' | 'calls' | 'needsRelease'> {
  campaign: string;
  needsReview: number;
  runs: (SummaryDocument | MergedDocument)[];
  /** Runs of whose ledger nothing can be read, and why. */
  unread: { ledger: string; tenant: string; reason: string }[];
}

export function campaignDocument(campaign: CampaignSummary): CampaignDocument {
  return {
    campaign: campaign.name,
    counts: nonZero(campaign.counts),
    admitted: campaign.admitted,
    left: { ...campaign.openBy },
    rejected: nonZero(campaign.rejected),
    calls: { ...campaign.calls },
    needsRelease: campaign.needsRelease,
    needsReview: campaign.needsLook,
    runs: campaign.runs.map(summaryDocument),
    unread: campaign.unread.map(({ name, tenant, reason }) => ({ ledger: name, tenant, reason })),
  };
}

export function summaryDocument(summary: Summary): SummaryDocument | MergedDocument {
  const [only, ...others] = summary.ledgers;
  const totals: Totals = {
    counts: nonZero(summary.counts),
    admitted: summary.admitted,
    left: { ...summary.openBy },
    rejected: nonZero(summary.rejected),
    calls: { ...summary.calls },
    needsRelease: summary.needsRelease,
    durationMs: summary.durationMs,
    exitCode: summary.exitCode ?? null,
    ...(summary.plan?.decisions && { decisions: summary.plan.decisions }),
    forecast:
      summary.plan === undefined
        ? endOf(summary.forecast)
        : forecastDocument(summary.plan.forecast, summary.plan.quarters),
  };
  if (only !== undefined && others.length === 0) {
    return {
      ...ledgerDocument(only),
      comment: only.job.comment ?? null,
      ...totals,
      startedAt: isoTime(summary.startedAtMs),
      endedAt: summary.reason === 'finished' ? isoTime(summary.lastAtMs) : null,
      next: nextCommand(summary) ?? null,
    };
  }
  return {
    ledgers: summary.ledgers.map((ledger) => ({
      ...ledgerDocument(ledger),
      durationMs: ledger.durationMs,
      exitCode: ledger.exitCode ?? null,
    })),
    ...totals,
  };
}

function ledgerDocument({ run, path, head, tenant, intact, records, faultLine }: LedgerSummary): LedgerDocument {
  const line = faultLine === undefined ? {} : { line: faultLine };
  return { run, ledger: path, head, tenant, integrity: { intact, records, ...line } };
}

function isoTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}

function endOf(forecast: { endsAtMs: number } | undefined | null): ForecastDocument | null {
  return forecast ? { endsAt: new Date(forecast.endsAtMs).toISOString() } : null;
}

function forecastDocument(
  forecast: ForecastFacts | undefined,
  quarters: readonly { part: number; atMs: number }[],
): ForecastDocument | null {
  if (forecast === undefined) return null;
  const { order } = forecast;
  return {
    calls: forecast.calls,
    startsAt: new Date(forecast.startsAtMs).toISOString(),
    endsAt: new Date(forecast.endsAtMs).toISOString(),
    quarters: quarters.map(({ part, atMs }) => ({ part, at: new Date(atMs).toISOString() })),
    ...(order === undefined ? {} : { order: whenCalled(order) }),
  };
}

function whenCalled({ by, firstMinute, firstHour, later }: OrderFacts): NonNullable<ForecastDocument['order']> {
  return { by, firstMinute, firstHour, later };
}

function nonZero<K extends string>(counts: Readonly<Record<K, number>>): Partial<Record<K, number>> {
  return Object.fromEntries(Object.entries<number>(counts).filter(([, n]) => n > 0)) as Partial<Record<K, number>>;
}

function pauseDocument({ reason, untilMs }: RunStatus['pause'] & object): { reason: string; until: string } {
  return { reason, until: new Date(untilMs).toISOString() };
}

function campaignStatusDocument({ name, head, sums, next }: CampaignStatus): object {
  const { tenants, admitted, counts, left, needsReview, totalMs, endsAtMs } = sums;
  const forecast = endOf(endsAtMs === null ? null : { endsAtMs });
  const shown = { tenants, admitted, counts: nonZero(counts), left, needsReview, totalMs, forecast };
  return { campaign: name, head, sums: shown, next };
}

function scheduleDocument({ name, tenant, cron, tz, nextAtMs, last }: ScheduleStatus): object {
  const end = last?.end;
  return {
    ...{ name, tenant, cron, tz, next: isoTime(nextAtMs ?? undefined) },
    last: last === null ? null : { at: isoTime(last.atMs), ...(end === undefined ? { kind: 'being-made' } : end) },
  };
}

/** The document of `status --json`: counts that are 0 are left out, times are ISO, UTC. */
export function statusDocument({
  runs,
  workers,
  schedules,
  campaign,
}: {
  runs: readonly RunStatus[];
  workers?: readonly WorkerStatus[];
  schedules?: readonly ScheduleStatus[];
  campaign?: CampaignStatus | undefined;
}): unknown {
  return {
    ...(campaign === undefined ? {} : campaignStatusDocument(campaign)),
    runs: runs.map(({ name, ledger, tenant, state, holder, admitted, counts, left, needsReview, ...run }) => ({
      ...{ name, ledger, tenant, state, holder, admitted, counts: nonZero(counts), left, needsReview },
      forecast: endOf(run.forecast),
      integrity: run.integrity,
      next: run.next,
      ...(run.pause === null ? {} : { pause: pauseDocument(run.pause) }),
      ...run.placed,
    })),
    ...(workers === undefined
      ? {}
      : { workers: workers.map(({ sinceMs, ...worker }) => ({ ...worker, since: new Date(sinceMs).toISOString() })) }),
    ...(schedules === undefined ? {} : { schedules: schedules.map(scheduleDocument) }),
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
