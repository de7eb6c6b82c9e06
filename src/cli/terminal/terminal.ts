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

/** Whoever waited less has not looked away. */
const LONG_MS = 60_000;
const BELL = '\u0007';
/** Terminals that take a title. Others may print it. */
const TITLED = /^(xterm|screen|tmux|rxvt|alacritty|foot|kitty|konsole|vte|wezterm)/;

/** What calls somebody back to a terminal at the end of a long command: the bell, and the window's title; empty where nobody waited, or watches. */
export function callBack(
  what: string,
  tookMs: number,
  { isTerminal }: Terminal,
  env: Readonly<Record<string, string | undefined>>,
): string {
  if (!isTerminal || tookMs < LONG_MS) return '';
  const title = TITLED.test(env['TERM'] ?? '') ? `\u001b]0;${what}${BELL}` : '';
  return `${title}${BELL}`;
}

/** Reports never grow wider than this, so that they can be pasted into a ticket. */
const WIDEST = 100;
const NARROWEST = 40;

/** The same for a report or a table. */
export function reportTerminal(...[stream, env]: Parameters<typeof terminalOf>): ReportTerminal {
  const { columns, colour } = terminalOf(stream, env);
  return { columns: Math.max(NARROWEST, Math.min(WIDEST, columns)), plain: !colour };
}
