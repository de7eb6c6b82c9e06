import { DECISIONS } from '../ledger/decisions.ts';
import { needsLook } from '../ledger/outcomes.ts';
import { type CsvColumn, csvText } from './csv-text.ts';
import type { PlanFacts } from './facts/plan-summary.ts';
import { type ActionRow, actionRow, mayNeedRelease } from './facts/rows.ts';
import { distinctRuns, isPlan, type LedgerView, mergedActions } from './facts/view.ts';

const OUTCOME_COLUMNS: readonly CsvColumn<ActionRow>[] = [
  ['id', (row) => row.id],
  ['outcome', (row) => row.outcome],
  ['status', (row) => row.status],
  ['type', (row) => row.type],
  ['device', (row) => row.device ?? row.deviceId],
  ['requestor', (row) => row.requestor],
  ['created', (row) => row.created],
  ['attempts', (row) => row.attempts],
  ['HTTP status', (row) => row.http],
  ['code', (row) => row.code],
  ['correlation', (row) => row.correlation],
  ['first sent', (row) => isoTime(row.firstSentAtMs)],
  ['answered', (row) => isoTime(row.answeredAtMs)],
  ['detail', (row) => row.detail],
];

/** One row an action: what became of it. */
export function outcomesCsv(views: readonly LedgerView[]): Iterable<string> {
  return csvText(OUTCOME_COLUMNS, actionRows(views));
}

/**
 * What needs a look. The first column is `id`, so that it can be a source of `run` again; a `comment` column is there when a
 * row of the source had one of its own.
 */
export function failedCsv(views: readonly LedgerView[]): Iterable<string> {
  const [id, ...rest] = OUTCOME_COLUMNS;
  const own = hasComments(views);
  const comment: CsvColumn<ActionRow>[] = own ? [['comment', (row) => row.comment, 'read again']] : [];
  return csvText(id === undefined ? [] : [id, ...comment, ...rest], lookRows(views));
}

/** Isolations that may need release: action ID, device ID, device name, since when. */
export function releaseCsv(views: readonly LedgerView[], facts?: PlanFacts): Iterable<string> {
  const columns: readonly CsvColumn<ActionRow>[] = [
    ['action ID', (row) => row.id],
    ['device ID', (row) => row.deviceId],
    ['device name', (row) => row.device],
    ['since', (row) => row.created],
  ];
  return csvText(columns, releaseRows(views, facts));
}

/** One row an action: what the plan would do with it, and why. */
export function planCsv(views: readonly LedgerView[], facts: PlanFacts): Iterable<string> {
  const decided = (row: ActionRow) => facts.decisions?.get(row.id);
  const columns: readonly CsvColumn<ActionRow>[] = [
    ['id', (row) => row.id],
    ['decision', (row) => decided(row)?.kind],
    [
      'reason',
      (row) => {
        const decision = decided(row);
        return decision === undefined ? undefined : (decision.reason ?? DECISIONS[decision.kind].means);
      },
    ],
    ['status', (row) => row.status],
    ['type', (row) => row.type],
    ['device', (row) => row.device ?? row.deviceId],
    ['requestor', (row) => row.requestor],
    ['created', (row) => row.created],
    ['line', (row) => row.line],
  ];
  return csvText(columns, actionRows(views));
}

function* actionRows(views: readonly LedgerView[]): Generator<ActionRow> {
  for (const merged of mergedActions(distinctRuns(views))) yield actionRow(merged);
}

/** Rows of the actions whose outcome somebody must look at. */
export function* lookRows(views: readonly LedgerView[]): Generator<ActionRow> {
  for (const merged of mergedActions(distinctRuns(views))) {
    const { outcome } = merged.action;
    if (outcome !== undefined && needsLook(outcome.outcome)) yield actionRow(merged);
  }
}

export function* releaseRows(views: readonly LedgerView[], facts?: PlanFacts): Generator<ActionRow> {
  const planned = facts !== undefined || views.every(isPlan);
  for (const merged of mergedActions(distinctRuns(views))) {
    if (facts?.decisions?.get(merged.action.id)?.kind === 'excluded') continue;
    if (mayNeedRelease(merged.action, planned)) yield actionRow(merged);
  }
}

function hasComments(views: readonly LedgerView[]): boolean {
  for (const row of lookRows(views)) if (row.comment !== undefined) return true;
  return false;
}

function isoTime(atMs: number | undefined): string | undefined {
  return atMs === undefined ? undefined : new Date(atMs).toISOString();
}
