import { GUID_LENGTH, isLowerGuidAt } from './lower-guid.ts';

/** Where the parts of a plain `admit` line stand: most lines of a large ledger are such, and reading them here costs a third of JSON.parse. */
export interface AdmitLine {
  /** Index of the ISO time in `at`. */
  at: number;
  /** Index of the {@link GUID_LENGTH} characters of `id`. */
  id: number;
  line: number;
}

const SEQ = '{"seq":';
const AT = ',"at":"';
const KIND = '","kind":"admit","id":"';
const LINE = '","line":';
const ISO_LENGTH = 24;
const DIGIT_0 = 48;
const DIGIT_9 = 57;
/** So many digits are below 2⁵³ whatever they are. */
const MOST_DIGITS = 15;

/**
 * Fills `found` from the line that begins at `from`, has this `seq`, and whose chain begins at `tail`. False for anything but
 * `{"seq":N,"at":"…","kind":"admit","id":"…","line":N` with an ID and a number of a line as a record must have them: such a line is left to the
 * reader of all records, which then says what is wrong with it. Whether `at` is a time is left to whoever reads it. The line must have passed
 * the chain, and the text be free of backslashes, so that every string in it ends at the next quote.
 */
export function readAdmitLine(text: string, from: number, tail: number, seq: number, found: AdmitLine): boolean {
  const seqEnd = endOfNumber(text, from + SEQ.length, seq);
  const at = seqEnd + AT.length;
  const id = at + ISO_LENGTH + KIND.length;
  const lineAt = id + GUID_LENGTH + LINE.length;
  if (seqEnd < 0 || lineAt >= tail || tail - lineAt > MOST_DIGITS || text.charCodeAt(lineAt) === DIGIT_0) return false;
  if (!text.startsWith(SEQ, from) || !text.startsWith(AT, seqEnd)) return false;
  if (!text.startsWith(KIND, at + ISO_LENGTH) || !text.startsWith(LINE, id + GUID_LENGTH)) return false;
  if (!isLowerGuidAt(text, id)) return false;
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

/** Where the number ends that begins at `from`; -1 when another one stands there. */
function endOfNumber(text: string, from: number, wanted: number): number {
  let digits = 1;
  for (let limit = 10; wanted >= limit; limit *= 10) digits++;
  let left = wanted;
  for (let i = from + digits - 1; i >= from; i--) {
    const digit = left % 10;
    if (text.charCodeAt(i) !== DIGIT_0 + digit) return -1;
    left = (left - digit) / 10;
  }
  return from + digits;
}
