import { parse } from 'csv-parse/sync';
import { oneLine } from '../clean.ts';
import { UsageError } from '../errors.ts';
import { isBlank, namesComment, namesPriority, parseActionId, plainName } from './as-written.ts';
import { namesIdColumn, rivals } from './column-names.ts';
import { LENIENT } from './csv-rows.ts';

/** Where the IDs stand in a text. */
export interface Layout {
  delimiter: string;
  /** Whether a row names the columns. */
  header: boolean;
  /** Rows before that one, which are a title: what the list is, of when. 0 without a header. */
  titles: number;
  /** What the header calls the columns; nothing without a header. */
  names: readonly string[];
  /** How many cells a row has. 1 for a plain list. */
  columns: number;
  /** Index of the column with the IDs. */
  id: number;
  /** Indexes of columns that may hold action IDs too, by their names. None where the user chose. */
  rivals: readonly number[];
  /** Index of the column with a comment of the row's own. */
  comment: number | undefined;
  /** Index of the column that says who goes first. */
  priority: number | undefined;
}

export const DELIMITERS: readonly string[] = [',', ';', '\t'];
/** Rows of a title at most, before the one that names the columns. */
const TITLES_AT_MOST = 10;

export interface LayoutOptions {
  /** For messages. */
  name: string;
  /** The column that holds the IDs: its name, or its number from 1. */
  column?: string | undefined;
  /** A delimiter that the file names itself. */
  delimiter?: string | undefined;
}

/** The first rows of a text, by one delimiter. */
interface Reading {
  delimiter: string;
  /** The first one is always there; the others as far as the text is known. */
  rows: readonly [string[], ...string[][]];
}

/**
 * Reads the layout off the beginning of a text: which delimiter, whether there is a header, where the IDs stand.
 * Throws a UsageError when that cannot be told.
 */
export function findLayout(sample: string, { name, column, delimiter }: LayoutOptions): Layout {
  const readings = readingsOf(sample, delimiter, 1);
  const widest = readings[0];
  if (!widest) {
    throw new UsageError(`${name} has a quote in its first row that is never closed: close it and run again`);
  }
  const titled = startsWithAnId(readings) ? readings : readingsOf(sample, delimiter, 1 + TITLES_AT_MOST);
  if (column !== undefined) return namedColumn(titled, widest, column, name);

  const header = findHeader(titled, namesIdColumn);
  if (header === undefined) return withoutHeader(widest, name);
  const { found, cells } = header;
  if (found.length > 1) {
    const names = found.map((index) => quoted(cells[index])).join(', ');
    throw new UsageError(
      `${name} has several columns that may hold the action IDs (${names}): say which with --column, by name or by number (${found.map((index) => index + 1).join(', ')})`,
    );
  }
  const layout = withHeader(header);
  const chosen = cells[layout.id] ?? '';
  return { ...layout, rivals: indexesOf(cells, (cell, index) => index !== layout.id && rivals(cell, chosen)) };
}

/** By the delimiter that the file names itself, and by the usual ones: it may have been saved once more with another. */
function readingsOf(sample: string, named: string | undefined, count: number): Reading[] {
  const likely = DELIMITERS.flatMap((candidate) => firstRows(sample, candidate, count))
    // The widest reading is the likeliest; of equal ones the first.
    .sort((one, other) => other.rows[0].length - one.rows[0].length);
  return named === undefined ? likely : [...firstRows(sample, named, count), ...likely];
}

function startsWithAnId(readings: readonly Reading[]): boolean {
  return readings.some(({ rows: [cells] }) => cells.some(isActionId));
}

interface Header {
  delimiter: string;
  cells: readonly string[];
  /** Columns of that name; at least one. */
  found: readonly [number, ...number[]];
  titles: number;
}

/** The first row that names such a column, if only a title stands before it: where an ID stands, the list has begun. */
function findHeader(
  readings: readonly Reading[],
  matches: (cell: string) => boolean,
  titlesAtMost = TITLES_AT_MOST,
): Header | undefined {
  for (let titles = 0; titles <= titlesAtMost; titles += 1) {
    for (const { delimiter, rows } of readings) {
      const cells = rows[titles];
      if (cells === undefined) continue;
      if (titles > 0 && rows.slice(0, titles + 1).some((row) => row.some(isActionId))) continue;
      const [first, ...others] = indexesOf(cells, matches);
      if (first !== undefined) return { delimiter, cells, found: [first, ...others], titles };
    }
  }
  return undefined;
}

function namedColumn(readings: readonly Reading[], widest: Reading, column: string, name: string): Layout {
  const isNumber = /^\s*[1-9]\d{0,5}\s*$/.test(column);
  // A number below a title is a cell of a table.
  const titles = isNumber ? 0 : TITLES_AT_MOST;
  const header =
    findHeader(readings, (cell) => cell.trim() === column.trim(), titles) ??
    findHeader(readings, (cell) => plainName(cell) === plainName(column), titles);
  if (header !== undefined) {
    const { found } = header;
    if (found.length === 1) return withHeader(header);
    throw new UsageError(
      `${name} has ${found.length} columns named ${quoted(column)}: give --column the number of the one that holds the action IDs (${found.map((index) => index + 1).join(', ')})`,
    );
  }
  const { delimiter } = widest;
  const [cells] = widest.rows;
  if (isNumber) {
    const id = Number(column) - 1;
    if (id < cells.length) {
      refuseSeveralIds(cells, name);
      const [other] = indexesOf(cells, isActionId);
      if (other === undefined) return withHeader({ delimiter, cells, found: [id], titles: 0 });
      if (other === id) {
        return { delimiter, columns: cells.length, id, ...NO_NAMES };
      }
      throw new UsageError(
        `${name} has an action ID in column ${other + 1} of its first row and none in column ${id + 1}: correct --column, or name the columns in a header line`,
      );
    }
    throw new UsageError(
      `${name} has ${countOf(cells.length, 'column')}, so there is no column ${id + 1}: correct --column`,
    );
  }
  throw new UsageError(
    `${name} has no column named ${quoted(column)}; its first row has ${listed(cells)}: correct --column`,
  );
}

function withHeader({ delimiter, cells, found: [id], titles }: Header): Layout {
  return { delimiter, header: true, titles, names: cells, columns: cells.length, id, rivals: [], ...extras(cells, id) };
}

/** Where a header has the columns that are read beside that of the IDs. */
export function extras(cells: readonly string[], id: number): Pick<Layout, 'comment' | 'priority'> {
  const named = (isIt: (name: string) => boolean) => indexesOf(cells, (cell, index) => index !== id && isIt(cell))[0];
  return { comment: named(namesComment), priority: named(namesPriority) };
}

/** Without a header nothing says what a column holds. */
const NO_NAMES = { header: false, titles: 0, names: [], rivals: [], comment: undefined, priority: undefined } as const;

function withoutHeader({ delimiter, rows: [cells] }: Reading, name: string): Layout {
  if (cells.length === 1) return { delimiter, columns: 1, id: 0, ...NO_NAMES };
  refuseSeveralIds(cells, name);
  const [id] = indexesOf(cells, isActionId);
  if (id !== undefined) {
    throw new UsageError(
      `${name} has ${cells.length} columns and no header line: say which column holds the action IDs with --column ${id + 1}, or add a header`,
    );
  }
  throw new UsageError(
    `${name} has no column of action IDs; its first row has ${listed(cells)}: name the column with --column`,
  );
}

/** Which of several IDs in a row are meant only a header can say: a choice by number would lose the others. */
function refuseSeveralIds(cells: readonly string[], name: string): void {
  const several = countIds(cells);
  if (several < 2) return;
  throw new UsageError(
    `${name} has ${several} IDs in its first row and no header line, so it cannot be told which of them are action IDs: write one action ID a line, or add a header line that names the columns (id for the action ID)`,
  );
}

/** How many different GUIDs the cells of a row are. */
export function countIds(cells: readonly string[]): number {
  if (cells.length < 2) return cells.length;
  return new Set(cells.map((cell) => parseActionId(cell)).filter((id) => id !== undefined)).size;
}

function isActionId(cell: string): boolean {
  return parseActionId(cell) !== undefined;
}

/** Nothing when the first row does not end within the sample: a quote is open. Of later ones, which may be cut where it ends, as many as can be read. */
export function firstRows(sample: string, delimiter: string, count = 1 + TITLES_AT_MOST): Reading[] {
  try {
    const [first = [''], ...others]: string[][] = parse(sample, { ...LENIENT, delimiter, to: count });
    return [{ delimiter, rows: [trimmed(first), ...others.map(trimmed)] }];
  } catch {
    return count === 1 ? [] : firstRows(sample, delimiter, 1);
  }
}

/** Without what Excel leaves behind: empty columns at the end. */
export function trimmed(cells: string[]): string[] {
  const last = cells.findLastIndex((cell) => !isBlank(cell));
  return cells.slice(0, Math.max(1, last + 1));
}

export function indexesOf(cells: readonly string[], matches: (cell: string, index: number) => boolean): number[] {
  return cells.flatMap((cell, index) => (matches(cell, index) ? [index] : []));
}

export function quoted(text: string | undefined): string {
  return `"${oneLine(text ?? '', 40)}"`;
}

function listed(cells: readonly string[]): string {
  const shown = cells.slice(0, 20).map(quoted).join(', ');
  return cells.length > 20 ? `${shown} and ${cells.length - 20} more` : shown;
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
