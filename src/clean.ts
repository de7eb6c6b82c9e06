/**
 * Text from elsewhere (a device's name, a comment, an error's message, a file's name) made fit for a terminal, a log, a page and JSON. All of
 * them ask this one table of what is hostile: characters that move the cursor, end a line, turn the reading order, or cannot be seen.
 */

/** A pictograph with its variation or skin tone. */
const PICTOGRAPH = '\\p{Extended_Pictographic}(?:\\uFE0F|[\\u{1F3FB}-\\u{1F3FF}])?';
/** Where the zero-width joiner and the variation selector belong: inside an emoji. Anywhere else they hide. */
const EMOJI = `${PICTOGRAPH}(?:\\u200D${PICTOGRAPH})*|[0-9#*]\\uFE0F\\u20E3`;
/**
 * Controls (C0, DEL, C1), invisible format characters (bidirectional marks, zero-width ones, tags), lone surrogates, line and paragraph separators,
 * what is ignored where it cannot be shown (fillers, variation selectors), and the blank Braille pattern.
 */
const HOSTILE = '[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}\\u2800]';
/** Colour and weight, which is all that our own text holds of escape sequences. */
const STYLE = '\\u001B\\[\\d{0,3}(?:;\\d{1,3}){0,4}m';

const FOREIGN = new RegExp(`${EMOJI}|(${HOSTILE})`, 'gu');
const OWN = new RegExp(`${EMOJI}|\\n|${STYLE}|(${HOSTILE})`, 'gu');
const PLAIN = /^[ -~]*$/;
const PLAIN_LINES = /^[ -~\n]*$/;

/** Each hostile character replaced; all others, emoji with their joiners included, as they are. */
export function replaceHostile(text: string, replace: (character: string) => string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(FOREIGN, (kept, hostile: string | undefined) =>
    hostile === undefined ? kept : replace(hostile),
  );
}

/** Foreign text without its hostile characters, for where an escape would be longer than what it stands in. */
export function withoutHostile(text: string): string {
  return replaceHostile(text, () => '');
}

/**
 * Foreign text as one line that shows all it holds: hostile characters as escapes (`\x1b`, `\n`, `\u202e`), a tab as a blank. Cleaning
 * what is clean changes nothing.
 */
export function cleanLine(text: string): string {
  return replaceHostile(text, visible);
}

/** What a file holds, as part of a message: hostile characters and line ends become blanks, and what is longer than `length` is cut. */
export function oneLine(text: string, length: number): string {
  const flat = replaceHostile(text, () => ' ')
    .replace(/ +/g, ' ')
    .trim();
  return flat.length > length ? `${flat.slice(0, length)}…` : flat;
}

/** Text of our own, put together from cleaned parts: keeps line ends, colour and weight, so that no forgotten part can do more than that. */
export function cleanOwn(text: string): string {
  if (PLAIN_LINES.test(text)) return text;
  return text.replace(OWN, (kept, hostile: string | undefined) => (hostile === undefined ? kept : visible(hostile)));
}

/** JSON with every hostile character as `\uXXXX`: the same value for a program, and harmless to whoever looks at it. */
export function cleanJson(json: string): string {
  return replaceHostile(json, (character) => (character < ' ' ? character : units(character)));
}

/** Plain data with all its texts cleaned. */
export function cleanDeep<T>(value: T): T {
  return mapTexts(value, cleanLine) as T;
}

/** Plain data with each of its texts, but not its keys, replaced. */
export function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change));
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTexts(item, change)]));
}

const NAMED: Readonly<Record<string, string>> = { '\t': ' ', '\n': '\\n', '\r': '\\r' };

function visible(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code < 0x100) return NAMED[character] ?? `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\u{${hex}}`;
}

/** As JSON writes a character: one escape a UTF-16 unit. */
function units(character: string): string {
  return Array.from({ length: character.length }, (_, i) => {
    return `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
  }).join('');
}
