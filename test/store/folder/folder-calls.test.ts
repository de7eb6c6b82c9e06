import { pino } from 'pino';
import { expect, test } from 'vitest';
import { byOurClock } from '../../../src/ledger/call-age.ts';
import { CLOCK_DOUBT_MS } from '../../../src/quota/call-times.ts';
import { recentCallsInFolder } from '../../../src/store/folder/folder-calls.ts';
import { type Harness, machine, makeHarness, OPEN, PATH } from './harness.ts';
import { MemoryDisk } from './memory-disk.ts';

const HOUR_MS = 3_600_000;
let pid = 1;

/** A ledger of `count` calls, left at once. */
async function neighbour(
  harness: Harness,
  name: string,
  count: number,
  open: Partial<typeof OPEN> = {},
): Promise<void> {
  const path = `/ledgers/${name}`;
  const ledger = await harness.open({ path, open: { ...OPEN, ...open }, processes: machine(++pid, new Map()) });
  for (let n = 0; n < count; n++) {
    const call = await ledger.intent({ route: 'list', ids: 100, attempt: 1 });
    await ledger.reply({ call, ms: 1, http: 200 });
  }
  await ledger[Symbol.asyncDispose]();
}

async function recent(harness: Harness, more: { withinMs?: number } = {}) {
  const said: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line) => said.push(JSON.parse(line).msg) });
  const { tenant, client, api } = OPEN;
  const clocks = () => Promise.resolve(byOurClock(harness.clock.wallMs()));
  const calls = await recentCallsInFolder({
    ...{ folder: '/ledgers', disk: harness.disk, log, tenant, client, api, clocks, except: PATH },
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

test('calls older than the window do not count, and files that look a day older are not even read', async () => {
  const harness = makeHarness();
  await neighbour(harness, 'b.jsonl', 3);
  harness.clock.stand(HOUR_MS + CLOCK_DOUBT_MS - 1);
  expect((await recent(harness)).count).toBe(3);
  harness.clock.stand(1);
  expect((await recent(harness)).count).toBe(0);
  expect((await recent(harness, { withinMs: 2 * HOUR_MS })).count).toBe(3);
  let reads = 0;
  const { read } = MemoryDisk.prototype;
  harness.disk.read = (...args) => {
    reads++;
    return read.apply(harness.disk, args);
  };
  // Whose clock was slow when it wrote only looks old.
  harness.clock.stand(23 * HOUR_MS);
  expect(await recent(harness)).toMatchObject({ count: 0, said: [] });
  expect(reads).toBe(1);
  harness.clock.stand(2 * HOUR_MS);
  expect(await recent(harness)).toMatchObject({ count: 0, said: [] });
  expect(reads).toBe(1);
});

test('a damaged neighbour counts as far as it can be read, and is warned of', async () => {
  const harness = makeHarness();
  await neighbour(harness, 'b.jsonl', 3);
  const file = harness.disk.files.get('/ledgers/b.jsonl');
  if (file === undefined) throw new Error('no neighbour');
  const lines = file.bytes.toString().split(/(?<=\n)/);
  file.bytes = Buffer.from(lines.with(3, '{"seq":4,"at":"2026-03-01T12:00:00.000Z","kind":"intent",####\n').join(''));
  const { count, said } = await recent(harness);
  expect(count).toBe(2);
  expect(said).toEqual([expect.stringMatching(/b\.jsonl .*line 4/)]);
});

test('a neighbour of a newer format counts as far as it can be read, and is warned of', async () => {
  const harness = makeHarness();
  await neighbour(harness, 'b.jsonl', 3);
  const file = harness.disk.files.get('/ledgers/b.jsonl');
  if (file === undefined) throw new Error('no neighbour');
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
