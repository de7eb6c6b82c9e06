/** What a terminal shows after some output: enough of an xterm for lines, bars and line editing, one column a character. */
export interface Screen {
  /** All lines from the first, without blanks at their ends; lines that scrolled away included. */
  readonly lines: readonly string[];
  /** How often a character fell beyond the last column, so that a line broke or was cut. */
  readonly wraps: number;
  readonly cursorHidden: boolean;
  /** Whether any colour or weight was asked for. */
  readonly coloured: boolean;
  /** Sequences that it does not know; a test expects none. */
  readonly unknown: readonly string[];
}

const ESCAPE = '\u001b';
const TOKEN = new RegExp(
  `${ESCAPE}\\[(?<parameters>[?\\d;]*)(?<final>[A-Za-z])|${ESCAPE}(?<other>.)|(?<text>[\\s\\S])`,
  'gu',
);

/** The screen after all of this output. `onPicture` sees it each time the cursor is sent to the first column. */
export function drawScreen(output: string, columns: number, onPicture: (line: string) => void = () => {}): Screen {
  const lines: string[][] = [[]];
  const unknown: string[] = [];
  let row = 0;
  let column = 0;
  let saved = { row, column };
  let wraps = 0;
  let cursorHidden = false;
  let coloured = false;
  /** Whether what does not fit is cut instead of broken. */
  let cuts = false;

  const line = () => {
    while (lines.length <= row) lines.push([]);
    return lines[row] ?? [];
  };
  const write = (character: string) => {
    if (column >= columns) {
      wraps++;
      if (cuts) return;
      row++;
      column = 0;
    }
    const cells = line();
    while (cells.length < column) cells.push(' ');
    cells[column++] = character;
  };
  const toFirstColumn = () => {
    onPicture(line().join('').trimEnd());
    column = 0;
  };
  const obey = (final: string, parameters: string) => {
    const n = Number(parameters.split(';')[0] || 0);
    if (final === 'm') coloured ||= n !== 0;
    else if (final === 'G') {
      if (n <= 1) toFirstColumn();
      else column = n - 1;
    } else if (final === 'K') {
      if (n === 0) line().length = Math.min(line().length, column);
      else if (n === 2) line().length = 0;
      else unknown.push(`CSI ${parameters}K`);
    } else if (final === 'J' && n === 0) {
      line().length = Math.min(line().length, column);
      lines.length = row + 1;
    } else if (final === 'A') row = Math.max(0, row - Math.max(1, n));
    else if (final === 'B') row += Math.max(1, n);
    else if (final === 'C') column += Math.max(1, n);
    else if (final === 'D') column = Math.max(0, column - Math.max(1, n));
    else if (parameters === '?25') cursorHidden = final === 'l';
    else if (parameters === '?7') cuts = final === 'l';
    else unknown.push(`CSI ${parameters}${final}`);
  };

  for (const { groups = {} } of output.matchAll(TOKEN)) {
    const { parameters, final, other, text } = groups;
    if (final !== undefined) obey(final, parameters ?? '');
    // Saving and restoring the cursor's place, which the bar does around its line wrap switch.
    else if (other === '7') saved = { row, column };
    else if (other === '8') ({ row, column } = saved);
    else if (other !== undefined) unknown.push(`ESC ${other}`);
    else if (text === '\n') row++;
    else if (text === '\r') toFirstColumn();
    else if (text === '\b') column = Math.max(0, column - 1);
    else if (text !== undefined && text !== '\u0007') write(text);
  }
  return { lines: lines.map((cells) => cells.join('').trimEnd()), wraps, cursorHidden, coloured, unknown };
}
