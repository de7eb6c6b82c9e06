import { pino } from 'pino';
import { expect, test } from 'vitest';
import { byOurClock, type ClocksNow } from '../../../src/ledger/call-age.ts';
import { CLOCK_DOUBT_MS } from '../../../src/quota/call-times.ts';
import { recentCallsInFolder } from '../../../src/store/folder/folder-calls.ts';
import { begin, type Harness, machine, makeHarness, OPEN, PATH } from './harness.ts';
import { MemoryDisk } from './memory-disk.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const YEAR_MS = 365 * DAY_MS;
let pid = 1;

/** A ledger of `count` calls, left at once. */
async function neighbour(
  harness: Harness,
  name: string,
  count: number,
  open: Partial<typeof OPEN> = {},
  answer: { skewMs?: number } = {},
): Promise<void> {
  const path = `/ledgers/${name}`;
  const ledger = await harness.open({ path, open: { ...OPEN, ...open }, processes: machine(++pid, new Map()) });
  for (let n = 0; n < count; n++) {
    const call = await ledger.intent({ route: 'list', ids: 100, attempt: 1 });
    await ledger.reply({ call, ms: 1, http: 200, ...answer });
  }
  await ledger[Symbol.asyncDispose]();
}

function fileOf({ disk }: Harness, name: string) {
  const file = disk.files.get(`/ledgers/${name}`);
  if (file === undefined) throw new Error(`no ${name}`);
  return file;
}

async function recent(harness: Harness, more: { withinMs?: number; clocks?: () => Promise<ClocksNow> } = {}) {
  const said: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line) => said.push(JSON.parse(line).msg) });
  const { tenant, client, api } = OPEN;
  const clocks = () => Promise.resolve(byOurClock(harness.clock.wallMs()));
  const calls = await recentCallsInFolder({
    ...{ folder: '/ledgers', disk: harness.disk, log, tenant, client, api, clocks, except: [PATH] },
    ...more,
  });
  return { count: calls.length, calls, said };
}

test('the calls of other ledgers of the same sender count, those of ours and of other senders do not', async () => {
  const harness = makeHarness();
  await neighbour(harness, 'a.jsonl', 1);
  await neighbour(harness, 'b.jsonl', 2);
  await neighbour(harness, 'c.plan.jsonl', 4, { tenant: OPEN.tenant.toUpperCase(), api: `${OPEN.api}/` });
  await neighbour(harness, 'other-client.jsonl', 8, { client: 'other' });
  await neighbour(harness, 'other-tenant.jsonl', 16, { tenant: '99999999-9999-4999-8999-999999999999' });
  await neighbour(harness, 'other-host.jsonl', 32, { api: 'https://api-eu.example.com' });
  const { count, said, calls } = await recent(harness);
  expect({ count, said }).toEqual({ count: 6, said: [] });
  const atMs = harness.clock.wallMs();
  expect(calls[0]).toEqual({
    route: 'list',
    intentAtMs: atMs,
    repliedAtMs: atMs,
    unanswered: false,
    skewMs: 0,
    fileAheadMs: 0,
  });
});

test('the calls of a tenant that is named by a domain count: it may be this one', async () => {
  const harness = makeHarness();
  await neighbour(harness, 'b.jsonl', 1, { tenant: 'contoso.com' });
  await neighbour(harness, 'c.jsonl', 2, { tenant: 'Fabrikam.onmicrosoft.com', client: 'managed-identity' });
  await neighbour(harness, 'd.jsonl', 4, { client: 'other' });
  expect((await recent(harness)).count).toBe(3);
});

test('a ledger with two names in the folder made its calls once, and a name of our own ledger none', async () => {
  const harness = makeHarness();
  await neighbour(harness, 'b.jsonl', 3);
  harness.disk.link('/ledgers/b.jsonl', '/ledgers/latest.jsonl');
  harness.disk.place('/ledgers/link.jsonl', 'a symbolic link', '/ledgers/b.jsonl');
  await (await harness.open({ processes: machine(++pid, new Map()) }))[Symbol.asyncDispose]();
  harness.disk.place('/ledgers/own.jsonl', 'a symbolic link', PATH);
  expect((await recent(harness)).count).toBe(3);
});

test.each(['a named pipe', 'a socket', 'a device', 'a folder', 'a symbolic link'] as const)(
  '%s beside the ledgers is passed over',
  async (kind) => {
    const harness = makeHarness();
    await neighbour(harness, 'b.jsonl', 1);
    harness.disk.place('/ledgers/odd.jsonl', kind, kind === 'a symbolic link' ? '/nowhere' : undefined);
    expect(await recent(harness)).toMatchObject({ count: 1, said: [] });
  },
);

test('a ledger whose client changed counts with the sessions of each', async () => {
  const harness = makeHarness();
  await neighbour(harness, 'b.jsonl', 3, { client: 'revoked' });
  await neighbour(harness, 'b.jsonl', 5);
  expect((await recent(harness)).count).toBe(5);
});

test('calls older than the window do not count, and of files that look a day older by every clock only the end is read', async () => {
  const harness = makeHarness();
  await neighbour(harness, 'b.jsonl', 400);
  const { bytes } = fileOf(harness, 'b.jsonl');
  expect(bytes.length).toBeGreaterThan(100_000);
  harness.clock.stand(HOUR_MS + CLOCK_DOUBT_MS - 1);
  expect((await recent(harness)).count).toBe(400);
  harness.clock.stand(1);
  expect((await recent(harness)).count).toBe(0);
  expect((await recent(harness, { withinMs: 2 * HOUR_MS })).count).toBe(400);
  let read = 0;
  harness.disk.read = async function* (...args) {
    for await (const chunk of MemoryDisk.prototype.read.apply(harness.disk, args)) {
      read += chunk.length;
      yield chunk;
    }
  };
  // Whose clock was slow when it wrote only looks old.
  harness.clock.stand(23 * HOUR_MS);
  expect(await recent(harness)).toMatchObject({ count: 0, said: [] });
  expect(read).toBe(bytes.length);
  harness.clock.stand(2 * HOUR_MS);
  read = 0;
  expect(await recent(harness)).toMatchObject({ count: 0, said: [] });
  expect(read).toBe(65_536);
});

test.each([-56 * YEAR_MS, -40 * DAY_MS, -2 * HOUR_MS, 2 * HOUR_MS, 56 * YEAR_MS])(
  'calls count whatever the modification time of their file says: %d ms',
  async (offMs) => {
    const harness = makeHarness();
    await neighbour(harness, 'b.jsonl', 3);
    await neighbour(harness, 'in-doubt.jsonl', 0);
    const open = await harness.open({ path: '/ledgers/in-doubt.jsonl', processes: machine(++pid, new Map()) });
    await open.intent({ route: 'list', ids: 100, attempt: 1 });
    await open[Symbol.asyncDispose]();
    for (const name of ['b.jsonl', 'in-doubt.jsonl']) fileOf(harness, name).modifiedMs += offMs;
    harness.clock.stand(60_000);
    expect((await recent(harness)).count).toBe(4);
  },
);

test('calls that were made while the machine was years slow count by Defender’s clock, also after a session without a call', async () => {
  const harness = makeHarness();
  await neighbour(harness, 'b.jsonl', 3, {}, { skewMs: YEAR_MS });
  await neighbour(harness, 'b.jsonl', 0);
  const wallMs = harness.clock.wallMs() + YEAR_MS + 60_000;
  const right = { wallMs, defenderMs: wallMs, fileMs: wallMs };
  expect((await recent(harness, { clocks: () => Promise.resolve(right) })).count).toBe(3);
});

test('an old ledger whose last answer stands too far from its end is read whole, and none that is damaged at its end is passed over', async () => {
  const harness = makeHarness();
  await neighbour(harness, 'long.jsonl', 2, {}, { skewMs: YEAR_MS });
  const long = await harness.open({ path: '/ledgers/long.jsonl', processes: machine(++pid, new Map()) });
  await begin(long, 500);
  await long[Symbol.asyncDispose]();
  await neighbour(harness, 'cut.jsonl', 2, {}, { skewMs: YEAR_MS });
  const cut = fileOf(harness, 'cut.jsonl');
  cut.bytes = Buffer.from(`${cut.bytes.toString().slice(0, -3)}\n`);
  const wallMs = harness.clock.wallMs() + YEAR_MS + 60_000;
  const right = { wallMs, defenderMs: wallMs, fileMs: wallMs };
  const { count, said } = await recent(harness, { clocks: () => Promise.resolve(right) });
  expect(count).toBe(4);
  expect(said).toEqual([expect.stringMatching(/cut\.jsonl .*line 5/)]);
});

test('a damaged neighbour counts as far as it can be read, and is warned of', async () => {
  const harness = makeHarness();
  await neighbour(harness, 'b.jsonl', 3);
  const file = fileOf(harness, 'b.jsonl');
  const lines = file.bytes.toString().split(/(?<=\n)/);
  file.bytes = Buffer.from(lines.with(3, '{"seq":4,"at":"2026-03-01T12:00:00.000Z","kind":"intent",####\n').join(''));
  const { count, said } = await recent(harness);
  expect(count).toBe(2);
  expect(said).toEqual([expect.stringMatching(/b\.jsonl .*line 4/)]);
});

test('a neighbour of a newer format counts as far as it can be read, and is warned of', async () => {
  const harness = makeHarness();
  await neighbour(harness, 'b.jsonl', 3);
  const file = fileOf(harness, 'b.jsonl');
  file.bytes = Buffer.from(file.bytes.toString().replace('"format":2', '"format":3'));
  const { count, said } = await recent(harness);
  expect(count).toBe(3);
  expect(said).toEqual([expect.stringContaining('format is 3')]);
});

test('other files and folders beside the ledgers are passed over', async () => {
  const harness = makeHarness();
  await neighbour(harness, 'b.jsonl', 1);
  harness.disk.folders.add('/ledgers/reports');
  await harness.disk.createExclusive('/ledgers/notes.txt', `${'x'.repeat(5000)}\n`);
  await harness.disk.createExclusive('/ledgers/empty', '');
  expect(await recent(harness)).toMatchObject({ count: 1, said: [] });
});
