import { stringify } from 'csv-stringify/sync';
import { cleanLine } from '../clean.ts';

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
