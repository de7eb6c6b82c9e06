import { UsageError } from '../errors.ts';
import { isBlank } from './as-written.ts';
import { CommentLines } from './comment-lines.ts';
import { endless, QUIET_AT_MOST } from './csv-rows.ts';
import { countLineEnds } from './text.ts';

/** How much of the beginning the layout is read from, in characters. */
const SAMPLE_LENGTH = 64 * 1024;

/** The beginning of a text, without the lines before its first row. */
export interface Opening {
  /** Lines that were taken off: blank ones, `#TYPE …` (PowerShell 5), other `#` lines, `sep=;` (Excel); quoted or padded, where that was done to them. */
  skippedLines: number;
  /** The delimiter that a `sep=` line names. */
  delimiter: string | undefined;
  /** Of those lines the ones that are comments. */
  comments: CommentLines;
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
  const comments = new CommentLines();
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
    if (!ended && !looksLikeJson(head) && head.slice(0, SAMPLE_LENGTH).indexOf('\n') === -1) {
      throw new UsageError(
        `${name} begins with a line of over ${SAMPLE_LENGTH} characters: give a list of action IDs, one a line`,
      );
    }
    const { at: kept, delimiter: named } = firstRow(head, comments);
    const preamble = head.slice(0, kept);
    skippedLines += countLineEnds(preamble);
    skippedLength += kept;
    if (skippedLength > QUIET_AT_MOST) throw endless(name, 0);
    delimiter = named ?? delimiter;
    head = head.slice(kept);
    if (ended || head.length >= SAMPLE_LENGTH) break;
  }
  return { skippedLines, delimiter, comments, sample: head.slice(0, SAMPLE_LENGTH), rest: continued(head, pieces) };
}

async function* continued(head: string, pieces: AsyncIterator<string>): AsyncGenerator<string> {
  if (head.length > 0) yield head;
  for (let next = await pieces.next(); !next.done; next = await pieces.next()) yield next.value;
}

/** Where the first line begins that is not part of the preamble, and the delimiter that the preamble names. A last line without its end counts as a line. */
function firstRow(text: string, comments: CommentLines): { at: number; delimiter: string | undefined } {
  let delimiter: string | undefined;
  let at = 0;
  while (at < text.length) {
    const end = text.indexOf('\n', at);
    const line = end === -1 ? text.slice(at) : text.slice(at, end);
    if (!isBlank(line)) {
      const named = SEPARATOR.exec(line)?.[1];
      if (named !== undefined) delimiter = named === '\\t' ? '\t' : named;
      else if (!isRemark(line)) break;
      else if (!TYPE_LINE.test(line)) comments.add(line);
    }
    at = end === -1 ? text.length : end + 1;
  }
  return { at, delimiter };
}

/** Excel's line. Also as saved once more: in quotes, with empty cells after it, the tab written as `\t`. */
const SEPARATOR = /^[\s"']*sep *= *(\\t|[^\s"']|\t| )[\s"',;]*$/i;

/** PowerShell's, also in quotes. */
const TYPE_LINE = /^"?#TYPE\b/i;

/** A header may have a column named "#". */
function isRemark(line: string): boolean {
  return line.startsWith('#') ? !/^#\s*[,;\t]/.test(line) : TYPE_LINE.test(line);
}

/** A list in brackets or an object; not an ID in braces, nor a name in brackets. */
export function looksLikeJson(text: string): boolean {
  return /^\s*(?:\{\s*["}]|\[\s*(?:["{[\]]|(?:null|true|false|-?\d+)\s*[,\]]|$))/.test(text);
}
