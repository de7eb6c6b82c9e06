import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { commentFault } from '../../src/comment.ts';
import { CountermandError } from '../../src/errors.ts';
import { frozenJobSchema } from '../../src/job/job.ts';
import { byOurClock } from '../../src/ledger/call-age.ts';
import { OUTCOME_NAMES } from '../../src/ledger/outcomes.ts';
import { checkLedger, readLedger } from '../../src/ledger/read-ledger.ts';
import type { LedgerRecord } from '../../src/ledger/record.ts';
import { RECORD_FIELDS } from '../../src/ledger/record-fields.ts';
import { type Scanned, Scanner } from '../../src/ledger/scanner.ts';
import { Projection } from '../../src/ledger/state/projection.ts';
import { silentLog } from '../../src/log.ts';
import { outcomesCsv } from '../../src/report/csv.ts';
import { summarise } from '../../src/report/facts/summary.ts';
import { jsonText } from '../../src/report/json.ts';
import { summaryText } from '../../src/report/text.ts';
import { readView } from '../../src/run/read-view.ts';
import { recentCallsInFolder } from '../../src/store/folder/folder-calls.ts';
import { makeHarness, OPEN, PATH } from '../store/folder/harness.ts';
import { readRecords } from '../support/read-records.ts';
import { bodyOf, type Forged, forge, ODD_VALUES, recordsOf } from './forge.ts';

/** Every kind of record, each field of each kind somewhere. */
const RECORDS = recordsOf(readFileSync(new URL('fixtures/format-2.jsonl', import.meta.url), 'utf8'));
const SHAPES = RECORDS.map((record) =>
  record.map(([name, json]) => (name === 'kind' || name === 'route' ? json : name)).join(),
);
/** Every field of the first record of each shape. */
const PLACES = RECORDS.flatMap((record, index) =>
  SHAPES.indexOf(SHAPES[index] ?? '') === index ? record.map(([name]) => ({ index, name })) : [],
);

// A second opinion on what a record may say, in another form than the table that the program reads with.
const whole = (least: number) =>
  z
    .int()
    .min(least)
    .refine((value) => !Object.is(value, -0));
const id = z.string().regex(/^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/);
const text = (most: number) => z.string().max(most);
const plain = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^\P{Cc}*$/u);
const ms = (least: number) => whole(least).max(8.64e15);
const nullable = text(256).nullable();
const time = z.iso.datetime({ precision: 3 });
const SECOND_OPINION: Readonly<Record<string, z.ZodType>> = {
  open: z.object({
    format: whole(1),
    run: id,
    session: whole(1),
    tool: plain(256),
    tenant: plain(256),
    client: plain(256),
    api: plain(2048),
    job: frozenJobSchema,
  }),
  admit: z.object({
    id,
    line: whole(1),
    comment: z
      .string()
      .refine((value) => commentFault(value) === undefined)
      .optional(),
    priority: z.number().optional(),
  }),
  reject: z.object({ line: whole(1), reason: z.enum(['not-an-id', 'bad-row', 'duplicate']), text: text(100) }),
  intake: z.object({
    admitted: whole(0),
    rejected: whole(0),
    bytes: whole(0),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
  }),
  screen: z.object({
    id,
    status: text(256),
    type: text(256),
    machineId: nullable,
    computer: nullable,
    requestor: nullable,
    created: nullable,
  }),
  start: z.object({
    by: z.enum(['question', 'yes']),
    count: whole(0),
    order: z.enum(['source', 'newest', 'last-seen']).optional(),
  }),
  intent: z.union([
    z.object({ route: z.enum(['cancel', 'get']), id, ids: whole(0).optional(), call: whole(1), attempt: whole(1) }),
    z.object({
      route: z.literal('list'),
      id: z.undefined().optional(),
      ids: whole(0),
      call: whole(1),
      attempt: whole(1),
    }),
    z.object({
      route: z.literal('machines'),
      id: z.undefined().optional(),
      ids: whole(0).optional(),
      call: whole(1),
      attempt: whole(1),
    }),
  ]),
  reply: z
    .object({
      call: whole(1),
      id: id.optional(),
      attempt: whole(1).optional(),
      ms: ms(0),
      http: whole(0).max(999).optional(),
      code: text(256).optional(),
      correlation: text(256).optional(),
      retryAfterMs: ms(0).optional(),
      skewMs: ms(-8.64e15).optional(),
      error: text(256).optional(),
    })
    .refine(({ http, error }) => http !== undefined || error !== undefined),
  outcome: z.object({
    id,
    outcome: z.enum(OUTCOME_NAMES),
    attempts: whole(0),
    status: text(256).optional(),
    detail: text(1024).optional(),
  }),
  pause: z.object({ until: time, reason: z.enum(['throttled', 'out-of-reach']) }),
  close: z.object({
    reason: z.enum(['planned', 'finished', 'interrupted', 'halted', 'deadline', 'refused', 'unreachable', 'disk']),
    // A schema for records of any keys passes over `__proto__`.
    counts: z.custom((counts) => {
      if (typeof counts !== 'object' || counts === null || Array.isArray(counts)) return false;
      const isName = (name: string) => OUTCOME_NAMES.some((known) => known === name);
      return Object.entries(counts).every(([name, count]) => isName(name) && whole(0).safeParse(count).success);
    }),
  }),
};

/** Whether the text of one record may stand as line `line`; what it must fit of other lines is left out. */
function mayStand(body: string, line: number): boolean {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(`${body}}`);
  } catch {
    return false;
  }
  const { seq, at, kind } = record;
  if (seq !== line || typeof kind !== 'string' || !time.safeParse(at).success) return false;
  if (!body.startsWith(`{"seq":${line},"at":"${String(at)}","kind":"${kind}"`)) return false;
  if (depthOf(record) > 32 || /\p{Cs}/u.test(body.replace(/\\u([0-9a-f]{4})/g, (_, hex) => unit(hex)))) return false;
  const schema = Object.hasOwn(SECOND_OPINION, kind) ? SECOND_OPINION[kind] : undefined;
  return schema?.safeParse(record).success ?? true;
}

function unit(hex: string): string {
  return String.fromCharCode(Number.parseInt(hex, 16));
}

function depthOf(root: unknown): number {
  let depth = 0;
  for (let level: unknown[] = [root]; level.length > 0 && depth < 100; depth++) {
    level = level.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : []));
  }
  return depth;
}

interface Read {
  scanned: Scanned;
  records: LedgerRecord[];
  state: Projection;
}

function scan(bytes: Uint8Array, { fast }: { fast: boolean }): Read {
  const state = new Projection();
  const records: LedgerRecord[] = [];
  const apply = (record: LedgerRecord, atMs: number) => {
    records.push(record);
    state.apply(record, atMs);
  };
  const admitted = state.admitted.bind(state);
  const scanner = new Scanner(fast ? { apply, admitted } : { apply });
  for (let at = 0; at < bytes.length; at += 4000) scanner.push(bytes.subarray(at, at + 4000));
  return { scanned: scanner.result, records, state };
}

function bodiesOf(records: readonly Forged[]): string[] {
  return records.map(bodyOf);
}

/** Puts `json` where `name` was in record `index`, or takes it away. */
function withValue(index: number, name: string, json: string | undefined): string[] {
  const record = RECORDS[index] ?? [];
  const changed = record.flatMap((entry) => {
    if (entry[0] !== name) return [entry];
    return json === undefined ? [] : [[name, json] as const];
  });
  return bodiesOf(RECORDS.with(index, changed));
}

/** Both readers agree, and what one record may not say stops them at its line. Returns the line that does not fit. */
function judge(bodies: readonly string[], changed: number): number | undefined {
  const bytes = forge(bodies);
  const slow = scan(bytes, { fast: false });
  const fast = scan(bytes, { fast: true });
  expect(fast.scanned).toEqual(slow.scanned);
  expect([...fast.state.actions.values()]).toEqual([...slow.state.actions.values()]);
  const { fault } = slow.scanned;
  const body = bodies[changed] ?? '';
  if (mayStand(body, changed + 1)) {
    // It may still not fit what stands before it, or what stands behind it not fit it.
    if (fault !== undefined && fault.other === undefined) {
      expect(fault.line).toBeGreaterThan(changed);
      expect(fault.what).toMatch(ORDER);
    }
  } else if (fault?.line !== changed + 1) {
    throw new Error(`line ${changed + 1} may not say ${body.slice(0, 300)}, and ${JSON.stringify(fault)} was said`);
  }
  if (fault !== undefined) {
    expect(fault.what).toMatch(/^[ -~⁵³²]*$/);
    expect(fault.what.length).toBeLessThan(300);
  }
  return fault?.line;
}

const ORDER =
  /session must be|run must be|call must be|no call with its number|must be that of its call|nothing was started|is not a record of a ledger/;

test('the forged ledgers begin from one that is whole and holds every kind of record and every field', () => {
  expect(scan(forge(bodiesOf(RECORDS)), { fast: false }).scanned).toMatchObject({ records: 34, fault: undefined });
  const there = new Set(PLACES.map(({ index, name }) => `${JSON.parse(jsonOf(index, 'kind'))}.${name}`));
  const declared = Object.entries(RECORD_FIELDS).flatMap(([kind, fields]) =>
    Object.keys(fields).map((name) => `${kind}.${name}`),
  );
  // Of these the types alone must do: no story needs them.
  expect(declared.filter((each) => !there.has(each))).toEqual(['open.redacted', 'outcome.detail']);
});

function jsonOf(index: number, name: string): string {
  return RECORDS[index]?.find((entry) => entry[0] === name)?.[1] ?? '';
}

test('a record that lacks a field, or whose field may not be left out, is damage at its line', () => {
  let refused = 0;
  for (const { index, name } of PLACES) if (judge(withValue(index, name, undefined), index) !== undefined) refused++;
  expect(refused).toBeGreaterThan(PLACES.length * 0.7);
});

test('every odd value in every field of every kind is damage at its line, or harms nothing', () => {
  let refused = 0;
  for (const { index, name } of PLACES) {
    for (const json of ODD_VALUES) if (judge(withValue(index, name, json), index) !== undefined) refused++;
  }
  expect(refused).toBeGreaterThan(PLACES.length * ODD_VALUES.length * 0.8);
}, 300_000);

test('a field that stands twice is damage, whichever of its values is right', () => {
  for (const { index, name } of PLACES) {
    for (const json of ['null', '1', jsonOf(index, name)]) {
      for (const place of ['before', 'behind']) {
        const record = RECORDS[index] ?? [];
        const twice = place === 'behind' ? [...record, [name, json] as const] : twiceAtOnce(record, name, json);
        const { scanned } = scan(forge(bodiesOf(RECORDS.with(index, twice))), { fast: true });
        expect(scanned.fault?.line, bodyOf(twice)).toBe(index + 1);
      }
    }
  }
});

function twiceAtOnce(record: Forged, name: string, json: string): Forged {
  return record.flatMap((entry) => (entry[0] === name ? [[name, json] as const, entry] : [entry]));
}

test('fields and kinds that nobody knows are passed over, whatever they are called', () => {
  for (const name of ['later', 'constructor', '__proto__', 'toString', 'hasOwnProperty', '', 'é']) {
    for (const json of ['1', '"x"', 'null', '{"a":[1,{"b":"c"}]}', `"${'x'.repeat(100_000)}"`]) {
      const fields = RECORDS.map((record): Forged => [...record, [name, json]]);
      expect(scan(forge(bodiesOf(fields)), { fast: true }).scanned.fault).toBeUndefined();
    }
    const kind: Forged = [
      ['seq', '35'],
      ['at', '"2026-01-02T05:00:00.000Z"'],
      ['kind', JSON.stringify(name)],
      ['id', '"../x"'],
    ];
    expect(scan(forge(bodiesOf([...RECORDS, kind])), { fast: true }).scanned).toMatchObject({ records: 35 });
  }
});

test('records in another order than they can have come in are damage', () => {
  const lines = bodiesOf(RECORDS);
  const renumbered = (picked: readonly number[]) =>
    picked.map((index, at) => (lines[index] ?? '').replace(/^\{"seq":\d+/, `{"seq":${at + 1}`));
  const all = RECORDS.map((_, index) => index);
  const of = (kind: string) => all.filter((index) => jsonOf(index, 'kind') === `"${kind}"`);
  for (const [what, picked, line] of [
    ['no open record first', all.slice(1), 1],
    ['no start before a cancel', all.filter((index) => !of('start').includes(index)), undefined],
    ['no intake before a cancel', all.filter((index) => !of('intake').includes(index)), undefined],
    ['a reply twice', [...all.slice(0, 12), 11, ...all.slice(12)], undefined],
    ['an intent twice', [...all.slice(0, 10), 9, ...all.slice(10)], undefined],
    ['a session twice', [0, 0, ...all.slice(1)], 2],
    ['only its second session', all.slice(26), 1],
  ] as const) {
    const { fault } = scan(forge(renumbered(picked)), { fast: true }).scanned;
    expect(fault, what).toBeDefined();
    if (line !== undefined) expect(fault?.line, what).toBe(line);
  }
});

test('another format is told apart from damage, whatever else its record holds', async () => {
  const first = RECORDS[0] ?? [];
  for (const [name] of first.slice(3)) {
    for (const json of ODD_VALUES.filter((each) => !each.includes('ud') && each.length < 5000)) {
      const made = first.map(([key, value]): [string, string] => [
        key,
        key === 'format' ? '3' : key === name ? json : value,
      ]);
      await readByAll(forge([bodyOf(made)]));
    }
  }
});

describe('whatever a forger makes', () => {
  const oddJson = fc.oneof(
    fc.constantFrom(...ODD_VALUES),
    fc.json({ depthSize: 'small' }),
    fc.jsonValue().map((value) => JSON.stringify(value)),
    fc.string({ unit: 'binary' }).map((value) => JSON.stringify(value)),
    fc.double().map(String),
  );
  const change = fc.record({ place: fc.constantFrom(...PLACES), json: fc.option(oddJson, { nil: undefined }) });

  test('both readers of records say the same of it, and so does a schema of another make', () => {
    fc.assert(
      fc.property(change, ({ place: { index, name }, json }) => {
        judge(withValue(index, name, json), index);
      }),
      { numRuns: 3000 },
    );
  }, 300_000);

  test('nothing that reads a ledger ends but with exit 12 and the line, or exit 2', async () => {
    const places = fc.uniqueArray(change, { minLength: 1, maxLength: 3, selector: ({ place }) => place.index });
    await fc.assert(
      fc.asyncProperty(places, async (changes) => {
        const records = changes.reduce<Forged[]>((made, { place: { index, name }, json }) => {
          const changed = (made[index] ?? []).flatMap((entry) => {
            if (entry[0] !== name) return [entry];
            return json === undefined ? [] : [[name, json] as const];
          });
          return made.with(index, changed);
        }, RECORDS);
        await readByAll(forge(bodiesOf(records)));
      }),
      { numRuns: 400 },
    );
  }, 300_000);

  test('bytes with right chain values are damage, or records that nobody knows, and never more', async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each.filter((byte) => byte !== 10))),
      fc.string({ unit: 'binary' }).map((each) => Buffer.from(each.replaceAll('\n', ' '))),
      oddJson.map((each) => Buffer.from(each)),
      oddJson.map((each) => Buffer.from(`{"seq":35,"at":"2026-01-02T05:00:00.000Z","kind":${each}`)),
      oddJson.map((each) => Buffer.from(`{"seq":35,"at":"2026-01-02T05:00:00.000Z","kind":"admit",${each}`)),
      fc
        .uint8Array({ maxLength: 40 })
        .map((each) =>
          Buffer.concat([
            Buffer.from('{"seq":35,"at":"2026-01-02T05:00:00.000Z","kind":"later","text":"'),
            Buffer.from(each.filter((byte) => byte !== 10 && byte !== 34 && byte !== 92 && byte >= 32)),
            Buffer.from('"'),
          ]),
        ),
    );
    await fc.assert(
      fc.asyncProperty(bytes, fc.boolean(), async (body, alone) => {
        await readByAll(forge(alone ? [body] : [...bodiesOf(RECORDS), body]));
      }),
      { numRuns: 500 },
    );
  }, 300_000);
});

/** Gives a ledger to everything that reads one. */
async function readByAll(bytes: Buffer): Promise<void> {
  const harness = makeHarness();
  harness.disk.folders.add('/ledgers');
  await harness.disk.createExclusive(PATH, '');
  const file = harness.disk.files.get(PATH);
  if (file === undefined) throw new Error('no file');
  file.bytes = bytes;
  const { disk } = harness;
  const { fault } = scan(bytes, { fast: true }).scanned;
  const readers: Record<string, () => Promise<unknown>> = {
    readLedger: () => readLedger(PATH, disk),
    checkLedger: () => checkLedger(PATH, disk, 'ab'.repeat(16)),
    readRecords: async () => {
      for await (const _ of readRecords({ path: PATH, disk }));
    },
    neighbours: () =>
      recentCallsInFolder({
        ...OPEN,
        folder: '/ledgers',
        disk,
        log: silentLog,
        clocks: () => Promise.resolve(byOurClock(0)),
        except: ['/ledgers/b.jsonl'],
      }),
    report: async () => {
      const view = await readView(disk, PATH);
      const summary = summarise([view], { nowMs: Date.parse('2026-01-03T00:00:00.000Z') });
      summaryText(summary, { terminal: TERMINAL });
      jsonText(summary);
      for (const _ of outcomesCsv([view]));
    },
    openLedger: async () => {
      const ledger = await harness.open({
        open: { ...OPEN, tenant: TENANT, api: 'https://api.security.microsoft.com' },
      });
      await ledger[Symbol.asyncDispose]();
      // What we add to what we accepted must be accepted too.
      const { scanned } = scan(disk.files.get(PATH)?.bytes ?? Buffer.alloc(0), { fast: true });
      if (scanned.fault !== undefined) throw new Error(`our own record does not fit: ${JSON.stringify(scanned.fault)}`);
    },
  };
  for (const [name, read] of Object.entries(readers)) {
    const error = await read().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error === undefined) {
      if (fault !== undefined && name === 'openLedger') throw new Error('a damaged ledger was opened');
      continue;
    }
    if (!(error instanceof CountermandError)) throw new Error(`${name} threw`, { cause: error });
    expect([2, 12]).toContain(error.exitCode);
    if (error.exitCode === 12) expect(error.message).toContain(`line ${fault?.line} `);
  }
}

const TENANT = '7d9f8b1e-3c52-4f0a-9a51-0d6b1f2a7c11';
const TERMINAL = { plain: true, columns: 100 };
