import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Counter, encodeLine, TAIL_LENGTH, timeIn } from '../../src/ledger/line.ts';
import { plainRecord } from '../../src/ledger/plain-record.ts';
import type { RecordFields, RecordKind } from '../../src/ledger/record.ts';

const AT = '2026-03-01T10:20:30.456Z';
const ID = '0a6fe0a7-3a11-4a3c-9f2e-5d1b8f6c7d21';

/** As the scanner does: the line stands somewhere among others. */
function read(text: string, seq: number): unknown {
  const before = '{"what":"stands before it"}\n';
  const bytes = Buffer.from(`${before}${text}\nand behind it`);
  const counter = new Counter();
  for (let n = 0; n < seq; n++) counter.next();
  const from = before.length;
  const at = timeIn(bytes, from, counter);
  if (at < 0) return undefined;
  const tail = from + Buffer.byteLength(text) - TAIL_LENGTH;
  return plainRecord(bytes, from, at, tail, text);
}

const FIELDS = {
  intent: ['call', 'route', 'id', 'attempt'],
  reply: ['call', 'id', 'attempt', 'ms', 'http', 'code', 'correlation'],
  screen: ['id', 'status', 'type', 'machineId', 'computer', 'requestor', 'created'],
  outcome: ['id', 'outcome', 'status', 'detail', 'attempts'],
  pause: ['until', 'reason'],
  intents: ['call'],
};
const OTHER_NAMES = ['other', 'seq', 'kind', 'chain', 'ids', '__proto__', ''];
/** Values as they stand in a line: those that most are, and what else could stand there. */
const plain = fc.oneof(
  fc.constant(`"${ID}"`),
  fc.nat().map(String),
  fc.constantFrom('""', '0', '"a b"', '999999999999999'),
);
const odd = fc.oneof(
  fc.string().map((text) => JSON.stringify(text)),
  fc.string().map((text) => `"${text}"`),
  fc.constantFrom('-0', '007', '1.5', '1e3', '9999999999999999', '-1', 'null', 'true', '[]', '{}', ' 1', '1 ', '"a" '),
  fc.constantFrom('"\\u0041"', '"\\ud800"', '"é"', '"\u007f"', '"', '', '{"id":1}'),
);
const value = fc.oneof({ weight: 12, arbitrary: plain }, { weight: 1, arbitrary: odd });
/** Names of the kind in any order, a few of them twice or unknown. */
const lines = fc
  .constantFrom(...(Object.keys(FIELDS) as (keyof typeof FIELDS)[]))
  .chain((kind) =>
    fc.tuple(
      fc.constant(kind),
      fc.shuffledSubarray(FIELDS[kind]),
      fc.array(fc.constantFrom(...FIELDS[kind], ...OTHER_NAMES), { maxLength: 2 }),
      fc.array(value, { minLength: 9, maxLength: 9 }),
      fc.boolean(),
    ),
  )
  .map(([kind, names, more, values, hasMore]) => {
    const fields = [...names, ...(hasMore ? more : [])];
    return { kind, body: fields.map((name, n) => `,"${name}":${values[n]}`).join('') };
  });

test('what is read of a line without JSON.parse is what JSON.parse makes of it, and nothing is in it that is not shown', () => {
  let taken = 0;
  fc.assert(
    fc.property(
      lines,
      fc.integer({ min: 1, max: 1200 }),
      fc.option(fc.tuple(fc.nat(400), fc.constantFrom('"', '\\', ',', ':', '}', '{', ' ', '\n', '0', 'x', 'é'))),
      ({ kind, body }, seq, change) => {
        const whole = `{"seq":${seq},"at":"${AT}","kind":"${kind}"${body},"chain":"${'ab'.repeat(16)}"}`;
        const at = change === null ? 0 : change[0] % (whole.length - TAIL_LENGTH);
        // Whether a time stands there is left to whoever reads it.
        const time = whole.indexOf(AT);
        fc.pre(at < time || at >= time + AT.length);
        const text = change === null ? whole : `${whole.slice(0, at)}${change[1]}${whole.slice(at + 1)}`;
        const found = read(text, seq);
        if (found === undefined) return;
        // A line with a name twice, a space or an escape does not come back as it was.
        expect(JSON.stringify(JSON.parse(text))).toBe(text);
        // But for fields that are there as undefined.
        expect(JSON.parse(JSON.stringify(found))).toEqual(JSON.parse(text));
        taken++;
      },
    ),
    { numRuns: 10_000 },
  );
  expect(taken).toBeGreaterThan(1000);
});

test.each<[RecordKind, RecordFields[RecordKind]]>([
  ['intent', { call: 12, route: 'cancel', id: ID, attempt: 1 }],
  ['reply', { call: 12, id: ID, attempt: 1, ms: 180, http: 200 }],
  ['reply', { call: 12, id: ID, attempt: 2, ms: 31, http: 400, code: 'BadRequest', correlation: 'a|b.c' }],
  ['outcome', { id: ID, outcome: 'cancelled', attempts: 1, status: 'Cancelled' }],
  ['outcome', { id: ID, outcome: 'failed', status: 'Failed', detail: 'HTTP 500', attempts: 0 }],
  [
    'screen',
    {
      ...{ id: ID, status: 'Pending', type: 'Isolate', machineId: 'a'.repeat(40), computer: 'host-1.example.com' },
      ...{ requestor: 'analyst@example.com', created: '2026-01-01T00:00:00.0000001Z' },
    },
  ],
])('a record %s such as most are is read without JSON.parse: %j', (kind, fields) => {
  const { line } = encodeLine('', 99, AT, kind, fields);
  const text = line.trimEnd();
  expect(read(text, 99)).toEqual(JSON.parse(text));
});
