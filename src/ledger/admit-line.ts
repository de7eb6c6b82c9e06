/** Where the parts of a plain `admit` line stand: most lines of a large ledger are such, and reading them here costs half of JSON.parse. */
export interface AdmitLine {
  seq: number;
  /** Index of the 24 characters of `at`. */
  at: number;
  /** Index of the {@link ID_LENGTH} characters of `id`. */
  id: number;
  line: number;
}

export const ID_LENGTH = 36;
const AT_LENGTH = 24;
const DIGIT_0 = 48;
const DIGIT_9 = 57;
const SEQ = '{"seq":';
const AT = ',"at":"';
const KIND = '","kind":"admit","id":"';
const LINE = '","line":';

/**
 * Fills `found` from the line that begins at `from` and whose chain begins at `tail`. False for anything but
 * `{"seq":N,"at":"…","kind":"admit","id":"…","line":N` to the letter: such a line is left to JSON.parse.
 * The text must be free of backslashes, so that every string in it ends at the next quote.
 */
export function readAdmitLine(text: string, from: number, tail: number, found: AdmitLine): boolean {
  if (!text.startsWith(SEQ, from)) return false;
  let at = from + SEQ.length;
  let seq = 0;
  for (let digit = text.charCodeAt(at); digit >= DIGIT_0 && digit <= DIGIT_9; digit = text.charCodeAt(++at)) {
    seq = seq * 10 + digit - DIGIT_0;
  }
  if (!text.startsWith(AT, at)) return false;
  found.at = at + AT.length;
  if (!text.startsWith(KIND, found.at + AT_LENGTH)) return false;
  found.id = found.at + AT_LENGTH + KIND.length;
  const idEnd = found.id + ID_LENGTH;
  if (text.indexOf('"', found.id) !== idEnd || !text.startsWith(LINE, idEnd)) return false;
  let line = 0;
  for (let i = idEnd + LINE.length; i < tail; i++) {
    const digit = text.charCodeAt(i);
    if (digit < DIGIT_0 || digit > DIGIT_9) return false;
    line = line * 10 + digit - DIGIT_0;
  }
  found.seq = seq;
  found.line = line;
  return true;
}
