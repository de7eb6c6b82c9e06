import { MAX_DEPTH, MAX_LINE_BYTES } from './field.ts';
import { decodeLine, ISO_LENGTH, isTextAt, kindAfter, TAIL_LENGTH } from './line.ts';
import { plainRecord } from './plain-record.ts';
import { type IntentFields, LEDGER_FORMAT, type LedgerRecord, type OpenFields, type ReplyFields } from './record.ts';
import { fieldsFault } from './record-fields.ts';

const QUOTE = 34;

const BACKSLASH = 92;
const LETTER_U = 117;

/** By the code of a byte: 1 for a quote, 2 for a backslash, 0 for any other. Without a branch, since nobody guesses where the next quote is. */
const MARK = Uint8Array.from({ length: 256 }, (_, code) => (code === QUOTE ? 1 : code === BACKSLASH ? 2 : 0));

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are ASCII too
const ASCII = /^[\u0000-\u007f]*$/;
const TOOL = /^countermand [\w.+-]{1,60}$/;

const LONE_SURROGATE = /\p{Cs}/u;

/** Another version than this, whose ledger this is. */
export interface OtherVersion {
  format: number;
  /** Its name and version, where it says so. */
  tool?: string;
}

/** A line that is no record of a ledger: what is wrong with it, completing "line 7 …". */
export class InvalidRecord {
  readonly what: string;
  /** Of another version's `open` record. */
  readonly other: OtherVersion | undefined;

  constructor(what: string, other?: OtherVersion) {
    this.what = what;
    this.other = other;
  }
}

/**
 * Reads the lines of one ledger, in order, as records: the one place where what a ledger says is checked. It may have been written by anybody:
 * the chain is no signature. Kinds and fields that nobody knows are passed over.
 */
export class RecordReader {
  /** The `at` of the record that was last read, epoch ms. */
  atMs = Number.NaN;
  readonly #times = new TimeReader();
  readonly #order = new RecordOrder();

  /**
   * The record in a line, whose UTF-8 stands in `bytes` from `from` to `to`, where the newline is, and its time at `at` (`timeIn` in line.ts; -1 where it does
   * not begin as it must).
   */
  read(line: string, bytes: Buffer, from: number, to: number, at: number): LedgerRecord | InvalidRecord {
    if (to - from > MAX_LINE_BYTES) return new InvalidRecord('is longer than any record');
    const plain = at < 0 ? undefined : plainRecord(bytes, from, at, to - TAIL_LENGTH, line);
    const record = plain ?? decodeLine(line);
    if (record === undefined) return new InvalidRecord('is not a record of a ledger');
    if (at < 0 || !isNameAt(bytes, kindAfter(at), record.kind)) {
      return new InvalidRecord('does not begin with its own seq, its at and its kind');
    }
    this.atMs = this.#times.at(bytes, at);
    if (Number.isNaN(this.atMs)) return invalid('at must be a time such as 2026-01-02T03:04:05.678Z');
    return (plain === undefined ? textFault(record, bytes, from, to) : undefined) ?? this.#fault(record) ?? record;
  }

  #fault(record: LedgerRecord): InvalidRecord | undefined {
    const { kind } = record;
    const why = fieldsFault(kind, record as unknown as Readonly<Record<string, unknown>>);
    const other = otherVersion(record);
    if (other !== undefined) return new InvalidRecord(`has format ${other.format}`, other);
    const fault = why ?? this.#order.fault(record);
    return fault === undefined ? undefined : new InvalidRecord(`is not a valid ${kind} record: ${fault}`);
  }
}

/** What each record must fit of those before it. */
class RecordOrder {
  #sessions = 0;
  #run = '';
  #hasIntake = false;
  #hasStart = false;
  #lastCall = 0;
  /** Calls without a reply: a few, and those in doubt. */
  readonly #unanswered = new Map<number, Pick<IntentFields, 'id' | 'attempt'>>();

  /** Undefined when it fits. */
  fault(record: LedgerRecord): string | undefined {
    switch (record.kind) {
      case 'open':
        return this.#open(record);
      case 'intake':
        this.#hasIntake = true;
        return undefined;
      case 'start':
        this.#hasStart = true;
        return undefined;
      case 'intent':
        return this.#intent(record, record.seq);
      case 'reply':
        return this.#reply(record);
      case 'outcome':
        return this.#isStarted ? undefined : 'nothing was started before it';
      default:
        return undefined;
    }
  }

  get #isStarted(): boolean {
    return this.#hasIntake && this.#hasStart;
  }

  #open({ session, run }: OpenFields): string | undefined {
    this.#sessions++;
    if (session !== this.#sessions) return `session must be ${this.#sessions}`;
    if (session > 1 && run !== this.#run) return 'run must be that of the first session';
    this.#run = run;
    return undefined;
  }

  #intent({ call, route, id, attempt }: IntentFields, seq: number): string | undefined {
    if (call <= this.#lastCall || call > seq) return 'call must be the next number of a call';
    if (route === 'cancel' && !this.#isStarted) return 'nothing was started before it';
    this.#lastCall = call;
    this.#unanswered.set(call, id === undefined ? { attempt } : { id, attempt });
    return undefined;
  }

  #reply({ call, id, attempt }: ReplyFields): string | undefined {
    const asked = this.#unanswered.get(call);
    if (asked === undefined) return 'no call with its number waits for a reply';
    this.#unanswered.delete(call);
    if (id !== undefined && id !== asked.id) return 'id must be that of its call';
    return attempt === undefined || attempt === asked.attempt ? undefined : 'attempt must be that of its call';
  }
}

/** Who wrote an `open` record whose format is not ours, and everything else in which may be other than we know; undefined for any other record. */
export function otherVersion(record: LedgerRecord): OtherVersion | undefined {
  if (record.kind !== 'open') return undefined;
  const { format, tool } = record;
  if (!Number.isSafeInteger(format) || format < 1 || format === LEDGER_FORMAT) return undefined;
  return { format, ...(typeof tool === 'string' && TOOL.test(tool) ? { tool } : {}) };
}

/**
 * What the text shows and the parsed record does not: a name that stands twice in it (of which every reader may take another one), and half of a
 * character. Also refuses what is nested so deep that it could overflow whoever goes through it.
 */
function textFault(record: LedgerRecord, bytes: Uint8Array, from: number, to: number): InvalidRecord | undefined {
  let marks = 0;
  let all = 0;
  let i = from;
  // Four at a time, which takes half of the time.
  for (; i + 4 <= to; i += 4) {
    const a = markAt(bytes, i);
    const b = markAt(bytes, i + 1);
    const c = markAt(bytes, i + 2);
    const d = markAt(bytes, i + 3);
    marks += a + b + c + d;
    all |= a | b | c | d;
  }
  for (; i < to; i++) {
    marks += markAt(bytes, i);
    all |= markAt(bytes, i);
  }
  const { quotes, hasEscapedUnits } =
    all < 2 ? { quotes: marks, hasEscapedUnits: false } : escapedQuotes(bytes, from, to);
  const texts = textsIn(record, 0);
  if (texts === Number.POSITIVE_INFINITY) return invalid('it is nested too deeply');
  if (quotes !== 2 * texts) return invalid('it names a field twice');
  return hasEscapedUnits && hasLoneSurrogate(record) ? invalid('it holds half of a character') : undefined;
}

function markAt(bytes: Uint8Array, at: number): number {
  return MARK[bytes[at] as number] as number;
}

/** The quotes that are no character of a text, where some of them may be. */
function escapedQuotes(bytes: Uint8Array, from: number, to: number): { quotes: number; hasEscapedUnits: boolean } {
  let quotes = 0;
  let hasEscapedUnits = false;
  for (let i = from; i < to; i++) {
    const code = bytes[i];
    if (code === QUOTE) quotes++;
    else if (code === BACKSLASH) {
      i++;
      if (bytes[i] === LETTER_U) hasEscapedUnits = true;
    }
  }
  return { quotes, hasEscapedUnits };
}

function invalid(why: string): InvalidRecord {
  return new InvalidRecord(`is not a valid record: ${why}`);
}

/** Whether the name, and the quote that ends it, stand at `at`. */
function isNameAt(bytes: Uint8Array, at: number, name: string): boolean {
  if (isTextAt(bytes, at, name)) return bytes[at + name.length] === QUOTE;
  // No kind of ours is called so; a later one may be.
  return !ASCII.test(name) && Buffer.from(`${name}"`).every((byte, place) => bytes[at + place] === byte);
}

/** How many names and texts a value holds, infinity when it is nested too deeply. */
function textsIn(value: object, depth: number): number {
  if (depth > MAX_DEPTH) return Number.POSITIVE_INFINITY;
  let texts = 0;
  const isArray = Array.isArray(value);
  for (const name in value) {
    const part: unknown = (value as Record<string, unknown>)[name];
    if (!isArray) texts++;
    if (typeof part === 'string') texts++;
    else if (typeof part === 'object' && part !== null) texts += textsIn(part, depth + 1);
  }
  return texts;
}

/** For a value of bounded depth. */
function hasLoneSurrogate(value: unknown): boolean {
  if (typeof value === 'string') return LONE_SURROGATE.test(value);
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([name, part]) => LONE_SURROGATE.test(name) || hasLoneSurrogate(part));
}

/** `2026-01-02T03:04:05.` */
const SECOND_LENGTH = 20;
const SECOND = /^\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d\.$/;

/** Every month has these days. */
const SAFE_DAYS = 28;
const DIGIT_0 = 48;

const DIGIT_9 = 57;
const ZONE = 90;

/** Reads the `at` of records. They follow each other within the same second by the thousand: only the milliseconds are read again. */
export class TimeReader {
  readonly #second = new Uint8Array(SECOND_LENGTH);
  #secondMs = Number.NaN;

  /** Epoch ms of the ISO time, UTC with milliseconds, that stands at `from`; NaN when none does. */
  at(bytes: Uint8Array, from: number): number {
    if (!this.#isSameSecond(bytes, from)) this.#readSecond(bytes.subarray(from, from + SECOND_LENGTH));
    if (bytes[from + ISO_LENGTH - 1] !== ZONE) return Number.NaN;
    return this.#secondMs + digit(bytes, from + 20) * 100 + digit(bytes, from + 21) * 10 + digit(bytes, from + 22);
  }

  #isSameSecond(bytes: Uint8Array, from: number): boolean {
    // What changes last comes last.
    for (let i = SECOND_LENGTH - 1; i >= 0; i--) if (bytes[from + i] !== this.#second[i]) return false;
    return true;
  }

  #readSecond(second: Uint8Array): void {
    const text = String.fromCharCode(...second);
    const ms = SECOND.test(text) ? Date.parse(`${text}000Z`) : Number.NaN;
    const day = Number(text.slice(8, 10));
    const isDay = day <= SAFE_DAYS || new Date(ms).getUTCDate() === day;
    this.#second.fill(0);
    this.#second.set(second);
    this.#secondMs = isDay ? ms : Number.NaN;
  }
}

function digit(bytes: Uint8Array, at: number): number {
  const code = bytes[at] ?? 0;
  return code >= DIGIT_0 && code <= DIGIT_9 ? code - DIGIT_0 : Number.NaN;
}
