import { DEEPEST, LONGEST_LINE_BYTES } from './limits.ts';
import { decodeLine } from './line.ts';
import { type IntentFields, LEDGER_FORMAT, type LedgerRecord, type OpenFields, type ReplyFields } from './record.ts';
import { fieldsFault } from './record-fields.ts';
import { TimeReader } from './time-reader.ts';

const QUOTE = 34;
const BACKSLASH = 92;
const LETTER_U = 117;
const AT = ',"at":"';
const KIND = '","kind":"';
const ISO_LENGTH = 24;
const LONE_SURROGATE = /\p{Cs}/u;

/** A line that is no record of a ledger: what is wrong with it, completing "line 7 …". */
export class Misfit {
  readonly what: string;
  /** Of an `open` record, where it is all that is wrong. */
  readonly format: number | undefined;

  constructor(what: string, format?: number) {
    this.what = what;
    this.format = format;
  }
}

export interface ReadRecord {
  record: LedgerRecord;
  /** Its `at`, epoch ms. */
  atMs: number;
}

/**
 * Reads the lines of one ledger, in order, as records: the one place where what a ledger says is checked. It may have been written by anybody:
 * the chain is no signature. Kinds and fields that nobody knows are passed over.
 */
export class RecordReader {
  readonly #times = new TimeReader();
  readonly #order = new RecordOrder();

  /** The record in a line without its newline, which is line number `seq`. */
  read(line: string, seq: number): ReadRecord | Misfit {
    if (line.length > LONGEST_LINE_BYTES) return new Misfit('is longer than any record');
    const record = decodeLine(line);
    if (record === undefined) return new Misfit('is not a record of a ledger');
    const { kind } = record;
    const begun = `{"seq":${seq}${AT}`;
    const kindAt = begun.length + ISO_LENGTH + KIND.length;
    const isBegun =
      line.startsWith(begun) && line.startsWith(KIND, kindAt - KIND.length) && line.startsWith(`${kind}"`, kindAt);
    if (!isBegun)
      return new Misfit(`does not begin as record ${seq} does ({"seq":${seq},"at":"<time>","kind":"<kind>")`);
    const atMs = this.#times.at(line, begun.length);
    if (Number.isNaN(atMs))
      return new Misfit('is not a valid record: at must be a time such as 2026-01-02T03:04:05.678Z');
    const odd = textFault(line, record) ?? this.#fault(record);
    return odd === undefined ? { record, atMs } : odd;
  }

  #fault(record: LedgerRecord): Misfit | undefined {
    const { kind } = record;
    const why = fieldsFault(kind, record as unknown as Readonly<Record<string, unknown>>);
    if (kind === 'open' && isOtherFormat(record)) return new Misfit(`has format ${record.format}`, record.format);
    const fault = why ?? this.#order.fault(record);
    return fault === undefined ? undefined : new Misfit(`is not a valid ${kind} record: ${fault}`);
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

/** Whether an `open` record is of a format that is not ours; everything else in it may then be other than we know. */
export function isOtherFormat({ format }: Pick<OpenFields, 'format'>): boolean {
  return Number.isSafeInteger(format) && format > 0 && format !== LEDGER_FORMAT;
}

/**
 * What the text shows and the parsed record does not: a name that stands twice in it (of which every reader may take another one), and half of a
 * character. Also refuses what is nested so deep that it could overflow whoever goes through it.
 */
function textFault(line: string, record: LedgerRecord): Misfit | undefined {
  let quotes = 0;
  let hasEscapedUnits = false;
  for (let i = 0; i < line.length; i++) {
    const code = line.charCodeAt(i);
    if (code === QUOTE) quotes++;
    else if (code === BACKSLASH) {
      i++;
      if (line.charCodeAt(i) === LETTER_U) hasEscapedUnits = true;
    }
  }
  const texts = textsIn(record, 0);
  if (texts > MOST_TEXTS) return new Misfit('is not a valid record: it is nested too deeply');
  if (quotes !== 2 * texts) return new Misfit('is not a valid record: it names a field twice');
  if (hasEscapedUnits && hasLoneSurrogate(record))
    return new Misfit('is not a valid record: it holds half of a character');
  return undefined;
}

const MOST_TEXTS = Number.MAX_SAFE_INTEGER;

/** How many names and texts a value holds, infinity when it is nested too deeply. */
function textsIn(value: object, depth: number): number {
  if (depth > DEEPEST) return Number.POSITIVE_INFINITY;
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
