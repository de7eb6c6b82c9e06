import { stringify } from 'csv-stringify/sync';
import { cleanLine } from '../clean.ts';
import { DECISIONS } from '../ledger/decisions.ts';
import { needsLook } from '../ledger/outcomes.ts';
import type { PlanFacts } from './facts/plan-summary.ts';
import { type ActionRow, actionRow, mayNeedRelease } from './facts/rows.ts';
import { distinctRuns, isPlan, type LedgerView, mergedActions } from './facts/view.ts';

const OUTCOME_COLUMNS: readonly CsvColumn<ActionRow>[] = [
  ['id', (row) => row.id],
  ['outcome', (row) => row.outcome],
  ['status', (row) => row.status],
  ['type', (row) => row.type],
  ['device', (row) => row.device],
  ['device ID', (row) => row.deviceId],
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

/** Isolations that may need release: action ID, device ID, device name, and `since` when they stand in Defender: their creation, since none shows when it took effect. */
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
    ['device', (row) => row.device],
    ['device ID', (row) => row.deviceId],
    ['requestor', (row) => row.requestor],
    ['created', (row) => row.created],
    ['line', (row) => row.line],
  ];
  return csvText(columns, actionRows(views));
}

export function* actionRows(views: readonly LedgerView[]): Generator<ActionRow> {
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

/**
 * Columns of a CSV: the header's words, and what stands in a row's cell. What is `read again` (a comment, in a list that can be a source) keeps its
 * line ends, quoted; any other cell is one line, so that `grep` and `cut` see one row for each.
 */
export type CsvColumn<T> = readonly [
  header: string,
  cell: (row: T) => string | number | null | undefined,
  as?: 'read again',
];

/** For spreadsheets: UTF-8 with a byte order mark, and CRLF. */
const SPREADSHEET = { record_delimiter: 'windows', bom: true } as const;

/** For the next program in a pipe. */
export const PIPED = { record_delimiter: 'unix', bom: false } as const;

/** Rows turned to text at once: few enough to be forgotten young, many enough that the calls do not count. */
const BATCH = 100;

/** The one writer of CSV, in pieces: every cell is cleaned, and none is run by a spreadsheet. */
export function* csvText<T>(
  columns: readonly CsvColumn<T>[],
  rows: Iterable<T>,
  { bom, record_delimiter }: typeof SPREADSHEET | typeof PIPED = SPREADSHEET,
): Generator<string> {
  yield stringify([columns.map(([header]) => header)], { record_delimiter, bom });
  let batch: (string | number)[][] = [];
  for (const row of rows) {
    batch.push(columns.map(([, cell, as]) => cellText(cell(row), as)));
    if (batch.length < BATCH) continue;
    yield stringify(batch, { record_delimiter });
    batch = [];
  }
  if (batch.length > 0) yield stringify(batch, { record_delimiter });
}

function cellText(value: string | number | null | undefined, as: 'read again' | undefined): string | number {
  if (typeof value !== 'string') return value ?? '';
  const lines = as === undefined ? [value] : value.split(/\r\n|\r|\n/);
  const text = neutral(lines.map(cleanLine).join('\n'));
  // Spreadsheets may cut these off before they look for a formula.
  return /^[\t\r]/.test(value) && !text.startsWith("'") ? `'${text}` : text;
}

/**
 * Where a spreadsheet would see a formula begin: at the beginning of the cell, and behind a semicolon, at which some countries' spreadsheets cut a
 * line whatever its quotes say. Blanks, quotes and apostrophes may stand before it. Wide forms count in Japan.
 */
const FORMULA = /(^|[;\n])(?=[\s"']*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])/gu;

/**
 * A text that no spreadsheet runs: an apostrophe before each formula. A text that looks like a number gets one too, as `-2+3` begins like one; our own
 * numbers are numbers, and stay so.
 */
function neutral(text: string): string {
  return text.replace(FORMULA, "$1'");
}
