import { bytesOf, kindAfter, standsAt } from './line.ts';

/** Where the parts of a plain `admit` line stand: most lines of a large ledger are such, and reading them here costs a third of JSON.parse. */
export interface AdmitLine {
  /** Index of the {@link GUID_LENGTH} characters of `id`. */
  id: number;
  line: number;
}

const ID = bytesOf('admit","id":"');
const LINE = bytesOf('","line":');

const DIGIT_0 = 48;
const DIGIT_9 = 57;

/** So many digits are below 2⁵³ whatever they are. */
const MAX_DIGITS = 15;

/**
 * Fills `found` from the line whose time stands `at` there (`timeIn` in line.ts) and whose chain begins at `tail`. False for anything but
 * `{"seq":N,"at":"…","kind":"admit","id":"…","line":N` with an ID and a number of a line as a record must have them: such a line is left to the
 * reader of all records, which then says what is wrong with it. Whether `at` is a time is left to whoever reads it. The line must have passed
 * the chain.
 */
export function readAdmitLine(bytes: Uint8Array, at: number, tail: number, found: AdmitLine): boolean {
  const kind = kindAfter(at);
  const id = kind + ID.length;
  const lineAt = id + GUID_LENGTH + LINE.length;
  if (lineAt >= tail || tail - lineAt > MAX_DIGITS || bytes[lineAt] === DIGIT_0) return false;
  if (!standsAt(bytes, kind, ID) || !isLowerGuidAt(bytes, id) || !standsAt(bytes, id + GUID_LENGTH, LINE)) return false;
  let line = 0;
  for (let i = lineAt; i < tail; i++) {
    const digit = bytes[i] ?? 0;
    if (digit < DIGIT_0 || digit > DIGIT_9) return false;
    line = line * 10 + digit - DIGIT_0;
  }
  found.id = id;
  found.line = line;
  return true;
}

/** Characters of a GUID without braces. */
export const GUID_LENGTH = 36;

const HYPHEN = 45;
const HYPHENS = [8, 13, 18, 23];

/** By the code of a byte: 0 for a lower-case hex digit, 1 for a hyphen, and more than a GUID has bytes for any other. */
const COST = Uint8Array.from({ length: 256 }, (_, code) => {
  if (code === HYPHEN) return 1;
  return /[0-9a-f]/.test(String.fromCharCode(code)) ? 0 : GUID_LENGTH + 1;
});

/** Whether the text is a GUID in lower case, without braces: the one form in which a ledger and a path to Defender hold an ID. */
export function isLowerGuid(text: string): boolean {
  if (text.length !== GUID_LENGTH) return false;
  let cost = 0;
  for (let at = 0; at < GUID_LENGTH; at++) cost += COST[text.charCodeAt(at)] ?? GUID_LENGTH + 1;
  return cost === HYPHENS.length && HYPHENS.every((place) => text.charCodeAt(place) === HYPHEN);
}

/** Whether the bytes from `from` on are such a GUID: a million of them are read when a large ledger is opened, so without a branch each. */
function isLowerGuidAt(bytes: Uint8Array, from: number): boolean {
  if (from + GUID_LENGTH > bytes.length) return false;
  let cost = 0;
  for (let at = from; at < from + GUID_LENGTH; at++) cost += COST[bytes[at] as number] as number;
  const hyphens = bytes[from + 8] === HYPHEN && bytes[from + 13] === HYPHEN && bytes[from + 18] === HYPHEN;
  return cost === 4 && hyphens && bytes[from + 23] === HYPHEN;
}
