import { ownCopy } from '../own-copy.ts';

// What people, spreadsheets, chats and word processors make of an ID, of a column's name and of a comment, and what is meant.

const GUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;
const BARE = new RegExp(`^${GUID.source}$`, 'i');
const DRESSED = new RegExp(`^(?:${GUID.source}|\\{\\s*${GUID.source}\\s*\\})$`, 'i');
const DEVICE_ID = /^[0-9a-f]{40}$/i;
/** The names, {@link plainName | made plain}, that a column or a field of action IDs goes by. */
const ID_NAMES: ReadonlySet<string> = new Set(['id', 'actionid', 'machineactionid']);

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
const ASCII = /^[\x00-\x7f]*$/;
/** Zero-width characters, direction marks, soft hyphens, byte order marks. */
const INVISIBLE = /[\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/gu;
/** Non-breaking hyphens, dashes of any length, the minus sign. */
const DASHES = /[\p{Pd}\u2212]/gu;
/** Quotes of any country, primes and accents that stand for them. */
const QUOTE = '["\'`\u00b4\u2032\u2033\u201a\u201e\\p{Pi}\\p{Pf}]';
/** With an `=` before quotes: how a spreadsheet is told to leave a text alone. */
const AROUND = new RegExp(`^\\s*=\\s*(?=${QUOTE})|^(?:${QUOTE}|\\s)+|(?:${QUOTE}|\\s)+$`, 'gu');

const LONGEST_WRITTEN = 500;

/** Without what is put round and into a text that cannot be seen, or only looks like what was meant. */
export function plain(text: string): string {
  const given = text.trim();
  // No ID and no name; and a search for its end would take a time that grows with the square of its length.
  if (given.length > LONGEST_WRITTEN) return given;
  const ascii = ASCII.test(given) ? given : given.normalize('NFKC').replace(INVISIBLE, '').replace(DASHES, '-');
  return ascii.replace(AROUND, '').replace(AROUND, '');
}

/**
 * The lower-case GUID that `text` is, in any case, with or without braces, quotes, spaces and what cannot be seen; undefined when it is anything
 * else. The string returned stands alone: it keeps no longer text alive.
 */
export function parseActionId(text: string): string | undefined {
  if (text.length === 36 && BARE.test(text)) return text.toLowerCase();
  // The shortest that can be dressed; most cells of other columns are told by that.
  if (text.length < 36) return undefined;
  const bare = plain(text);
  if (!DRESSED.test(bare)) return undefined;
  const guid = GUID.exec(bare)?.[0];
  return guid === undefined ? undefined : ownCopy(guid.toLowerCase());
}

/** Whether a GUID stands in it, among whatever else. */
export function holdsGuid(text: string): boolean {
  return text.length >= 36 && GUID.test(text);
}

/** Forty hex digits: what Defender calls a machine ID, a common mix-up with the ID of an action. */
export function isDeviceId(text: string): boolean {
  return DEVICE_ID.test(plain(text));
}

/** `Machine Action_ID` and `machineActionId` are the same name. */
export function plainName(name: string): string {
  return plain(name)
    .toLowerCase()
    .replace(/[\s_\-"']/g, '');
}

/** Whether this is the name of a column or field that holds action IDs. */
export function namesActionId(name: string): boolean {
  return ID_NAMES.has(plainName(name));
}

/** Whether this is the name of a column or field that says how soon its row goes. */
export function namesPriority(name: string): boolean {
  return plainName(name) === 'priority';
}

/** Whether this is the name of a column or field that holds the comment of its row. */
export function namesComment(name: string): boolean {
  return plainName(name) === 'comment';
}

/** Whether a text holds nothing that could be meant. */
export function isBlank(text: string): boolean {
  return text.trim() === '' || (!ASCII.test(text) && text.replace(INVISIBLE, '').trim() === '');
}

/** Where our CSV puts an apostrophe before what a spreadsheet would take for a formula; see report/csv.ts. */
const ADDED = /(^|[;\n])'(?=[\s"']*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])/gu;

/** A comment as it was before it was written to a CSV of ours: a failed.csv is a source again, and its comments are the user's. */
export function withoutApostrophes(text: string): string {
  return text.replace(ADDED, '$1');
}
