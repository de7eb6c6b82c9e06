import { parseActionId, plainName } from './as-written.ts';
import { namesIdColumn } from './column-names.ts';
import { csvRows } from './csv-rows.ts';
import { DELIMITERS, firstRows } from './layout.ts';
import type { Opening } from './opening.ts';

const WHOLE = { delimiter: ',', comments: false, skippedLines: 0 } as const;

/** A line that is one quoted cell. */
const ONE_CELL = /^"(?:[^"\n]|"")*"[,;\s]*$/m;

/**
 * Whether each row of a table is one quoted cell, as a spreadsheet writes what it had opened with another delimiter: a row that names the column
 * of the IDs shows only when its quotes are undone.
 */
export function isWrapped({ sample }: Pick<Opening, 'sample'>, column: string | undefined): boolean {
  const names = (cell: string) =>
    namesIdColumn(cell) || (column !== undefined && plainName(cell) === plainName(column));
  const readingsOf = (text: string) => DELIMITERS.flatMap((delimiter) => firstRows(text, delimiter));
  if (!ONE_CELL.test(sample) || readingsOf(sample).some(({ rows }) => rows.some((row) => row.some(names))))
    return false;
  for (const { rows } of firstRows(sample, WHOLE.delimiter)) {
    for (const [cell = '', ...others] of rows) {
      if (others.length > 0) continue;
      if (parseActionId(cell) !== undefined) return false;
      if (readingsOf(cell).some(({ rows: [cells] }) => cells.length > 1 && cells.some(names))) return true;
    }
  }
  return false;
}

/** The text of the table inside, each row on the line it had. A row that is not wrapped stays what it is. */
export async function* unwrapped(text: AsyncIterable<string>, name: string): AsyncGenerator<string> {
  let line = 1;
  for await (const batch of csvRows(text, name, WHOLE)) {
    let inside = '';
    for (const row of batch) {
      inside += '\n'.repeat(Math.max(0, row.line - line));
      const [cell = '', ...others] = row.cells;
      const written = others.every((other) => other === '') ? cell : row.cells.map(quoted).join(WHOLE.delimiter);
      inside += `${written}\n`;
      line = row.line + written.split('\n').length;
    }
    yield inside;
  }
}

function quoted(cell: string): string {
  return `"${cell.replaceAll('"', '""')}"`;
}
