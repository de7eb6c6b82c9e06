import { commentFault } from '../comment.ts';
import { UsageError } from '../errors.ts';
import { MAX_REJECT_TEXT } from '../ledger/field.ts';
import { cut } from '../ledger/line.ts';
import { isDeviceId, parseActionId } from './action-id.ts';
import { type CsvRow, csvRows } from './csv-rows.ts';
import { countIds, findLayout, type Layout } from './layout.ts';
import { readOpening } from './opening.ts';
import { withoutApostrophes } from './own-text.ts';
import type { IdRow, Intake, IntakeRow } from './rows.ts';
import { ByteTally, decodeText } from './text.ts';

/** So many rows without an ID, and ten times as many as with one, are no list of action IDs but another file. */
const INVALID_AT_MOST = 10_000;
const INVALID_PER_ID = 10;

export interface ReadOptions {
  /** What messages call the source: its path, or `stdin`. */
  name: string;
  /** The column that holds the IDs: its name, or its number from 1. @default found by its name in the header */
  column?: string | undefined;
}

/**
 * Reads action IDs from a CSV or a plain list, as a stream: memory does not grow with the source. A row that cannot be taken is
 * handed out as rejected, and reading goes on. Iterating throws a UsageError when the source as a whole cannot be
 * taken: not text, no column of IDs, a quote that swallows rows, not a single ID, or ten thousand rows that are none.
 */
export function readIds(source: AsyncIterable<Uint8Array>, options: ReadOptions): Intake {
  const tally = new ByteTally();
  return {
    [Symbol.asyncIterator]: () => rowsOf(tally.count(source), options),
    summary: () => tally.summary(),
  };
}

async function* rowsOf(source: AsyncIterable<Uint8Array>, options: ReadOptions): AsyncGenerator<IntakeRow> {
  const text = decodeText(source, options.name);
  try {
    yield* rowsOfText(text, options);
  } finally {
    // However it ends, the source is let go.
    await text.return(undefined);
  }
}

async function* rowsOfText(text: AsyncIterable<string>, { name, column }: ReadOptions): AsyncGenerator<IntakeRow> {
  const opening = await readOpening(text, name);
  if (opening.sample === '') throw new UsageError(`${name} is empty: give a list of action IDs, one a line`);
  const layout = findLayout(opening.sample, { name, column, delimiter: opening.delimiter });

  const plain = !layout.header && layout.columns === 1;
  const format = { delimiter: layout.delimiter, comments: plain, skippedLines: opening.skippedLines };
  let isHeader = layout.header;
  let ids = 0;
  let deviceIds = 0;
  let others = 0;
  for await (const batch of csvRows(opening.rest, name, format)) {
    for (const csvRow of batch) {
      if (isHeader) {
        isHeader = false;
        refuseSwallowedRows(csvRow, layout, name);
        continue;
      }
      const row = toIntakeRow(csvRow, layout, name);
      if (row === undefined) continue;
      if (row.kind === 'id') ids += 1;
      else if (isDeviceId(row.text)) deviceIds += 1;
      else others += 1;
      yield row;
      const invalid = deviceIds + others;
      if (invalid >= INVALID_AT_MOST && invalid > INVALID_PER_ID * ids) {
        throw new UsageError(wrongFile(name, layout, { line: row.line, ids, deviceIds, others }));
      }
    }
  }
  if (ids === 0) throw new UsageError(withoutIds(name, layout, deviceIds, others));
}

/** Undefined for a row that holds nothing. */
function toIntakeRow({ line, cells }: CsvRow, layout: Layout, name: string): IntakeRow | undefined {
  if (cells.every(isBlank)) return undefined;
  refuseSwallowedRows({ line, cells }, layout, name);
  const isRagged =
    cells.length < layout.columns || cells.some((cell, index) => index >= layout.columns && !isBlank(cell));
  // Without a header nothing says that the others are something else.
  const loses = !layout.header && layout.columns > 1 && countIds(cells) > 1;
  if (isRagged || loses)
    return { kind: 'reject', line, reason: 'bad-row', text: cut(cells.join(layout.delimiter), MAX_REJECT_TEXT) };

  const cell = cells[layout.id] ?? '';
  const id = parseActionId(cell);
  if (id === undefined) {
    const text = cut(isBlank(cell) ? cells.join(layout.delimiter) : cell.trim(), MAX_REJECT_TEXT);
    return { kind: 'reject', line, reason: 'not-an-id', text };
  }
  const comment = layout.comment === undefined ? '' : withoutApostrophes(cells[layout.comment]?.trim() ?? '');
  const priority = layout.priority === undefined ? {} : priorityOf(cells[layout.priority] ?? '');
  if (comment === '') return { kind: 'id', id, line, ...priority };
  const fault = commentFault(comment);
  if (fault !== undefined)
    throw new UsageError(`${name}, line ${line}: the comment ${fault}; correct it and run again`);
  return { kind: 'id', id, line, comment, ...priority };
}

const NUMBER = /^[+-]?(?:\d{1,15}(?:\.\d{0,15})?|\.\d{1,15})$/;

/** Empty is none, and so is 0. */
function priorityOf(cell: string): Pick<IdRow, 'priority' | 'notPriority'> {
  const text = withoutApostrophes(cell.trim());
  if (text === '') return {};
  if (!NUMBER.test(text)) return { notPriority: cut(text, MAX_REJECT_TEXT) };
  const priority = Number(text);
  return priority === 0 ? {} : { priority };
}

/**
 * A quote that was never closed makes the rows after it part of one cell, and their IDs would be lost without a word.
 * So a cell whose later lines would each make a row of their own, with an ID where IDs stand, stops the reading.
 */
function refuseSwallowedRows({ line, cells }: CsvRow, layout: Layout, name: string): void {
  let lineInRow = line;
  for (const cell of cells) {
    if (!cell.includes('\n')) continue;
    const [, ...continued] = cell.split('\n');
    for (const text of continued) {
      lineInRow += 1;
      const parts = text.split(layout.delimiter);
      if (parts.length >= layout.columns && parseActionId(parts[layout.id] ?? '') !== undefined) {
        throw new UsageError(
          `${name} has a quote in line ${line} that is still open in line ${lineInRow}, where a row with an action ID of its own begins: close it and run again`,
        );
      }
    }
  }
}

function isBlank(cell: string): boolean {
  return cell === '' || cell.trim() === '';
}

interface RowCounts {
  line: number;
  ids: number;
  deviceIds: number;
  others: number;
}

function wrongFile(name: string, layout: Layout, { line, ids, deviceIds, others }: RowCounts): string {
  if (ids === 0) return withoutIds(`${name}, read to line ${line},`, layout, deviceIds, others);
  return (
    `${name} is not a list of action IDs: of the rows up to line ${line}, ${deviceIds + others} hold none and ${ids} hold one; ` +
    'check the file and the column'
  );
}

function withoutIds(name: string, layout: Layout, deviceIds: number, others: number): string {
  if (deviceIds > 0 && deviceIds >= others) {
    return `${name} holds device IDs (forty hex digits), not action IDs: give the IDs of the machine actions, which are GUIDs`;
  }
  if (deviceIds + others === 0) {
    return layout.header
      ? `${name} has a header and no rows: give a list of action IDs`
      : `${name} holds no action ID: give a list of action IDs, one a line`;
  }
  const where = layout.header ? ` in column ${layout.id + 1}` : '';
  return `${name} holds not a single action ID${where}: an action ID is a GUID such as 5382f7ea-7557-4ab7-9782-d50480024a4e`;
}
