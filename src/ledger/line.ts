import { createHash, hash } from 'node:crypto';
import { ownCopy } from '../own-copy.ts';
import type { LedgerRecord, RecordFields, RecordKind } from './record.ts';

/** 128 bits: nobody finds two plans with one head, not even who writes both. */
export const CHAIN_LENGTH = 32;

/** What stands before a line's chain value. */
export const CHAIN_KEY = ',"chain":"';

/** Length of `,"chain":"<32 hex>"}`, what every line ends with. */
export const TAIL_LENGTH = `${CHAIN_KEY}"}`.length + CHAIN_LENGTH;

/** {@link chainOf} over the bytes of a line that is not ASCII. */
export function chainOfBytes(previous: string, body: Uint8Array): string {
  return createHash('sha256').update(previous).update(body).digest('hex').slice(0, CHAIN_LENGTH);
}

/**
 * The chain value of a line: the first 32 hex digits of SHA-256 over the previous line's chain value (empty for the
 * first line) followed by this line's own text before its last `,"chain":`.
 */
export function chainOf(previous: string, body: string): string {
  return hash('sha256', previous + body, 'hex').slice(0, CHAIN_LENGTH);
}

/** One record as a line, newline included, and its chain value. Fields that are undefined are left out. */
export function encodeLine<K extends RecordKind>(
  previous: string,
  seq: number,
  at: string,
  kind: K,
  fields: RecordFields[K],
): { line: string; chain: string } {
  const body = `{"seq":${seq},"at":"${at}","kind":"${kind}",${JSON.stringify(fields).slice(1, -1)}`;
  const chain = chainOf(previous, body);
  return { line: `${body},"chain":"${chain}"}\n`, chain };
}

/** The record in a line; undefined when it is not JSON or lacks the envelope. Unknown fields and kinds are kept. */
export function decodeLine(line: string): LedgerRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  return isRecord(value) ? value : undefined;
}

function isRecord(value: unknown): value is LedgerRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { seq, at, kind, chain } = value as Record<string, unknown>;
  return typeof seq === 'number' && typeof at === 'string' && typeof kind === 'string' && typeof chain === 'string';
}

/** How the first record of every ledger begins. */
export const FIRST_RECORD = '{"seq":1,"at":"';

/** Characters of an ISO time, UTC with milliseconds. */
export const ISO_LENGTH = 24;
const DIGIT_0 = 48;

const DIGIT_9 = 57;
const SEQ = bytesOf('{"seq":');

const AT = bytesOf(',"at":"');
const KIND = bytesOf('","kind":"');

/** The ASCII codes of a text. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** Whether `wanted` stands at `at`. A loop of our own: a call into V8 or Node takes longer than these few bytes. */
export function standsAt(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}

/** The same of a text of ASCII characters. */
export function isTextAt(bytes: Uint8Array, at: number, wanted: string): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted.charCodeAt(i)) return false;
  return true;
}

/** A number as its digits, counted up from 0: dividing it anew for each line would cost more than all the rest of a line's beginning. */
export class Counter {
  /** In base ten, as ASCII codes, at the end. */
  readonly #digits = new Uint8Array(16).fill(DIGIT_0);
  #first = this.#digits.length - 1;

  next(): void {
    let at = this.#digits.length - 1;
    for (; this.#digits[at] === DIGIT_9; at--) this.#digits[at] = DIGIT_0;
    this.#digits[at] = (this.#digits[at] ?? 0) + 1;
    if (at < this.#first) this.#first = at;
  }

  /** Where the number ends that stands at `at`; -1 when another one does. */
  endIn(bytes: Uint8Array, at: number): number {
    const { length } = this.#digits;
    for (let i = this.#first; i < length; i++) {
      if (bytes[at + i - this.#first] !== this.#digits[i]) return -1;
    }
    return at + length - this.#first;
  }
}

/**
 * Where the time begins in a line that begins at `from` as the record with this number must, `{"seq":N,"at":"…","kind":"`; -1 when it begins
 * otherwise. Whether a time stands there is left to whoever reads it.
 */
export function timeIn(bytes: Uint8Array, from: number, seq: Counter): number {
  const end = seq.endIn(bytes, from + SEQ.length);
  const at = end + AT.length;
  return end >= 0 && standsAt(bytes, from, SEQ) && standsAt(bytes, end, AT) && standsAt(bytes, at + ISO_LENGTH, KIND)
    ? at
    : -1;
}

/** Where the name of the kind begins that follows the time at `at`. */
export function kindAfter(at: number): number {
  return at + ISO_LENGTH + KIND.length;
}

const LONE_SURROGATES = /\p{Cs}/gu;

/**
 * The beginning of a text that somebody else chose, at most `most` UTF-16 units of it and none of them half of a character. Where something
 * had to go, the rest of it is not kept alive.
 */
export function cut(text: string, most: number): string {
  if (text.length <= most && text.search(LONE_SURROGATES) < 0) return text;
  const begun = text.slice(0, most);
  const lastCode = begun.charCodeAt(begun.length - 1);
  const isSplit = text.length > most && lastCode >= 0xd800 && lastCode < 0xdc00;
  return ownCopy((isSplit ? begun.slice(0, -1) : begun).replace(LONE_SURROGATES, '\ufffd'));
}
