import { parse } from 'csv-parse/sync';
import { UsageError } from '../errors.ts';
import { parseActionId } from './action-id.ts';
import { LENIENT } from './csv-rows.ts';
import { oneLine } from './one-line.ts';

/** Where the IDs stand in a text. */
export interface Layout {
  delimiter: string;
  /** Whether the first row names the columns. */
  header: boolean;
  /** How many cells a row has. 1 for a plain list. */
  columns: number;
  /** Index of the column with the IDs. */
  id: number;
  /** Index of the column with a comment of the row's own. */
  comment: number | undefined;
  /** Index of the column that says who goes first. */
  priority: number | undefined;
}

/** The names, normalised, that a column of action IDs goes by. */
const ID_NAMES: ReadonlySet<string> = new Set(['id', 'actionid', 'machineactionid']);
const COMMENT_NAME = 'comment';
const PRIORITY_NAME = 'priority';
const DELIMITERS = [',', ';', '\t'] as const;

export interface LayoutOptions {
  /** For messages. */
  name: string;
  /** The column that holds the IDs: its name, or its number from 1. */
  column?: string | undefined;
  /** A delimiter that the file names itself. */
  delimiter?: string | undefined;
}

interface FirstRow {
  delimiter: string;
  cells: string[];
}

/**
 * Reads the layout off the beginning of a text: which delimiter, whether there is a header, where the IDs stand.
 * Throws a UsageError when that cannot be told.
 */
export function findLayout(sample: string, { name, column, delimiter }: LayoutOptions): Layout {
  const readings = (delimiter === undefined ? DELIMITERS : [delimiter])
    .map((candidate) => firstRow(sample, candidate))
    .filter((row) => row !== undefined)
    // The widest reading is the likeliest; of equal ones the first.
    .sort((one, other) => other.cells.length - one.cells.length);
  const widest = readings[0];
  if (!widest) {
    throw new UsageError(`${name} has a quote in its first row that is never closed: close it and run again`);
  }
  if (column !== undefined) return namedColumn(readings, widest, column, name);

  for (const row of readings) {
    const found = indexesOf(row.cells, (cell) => ID_NAMES.has(normal(cell)));
    if (found.length > 1) {
      const names = found.map((index) => quoted(row.cells[index])).join(', ');
      throw new UsageError(
        `${name} has several columns that may hold the action IDs (${names}): say which with --column, by name or by number (${found.map((index) => index + 1).join(', ')})`,
      );
    }
    const [id] = found;
    if (id !== undefined) return withHeader(row, id);
  }
  return withoutHeader(widest, name);
}

function namedColumn(readings: readonly FirstRow[], widest: FirstRow, column: string, name: string): Layout {
  for (const row of readings) {
    const exact = indexesOf(row.cells, (cell) => cell.trim() === column.trim());
    const found = exact.length > 0 ? exact : indexesOf(row.cells, (cell) => normal(cell) === normal(column));
    if (found.length > 1) {
      throw new UsageError(
        `${name} has ${found.length} columns named ${quoted(column)}: give --column the number of the one that holds the action IDs (${found.map((index) => index + 1).join(', ')})`,
      );
    }
    const [id] = found;
    if (id !== undefined) return withHeader(row, id);
  }
  if (/^\s*[1-9]\d{0,5}\s*$/.test(column)) {
    const id = Number(column) - 1;
    const { cells } = widest;
    if (id < cells.length) {
      refuseSeveralIds(cells, name);
      const [other] = indexesOf(cells, isActionId);
      if (other === undefined) return withHeader(widest, id);
      if (other === id) {
        const { delimiter } = widest;
        return { delimiter, header: false, columns: cells.length, id, comment: undefined, priority: undefined };
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
    `${name} has no column named ${quoted(column)}; its first row has ${listed(widest.cells)}: correct --column`,
  );
}

function withHeader({ delimiter, cells }: FirstRow, id: number): Layout {
  const named = (name: string) => indexesOf(cells, (cell, index) => index !== id && normal(cell) === name)[0];
  const [comment, priority] = [named(COMMENT_NAME), named(PRIORITY_NAME)];
  return { delimiter, header: true, columns: cells.length, id, comment, priority };
}

function withoutHeader({ delimiter, cells }: FirstRow, name: string): Layout {
  if (cells.length === 1) {
    return { delimiter, header: false, columns: 1, id: 0, comment: undefined, priority: undefined };
  }
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

/** Undefined when the row does not end within the sample: a quote is open. */
function firstRow(sample: string, delimiter: string): FirstRow | undefined {
  let rows: string[][];
  try {
    rows = parse(sample, { ...LENIENT, delimiter, to: 1 });
  } catch {
    return undefined;
  }
  const cells = rows[0] ?? [''];
  // What Excel leaves behind: empty columns at the end.
  while (cells.length > 1 && cells.at(-1)?.trim() === '') cells.pop();
  return { delimiter, cells };
}

function indexesOf(cells: readonly string[], matches: (cell: string, index: number) => boolean): number[] {
  return cells.flatMap((cell, index) => (matches(cell, index) ? [index] : []));
}

/** `Machine Action_ID` and `machineActionId` are the same name. */
function normal(name: string): string {
  return name.toLowerCase().replace(/[\s_\-"']/g, '');
}

function quoted(text: string | undefined): string {
  return `"${oneLine(text ?? '', 40)}"`;
}

function listed(cells: readonly string[]): string {
  const shown = cells.slice(0, 20).map(quoted).join(', ');
  return cells.length > 20 ? `${shown} and ${cells.length - 20} more` : shown;
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
