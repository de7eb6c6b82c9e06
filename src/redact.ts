import { cleanLine } from './clean.ts';

/** Takes secrets out of a text that leaves. */
export type Redact = (text: string) => string;

export const keepAll: Redact = (text) => text;

const SHOWN_INSTEAD = '[secret]';
/** A shorter value cannot be told from an ordinary word: taking it out would spoil the texts that hold it by chance. */
const MIN_LENGTH = 6;
/** So much of a longer value's beginning is enough to know it: messages and records cut what they quote. */
const KEY_LENGTH = 16;
/** Base64 gives one spelling for each place in a group of three bytes. */
const BASE64_OFFSETS = [0, 1, 2] as const;

/**
 * Takes every value out, also where only its first 16 characters are left, and also as a URL, JSON, base64 or a cleaned line spells it.
 * `values` is asked at each text, because tokens are renewed; what is made of it is kept as long as it hands out the same list.
 */
export function makeRedact(values: () => readonly string[]): Redact {
  let known: readonly string[] | undefined;
  let find: Finder = () => undefined;
  return (text) => {
    const now = values();
    if (now !== known) {
      known = now;
      find = makeFinder(new Set(now.filter(({ length }) => length >= MIN_LENGTH).flatMap(spellings)));
    }
    return replaced(text, find);
  };
}

function replaced(text: string, find: Finder): string {
  let shown = '';
  let from = 0;
  for (let at = find(text, from); at !== undefined; at = find(text, from)) {
    shown += text.slice(from, at.start) + SHOWN_INSTEAD;
    from = at.end;
  }
  return from === 0 ? text : shown + text.slice(from);
}

/** The ways in which a value may be written. Those of base64 too short to mean only it are left out. */
function spellings(value: string): string[] {
  const url = encodeURIComponent(Buffer.from(value, 'utf8').toString('utf8'));
  const escaped = [
    url,
    url.replaceAll('%20', '+'),
    url.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    JSON.stringify(value).slice(1, -1),
    cleanLine(value),
  ];
  const base64 = BASE64_OFFSETS.map((offset) => base64At(value, offset)).filter(({ length }) => length >= 8);
  return [value, ...escaped, ...base64, ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))];
}

/** What base64 makes of a value that stands so many bytes behind the beginning of a group: the characters that only it decides. */
function base64At(value: string, offset: number): string {
  const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(value, 'utf8')]);
  const whole = Math.floor((bytes.length * 8) / 6);
  return bytes.toString('base64').slice(Math.ceil((offset * 8) / 6), whole);
}

/** Where the first of the needles stands in a text from some place on. */
type Finder = (text: string, from: number) => { start: number; end: number } | undefined;

/**
 * Looks for all needles in one walk through the text: a table of the first four characters tells at most places at once that none begins
 * there. Records are many and needles too (a private key has one for each line).
 */
function makeFinder(needles: ReadonlySet<string>): Finder {
  const mayBegin = new Uint8Array(1 << 16);
  const byBeginning = new Map<number, string[]>();
  for (const needle of needles) {
    if (needle.length < MIN_LENGTH) continue;
    const hash = hashAt(needle, 0);
    mayBegin[hash] = 1;
    byBeginning.set(hash, [...(byBeginning.get(hash) ?? []), needle]);
  }
  if (byBeginning.size === 0) return () => undefined;
  return (text, from) => {
    for (let start = from; start <= text.length - MIN_LENGTH; start++) {
      const hash = hashAt(text, start);
      if (mayBegin[hash] === 0) continue;
      const lengths = (byBeginning.get(hash) ?? []).map((needle) => matchAt(text, start, needle));
      const longest = Math.max(0, ...lengths);
      if (longest > 0) return { start, end: start + longest };
    }
    return undefined;
  };
}

function hashAt(text: string, at: number): number {
  const first = text.charCodeAt(at) ^ (text.charCodeAt(at + 1) << 4);
  return (first ^ (text.charCodeAt(at + 2) << 8) ^ (text.charCodeAt(at + 3) << 12)) & 0xffff;
}

/** How much of the needle stands there; 0 where it is too little to be it. */
function matchAt(text: string, at: number, needle: string): number {
  let length = 0;
  while (length < needle.length && text.charCodeAt(at + length) === needle.charCodeAt(length)) length++;
  return length >= Math.min(needle.length, KEY_LENGTH) ? length : 0;
}
