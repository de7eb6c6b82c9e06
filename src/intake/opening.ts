import { UsageError } from '../errors.ts';
import { endless, QUIET_AT_MOST } from './csv-rows.ts';
import { countLineEnds } from './text.ts';

/** How much of the beginning the layout is read from, in characters. */
const SAMPLE_LENGTH = 64 * 1024;

/** The beginning of a text, without the lines before its first row. */
export interface Opening {
  /** Lines that were taken off: blank ones, `#TYPE …` (PowerShell 5), other `#` lines, `sep=;` (Excel). */
  skippedLines: number;
  /** The delimiter that a `sep=` line names. */
  delimiter: string | undefined;
  /** What the text begins with after that; empty when nothing is left. */
  sample: string;
  /** The whole text after that, `sample` included. */
  rest: AsyncIterable<string>;
}

/** Takes a text (lines end with `\n`) apart into what precedes its first row and the rest. Throws a UsageError when its first line does not end, or never comes. */
export async function readOpening(text: AsyncIterable<string>, name: string): Promise<Opening> {
  const pieces = text[Symbol.asyncIterator]();
  let head = '';
  let ended = false;
  let skippedLines = 0;
  let skippedLength = 0;
  let delimiter: string | undefined;
  for (;;) {
    const read = [head];
    for (let length = head.length; length < SAMPLE_LENGTH && !ended; ) {
      const next = await pieces.next();
      if (next.done) ended = true;
      else {
        read.push(next.value);
        length += next.value.length;
      }
    }
    head = read.join('');
    if (!ended && head.slice(0, SAMPLE_LENGTH).indexOf('\n') === -1) {
      throw new UsageError(
        `${name} begins with a line of over ${SAMPLE_LENGTH} characters: give a list of action IDs, one a line`,
      );
    }
    const kept = firstRowAt(head);
    const preamble = head.slice(0, kept);
    skippedLines += countLineEnds(preamble);
    skippedLength += kept;
    if (skippedLength > QUIET_AT_MOST) throw endless(name, 0);
    delimiter = /^sep=(.)$/im.exec(preamble)?.[1] ?? delimiter;
    head = head.slice(kept);
    if (ended || head.length >= SAMPLE_LENGTH) break;
  }
  return { skippedLines, delimiter, sample: head.slice(0, SAMPLE_LENGTH), rest: continued(head, pieces) };
}

async function* continued(head: string, pieces: AsyncIterator<string>): AsyncGenerator<string> {
  if (head.length > 0) yield head;
  for (let next = await pieces.next(); !next.done; next = await pieces.next()) yield next.value;
}

/** Where the first line begins that is not part of the preamble. A last line without its end counts as a line. */
function firstRowAt(text: string): number {
  let at = 0;
  while (at < text.length) {
    const end = text.indexOf('\n', at);
    const line = end === -1 ? text.slice(at) : text.slice(at, end);
    if (!isPreamble(line)) return at;
    at = end === -1 ? text.length : end + 1;
  }
  return at;
}

function isPreamble(line: string): boolean {
  if (line.trim() === '') return true;
  if (/^sep=.$/i.test(line)) return true;
  // A header may have a column named "#".
  return line.startsWith('#') && !/^#\s*[,;\t]/.test(line);
}
