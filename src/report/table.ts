import Table from 'cli-table3';
import { cleanLine } from '../clean.ts';
import { type Terminal, wrap } from './format.ts';

export interface Column {
  head: string;
  align?: 'left' | 'right';
  /** Colours a finished cell of this column. */
  paint?: (cell: string) => string;
}

/**
 * A table that fits `columns`: the last column takes what the others leave, and wraps. Cells are cleaned, so that a device
 * name cannot move the cursor or change the reading order.
 */
export function textTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  terminal: Terminal,
): string {
  const cleaned = rows.map((row) => row.map(cleanLine));
  const natural = columns.map((column, i) =>
    Math.max(column.head.length, ...cleaned.map((row) => displayWidth(row[i] ?? ''))),
  );
  const widths = fitted(natural, terminal.columns);
  const table = new Table({
    head: columns.map(({ head }) => head),
    chars: terminal.plain ? PLAIN : LINES,
    colAligns: columns.map(({ align }) => align ?? 'left'),
    colWidths: widths,
    wordWrap: true,
    wrapOnWordBoundary: true,
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': GAP },
  });
  for (const row of cleaned) {
    // Broken here by the rules of all text; what is left to the table is a word that is longer than its column.
    const wrapped = row.map((cell, i) => wrap(cell, (widths[i] ?? 0) - GAP).join('\n'));
    table.push(wrapped.map((cell, i) => columns[i]?.paint?.(cell) ?? cell));
  }
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

const GAP = 2;
const NONE = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
};
const PLAIN = { ...NONE, mid: '-' };
const LINES = { ...NONE, mid: '─' };

/** Widths with the gap; only the widest columns from the right give way. */
function fitted(natural: readonly number[], columns: number): number[] {
  const widths = natural.map((width) => width + GAP);
  let excess = widths.reduce((sum, width) => sum + width, 0) - columns;
  for (let i = widths.length - 1; i >= 0 && excess > 0; i--) {
    const width = widths[i] ?? 0;
    const given = Math.min(excess, Math.max(0, width - LEAST));
    widths[i] = width - given;
    excess -= given;
  }
  return widths;
}

const LEAST = 14;

/** Columns that the text takes: from Hangul on, most characters take two; counting one too many only leaves a blank. */
function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += (character.codePointAt(0) ?? 0) >= 0x1100 ? 2 : 1;
  return width;
}
