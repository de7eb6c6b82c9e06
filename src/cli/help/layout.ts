import { wrap } from '../../report/format.ts';

/** Every help text fits a terminal of this width, and does not change with a wider one. */
export const COLUMNS = 80;
const INDENT = '  ';
/** Between a name and what is said of it. */
const GAP = 2;

export type Row = readonly [name: string, what: string];

export function page(parts: readonly string[]): string {
  return `${parts.join('\n\n')}\n`;
}

/** `run <source>` as a person reads it: `run SOURCE`. */
export function usageWords(usage: string): string {
  return usage.replace(/<([^>]+)>|\[([^\]]+)\]/g, (_all, needed?: string, optional?: string) =>
    needed === undefined ? `[${shown(optional ?? '')}]` : shown(needed),
  );
}

/** `ledgers..` is one or more of them: `LEDGER...`; a help that lists them names one. */
export function shown(positional: string): string {
  return positional.replace(/^(ledger|run|name|source)s(\.\.)?$/, '$1...').toUpperCase();
}

/** Two columns. What is said of a name that is longer than the first column begins on a line of its own. */
export function twoColumns(rows: readonly Row[], first = widest(rows)): string {
  return rows.map((row) => oneRow(row, first)).join('\n');
}

/** A head and what stands under it; nothing where nothing does. */
export function section(head: string, ...parts: readonly string[]): string[] {
  const said = parts.filter((part) => part !== '');
  return said.length === 0 ? [] : [`${head}:\n${said.join('\n')}`];
}

export function paragraph(text: string, indent = ''): string {
  return wrap(text, COLUMNS - indent.length)
    .map((line) => `${indent}${line}`)
    .join('\n');
}

function oneRow([name, what]: Row, first: number): string {
  const left = INDENT.length + first + GAP;
  const lines = wrap(what, COLUMNS - left).map((line) => `${' '.repeat(left)}${line}`);
  const head = `${INDENT}${name}`;
  if (head.length > left - GAP) return [head, ...lines].join('\n');
  return [head.padEnd(left) + (lines[0] ?? '').trimStart(), ...lines.slice(1)].join('\n');
}

function widest(rows: readonly Row[]): number {
  return Math.max(0, ...rows.map(([name]) => name.length));
}
