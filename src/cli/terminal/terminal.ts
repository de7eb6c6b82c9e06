import type { Terminal as ReportTerminal } from '../../report/format.ts';

/** What one of the process's streams can show. */
export interface Terminal {
  /** Somebody watches, and a line can be drawn anew. */
  isTerminal: boolean;
  columns: number;
  /** Colour, weight and line drawing. */
  colour: boolean;
}

const STANDARD_COLUMNS = 80;

/** The one rule. `CI` (a log that somebody reads later) and `TERM=dumb` make it no terminal; `NO_COLOR` takes the colours away. */
export function terminalOf(
  { isTTY, columns }: { isTTY?: boolean | undefined; columns?: number | undefined },
  env: Readonly<Record<string, string | undefined>>,
): Terminal {
  const isTerminal = isTTY === true && !env['CI'] && env['TERM'] !== 'dumb';
  return {
    isTerminal,
    // A terminal that was never told its size has 0 columns.
    columns: (isTTY && columns) || STANDARD_COLUMNS,
    colour: isTerminal && !env['NO_COLOR'],
  };
}

/** Reports never grow wider than this, so that they can be pasted into a ticket. */
const WIDEST = 100;
const NARROWEST = 40;

/** The same for a report or a table. */
export function reportTerminal(...[stream, env]: Parameters<typeof terminalOf>): ReportTerminal {
  const { columns, colour } = terminalOf(stream, env);
  return { columns: Math.max(NARROWEST, Math.min(WIDEST, columns)), plain: !colour };
}
