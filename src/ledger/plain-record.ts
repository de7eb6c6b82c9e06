import type { Buffer } from 'node:buffer';
import { bytesOf, CHAIN_KEY, CHAIN_LENGTH, ISO_LENGTH, kindAfter, standsAt } from './line.ts';
import type { LedgerRecord } from './record.ts';

// Most lines of a large ledger are of four kinds, and hold whole numbers and texts without an escape. Read by their bytes such a line costs half of what
// JSON.parse takes together with the look at what that does not show. What it means is checked where that of every record is.

type Value = string | number | undefined;
/** What stands before a kind's own fields, and the chain. */
type Envelope = Pick<LedgerRecord, 'seq' | 'at' | 'chain'>;

interface Form {
  /** Of the kind, and the quote that ends it. */
  name: Uint8Array;
  /** `,"field":`, of each field, in the order in which we write them: others are looked for too, from there on. */
  keys: readonly Uint8Array[];
  /** From the values in the order of the keys. Literals, so that all records of a kind are of one shape. */
  make(envelope: Envelope, values: readonly Value[]): object;
}

const form = (kind: string, fields: readonly string[], make: Form['make']): Form => ({
  name: bytesOf(`${kind}"`),
  keys: fields.map((field) => bytesOf(`,"${field}":`)),
  make,
});

const FORMS: readonly Form[] = [
  form('intent', ['call', 'route', 'id', 'attempt'], ({ seq, at, chain }, [call, route, id, attempt]) => {
    return { seq, at, kind: 'intent', call, route, id, attempt, chain };
  }),
  form(
    'reply',
    ['call', 'id', 'attempt', 'ms', 'http', 'code', 'correlation'],
    ({ seq, at, chain }, [call, id, attempt, ms, http, code, correlation]) => {
      return { seq, at, kind: 'reply', call, id, attempt, ms, http, code, correlation, chain };
    },
  ),
  form(
    'screen',
    ['id', 'status', 'type', 'machineId', 'computer', 'requestor', 'created'],
    ({ seq, at, chain }, [id, status, type, machineId, computer, requestor, created]) => {
      return { seq, at, kind: 'screen', id, status, type, machineId, computer, requestor, created, chain };
    },
  ),
  form(
    'outcome',
    ['id', 'outcome', 'status', 'detail', 'attempts'],
    ({ seq, at, chain }, [id, outcome, status, detail, attempts]) => {
      return { seq, at, kind: 'outcome', id, outcome, status, detail, attempts, chain };
    },
  ),
];

const QUOTE = 34;
const BACKSLASH = 92;
const DIGIT_0 = 48;
const DIGIT_9 = 57;

/** So many digits are below 2⁵³ whatever they are. */
const MAX_DIGITS = 15;

/** By the code of a byte: 1 where it stands for itself in a text, which then goes on. */
const PLAIN = Uint8Array.from({ length: 128 }, (_, code) => Number(code >= 32 && code !== QUOTE && code !== BACKSLASH));

/** Where a line's number begins, and how far behind its end the time does. */
const SEQ_FROM = '{"seq":'.length;
const AT_KEY = ',"at":"'.length;

/**
 * The record in a line that stands in `bytes` from `from`, its time at `at` (`timeIn` in line.ts) and its chain at `tail`, and whose text is `line`: what
 * JSON.parse makes of it, but that fields which are not there may be there as undefined. Undefined for a line that is not of a form that we write most:
 * it is for JSON.parse, and may be anything.
 */
export function plainRecord(
  bytes: Buffer,
  from: number,
  at: number,
  tail: number,
  line: string,
): LedgerRecord | undefined {
  const kind = kindAfter(at);
  for (const form of FORMS) {
    if (!standsAt(bytes, kind, form.name)) continue;
    if (!readValues(bytes, kind + form.name.length, tail, form.keys)) return undefined;
    const time = at - from;
    const chain = tail - from + CHAIN_KEY.length;
    const envelope = {
      seq: wholeAt(bytes, from + SEQ_FROM, at - AT_KEY),
      at: line.slice(time, time + ISO_LENGTH),
      chain: line.slice(chain, chain + CHAIN_LENGTH),
    };
    return form.make(envelope, VALUES) as LedgerRecord;
  }
  return undefined;
}

/** Of the line that is being read: one array for all, in the order of its form's keys. */
const VALUES: Value[] = FORMS.flatMap(({ keys }) => keys.map(() => undefined));

/** Whether from `at` to `tail` stand fields by these keys, each once at most, and nothing else. Their values are in {@link VALUES} then. */
function readValues(bytes: Buffer, at: number, tail: number, keys: readonly Uint8Array[]): boolean {
  VALUES.fill(undefined);
  let place = 0;
  let begin = at;
  while (begin < tail) {
    const key = keyAt(bytes, begin, keys, place);
    if (key < 0 || VALUES[key] !== undefined) return false;
    const value = begin + (keys[key] as Uint8Array).length;
    const isText = bytes[value] === QUOTE;
    const end = isText ? textEnd(bytes, value + 1) : numberEnd(bytes, value);
    if (end < 0 || end > tail) return false;
    // A text of its own, which keeps no chunk alive.
    VALUES[key] = isText ? bytes.toString('latin1', value + 1, end - 1) : wholeAt(bytes, value, end);
    begin = end;
    place = key + 1;
  }
  return begin === tail;
}

/** Which of the keys stands there, tried from `first` on; -1 when none does. */
function keyAt(bytes: Uint8Array, at: number, keys: readonly Uint8Array[], first: number): number {
  for (let place = first; place < keys.length; place++)
    if (standsAt(bytes, at, keys[place] as Uint8Array)) return place;
  for (let place = 0; place < first; place++) if (standsAt(bytes, at, keys[place] as Uint8Array)) return place;
  return -1;
}

/** Behind the quote that ends the text which begins at `from`; -1 where it is not plain. */
function textEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  while (PLAIN[bytes[at] as number] === 1) at++;
  return bytes[at] === QUOTE ? at + 1 : -1;
}

/** Behind the last digit of the number that begins at `from`; -1 where none does, or one that is too long, or has a zero before it. */
function numberEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  while (isDigit(bytes[at])) at++;
  const digits = at - from;
  return digits === 0 || digits > MAX_DIGITS || (digits > 1 && bytes[from] === DIGIT_0) ? -1 : at;
}

function isDigit(code: number | undefined): boolean {
  return code !== undefined && code >= DIGIT_0 && code <= DIGIT_9;
}

function wholeAt(bytes: Uint8Array, from: number, to: number): number {
  let whole = 0;
  for (let at = from; at < to; at++) whole = whole * 10 + (bytes[at] as number) - DIGIT_0;
  return whole;
}
