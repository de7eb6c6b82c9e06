/** Where the parts of a plain `admit` line stand: most lines of a large ledger are such, and reading them here costs a third of JSON.parse. */
export interface AdmitLine {
  /** Index of the ISO time in `at`. */
  at: number;
  /** Index of the {@link ID_LENGTH} characters of `id`. */
  id: number;
  line: number;
}

export const ID_LENGTH = 36;
const SEQ_AT = '{"seq":'.length;
const AT = ',"at":"';
const KIND = '","kind":"admit","id":"';
const LINE = '","line":';
const ISO_LENGTH = 24;
const COMMA = 44;
const DIGIT_0 = 48;
const DIGIT_9 = 57;

/**
 * Fills `found` from the line that begins at `from`, has this `seq`, and whose chain begins at `tail`. False for anything but
 * `{"seq":N,"at":"…","kind":"admit","id":"…","line":N`: such a line is left to JSON.parse. The line must have passed the chain, and the
 * text be free of backslashes, so that every string in it ends at the next quote.
 */
export function readAdmitLine(text: string, from: number, tail: number, seq: number, found: AdmitLine): boolean {
  const seqEnd = from + SEQ_AT + digitsOf(seq);
  const at = seqEnd + AT.length;
  const id = at + ISO_LENGTH + KIND.length;
  const lineAt = id + ID_LENGTH + LINE.length;
  if (lineAt >= tail || text.charCodeAt(seqEnd) !== COMMA || text.charCodeAt(seqEnd - 1) !== DIGIT_0 + (seq % 10))
    return false;
  if (!text.startsWith(KIND, at + ISO_LENGTH) || !text.startsWith(LINE, id + ID_LENGTH)) return false;
  let line = 0;
  for (let i = lineAt; i < tail; i++) {
    const digit = text.charCodeAt(i);
    if (digit < DIGIT_0 || digit > DIGIT_9) return false;
    line = line * 10 + digit - DIGIT_0;
  }
  found.at = at;
  found.id = id;
  found.line = line;
  return true;
}

function digitsOf(count: number): number {
  let digits = 1;
  for (let limit = 10; count >= limit; limit *= 10) digits++;
  return digits;
}
