import { UsageError } from '../errors.ts';
import { isBlank, parseActionId, plainName } from './as-written.ts';
import { namesIdColumn, namesSomethingElse, rivals } from './column-names.ts';
import { type CsvRow, csvRows } from './csv-rows.ts';
import { countIds, extras, findLayout, indexesOf, type Layout, quoted, trimmed } from './layout.ts';
import { type Opening, readOpening } from './opening.ts';
import type { Reader, ReadOptions } from './read-ids.ts';
import { type IntakeRow, rejected, toRow } from './rows.ts';
import { isWrapped, unwrapped } from './unwrap.ts';

/** The rows of a CSV, or of a plain list, which is a CSV of one column without a header. */
export async function tableRows(opening: Opening, { name, column }: ReadOptions, remarks: string[]): Promise<Reader> {
  const table = isWrapped(opening, column) ? await insideOf(opening, name) : opening;
  const layout = findLayout(table.sample, { name, column, delimiter: table.delimiter });
  return {
    rows: rowsOf(table, layout, { name, column }, remarks),
    where: layout.header ? ` in column ${layout.id + 1}` : '',
    empty: layout.header
      ? 'has a header and no rows: give a list of action IDs'
      : 'holds no action ID: give a list of action IDs, one a line',
  };
}

async function insideOf({ rest, skippedLines, comments }: Opening, name: string): Promise<Opening> {
  const inside = await readOpening(unwrapped(rest, name), name);
  return { ...inside, comments, skippedLines: inside.skippedLines + skippedLines };
}

async function* rowsOf(
  { rest, skippedLines, comments }: Opening,
  layout: Layout,
  { name, column }: ReadOptions,
  remarks: string[],
): AsyncGenerator<Iterable<IntakeRow>> {
  const { delimiter, header, titles, columns } = layout;
  let toSkip = header ? titles + 1 : 0;
  let hasIds = false;
  function* rows(batch: readonly CsvRow[]): Generator<IntakeRow> {
    for (const csvRow of batch) {
      if (toSkip > 0) {
        toSkip -= 1;
        refuseSwallowedRows(csvRow, layout, name);
        continue;
      }
      const row = toIntakeRow(csvRow, layout, name);
      if (row === undefined) continue;
      if (row.kind === 'id') hasIds = true;
      else refuseAnotherHeader(csvRow, layout, { name, column, hasIds });
      yield row;
    }
  }
  const isPlain = !header && columns === 1;
  const format = { delimiter, comments: isPlain, skippedLines };
  const text = isPlain ? comments.countIn(rest) : rest;
  for await (const batch of csvRows(text, name, format)) yield rows(batch);
  remarks.push(...comments.remarks(name, { isPlain }));
}

/** Undefined for a row that holds nothing. */
function toIntakeRow({ line, cells }: CsvRow, layout: Layout, name: string): IntakeRow | undefined {
  if (cells.every(isBlank)) return undefined;
  refuseSwallowedRows({ line, cells }, layout, name);
  const isRagged =
    cells.length < layout.columns || cells.some((cell, index) => index >= layout.columns && !isBlank(cell));
  // Without a header nothing says that the others are something else.
  const loses = !layout.header && layout.columns > 1 && countIds(cells) > 1;
  if (isRagged || loses) return rejected('bad-row', { line, text: cells.join(layout.delimiter) });

  const id = cells[layout.id] ?? '';
  const comment = layout.comment === undefined ? undefined : cells[layout.comment];
  const priority = layout.priority === undefined ? undefined : cells[layout.priority];
  const text = isBlank(id) ? cells.join(layout.delimiter) : id.trim();
  const row = toRow({ line, id, comment, priority, text }, name);
  if (layout.rivals.length > 0) refuseRivals(row, cells, layout, name);
  return row;
}

/** Which of two IDs of a row is the action's only the user can say; the other one would be lost without a word. */
function refuseRivals(row: IntakeRow, cells: readonly string[], { rivals, names, id }: Layout, name: string): void {
  const own = row.kind === 'id' ? row.id : undefined;
  const [rival] = rivals.filter((index) => {
    const other = parseActionId(cells[index] ?? '');
    return other !== undefined && other !== own;
  });
  if (rival === undefined) return;
  throw new UsageError(
    `${name}, line ${row.line}: two columns may hold the action IDs, ${quoted(names[id])} and ${quoted(names[rival])}: say which with --column (${id + 1} or ${rival + 1}), or write all IDs into one column`,
  );
}

/**
 * Refuses a row without an ID that names the columns anew, as between two exports that were put together: below it, IDs of something else would be taken.
 * The same header again is harmless.
 */
function refuseAnotherHeader(
  { line, cells: given }: CsvRow,
  layout: Layout,
  { name, column, hasIds }: ReadOptions & { hasIds: boolean },
): void {
  const cells = trimmed(given);
  const idCell = cells[layout.id] ?? '';
  if (parseActionId(idCell) !== undefined) return;
  const chosen = layout.names[layout.id];
  if (chosen !== undefined && isSameHeader(cells, layout.names)) return;
  const namesIds =
    column === undefined || chosen === undefined
      ? namesIdColumn
      : (cell: string) => plainName(cell) === plainName(chosen);
  const places = indexesOf(cells, namesIds);
  if (places.length > 0) {
    const { comment, priority } = chosen === undefined ? layout : extras(cells, layout.id);
    const isInPlace = places.length === 1 && places[0] === layout.id;
    const isRival = (cell: string, index: number) => index !== layout.id && rivals(cell, idCell);
    const hasRival = column === undefined && indexesOf(cells, isRival).some((index) => !layout.rivals.includes(index));
    if (isInPlace && !hasRival && comment === layout.comment && priority === layout.priority) return;
    throw new UsageError(
      `${name}, line ${line}: another header, with other columns than before: give each list in a file of its own`,
    );
  }
  // Behind IDs, a word alone may be a row that somebody left empty but for its device.
  if (!namesSomethingElse(idCell, hasIds ? 'its ID' : 'thing')) return;
  const what = `${name}, line ${line}: ${quoted(idCell)} is a header of something else than action IDs`;
  if (hasIds || layout.columns > 1)
    throw new UsageError(`${what}: remove what is below it, or give it in a file of its own`);
  throw new UsageError(`${what}: give a list of action IDs, or --column ${quoted(idCell)} when these are action IDs`);
}

function isSameHeader(cells: readonly string[], names: readonly string[]): boolean {
  return (
    cells.length === names.length && cells.every((cell, index) => plainName(cell) === plainName(names[index] ?? ''))
  );
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
