import { expect, test } from 'vitest';
import { FIRST_RECORD } from '../../../src/ledger/line.ts';
import { checkLedger } from '../../../src/ledger/read-ledger.ts';
import { exportRun, importRun } from '../../../src/store/postgres/transfer.ts';
import { openTestDatabase } from '../../support/postgres.ts';
import { makeHarness, PATH } from '../folder/harness.ts';
import { begin, bytesOf, id, processAt, type StoreOfProcess } from './harness.ts';

const SELF = { pid: 1, host: 'host-1', since: '2026-01-01T00:00:00.000Z' };

function takeIn({ database }: StoreOfProcess, name: string, bytes: Uint8Array) {
  // In odd pieces, as a file may come.
  const read = async function* () {
    for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
  };
  return importRun(database, { name, path: `${name}.jsonl`, source: { read }, self: SELF });
}

async function takeOut({ database }: StoreOfProcess, name: string) {
  const chunks: Buffer[] = [];
  const exported = await exportRun(database, name, async (bytes) => {
    for await (const chunk of bytes) chunks.push(Buffer.from(chunk));
  });
  return { ...exported, bytes: Buffer.concat(chunks) };
}

/** A ledger that a folder has begun: bytes of its file, and how to go on with it there. */
async function folderLedger(count: number) {
  const { disk, open } = makeHarness();
  {
    await using ledger = await open();
    await begin(ledger, count);
    await ledger.intent({ route: 'cancel', id: id(1), attempt: 1 });
    await ledger.close('interrupted');
  }
  const file = disk.files.get(PATH);
  if (file === undefined) throw new Error('no ledger was written');
  return {
    bytes: () => Buffer.from(file.bytes),
    goOn: async () => {
      await using ledger = await open();
      await ledger.close('interrupted');
    },
    put: (bytes: Buffer) => {
      file.bytes = bytes;
    },
  };
}

test('a ledger goes from a folder into the store, on there, and back into a folder, byte for byte', async () => {
  await using made = await openTestDatabase();
  await using one = await processAt(made);
  const folder = await folderLedger(3000);
  const bytes = folder.bytes();
  const imported = await takeIn(one, 'a', bytes);
  expect(imported).toMatchObject({ what: 'new', tornBytes: 0 });
  const exported = await takeOut(one, 'a');
  expect(exported.bytes.equals(bytes)).toBe(true);
  expect(exported).toMatchObject({ head: imported.head, records: imported.records });
  expect(await checkLedger('a', one.store, imported.head)).toMatchObject({ headFound: { kind: 'last' } });
  {
    await using ledger = await one.open('a');
    expect(ledger.state.sessions).toHaveLength(2);
    await ledger.close('interrupted');
  }
  const later = await takeOut(one, 'a');
  expect(later.bytes.subarray(0, bytes.length).equals(bytes)).toBe(true);
  folder.put(later.bytes);
  await folder.goOn();
  expect(folder.bytes().length).toBeGreaterThan(later.bytes.length);
  expect(await takeIn(one, 'a', folder.bytes())).toMatchObject({ what: 'extended' });
  expect((await takeOut(one, 'a')).bytes.equals(folder.bytes())).toBe(true);
});

test('the same bytes are imported again without a change, and a run that went on since is not', async () => {
  await using made = await openTestDatabase();
  await using one = await processAt(made);
  const folder = await folderLedger(10);
  const bytes = folder.bytes();
  await takeIn(one, 'a', bytes);
  expect(await takeIn(one, 'a', bytes)).toMatchObject({ what: 'same' });
  {
    await using ledger = await one.open('a');
    await expect(takeIn(one, 'a', bytes)).rejects.toMatchObject({ exitCode: 11 });
    await ledger.close('interrupted');
  }
  const before = await bytesOf(one, 'a');
  await expect(takeIn(one, 'a', bytes)).rejects.toMatchObject({ exitCode: 2 });
  // Both went on: neither is the other's beginning, whichever is longer.
  for (let n = 0; n < 3; n++) await folder.goOn();
  await expect(takeIn(one, 'a', folder.bytes())).rejects.toMatchObject({ exitCode: 2 });
  expect((await bytesOf(one, 'a')).equals(before)).toBe(true);
});

test('a run is in the store under one name, and a name is one run', async () => {
  await using made = await openTestDatabase();
  await using one = await processAt(made);
  const folder = await folderLedger(10);
  await takeIn(one, 'a', folder.bytes());
  await expect(takeIn(one, 'b', folder.bytes())).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining('as a'),
  });
  await expect(takeIn(one, 'a', (await folderLedger(10)).bytes())).rejects.toMatchObject({ exitCode: 2 });
  expect(await one.store.stat('b')).toBeUndefined();
});

test('a damaged file, a part of one, and what is no ledger leave the store as it was', async () => {
  await using made = await openTestDatabase();
  await using one = await processAt(made);
  const bytes = (await folderLedger(10)).bytes();
  const damaged = Buffer.from(bytes.toString().replace('"line":3', '"line":7'));
  await expect(takeIn(one, 'a', damaged)).rejects.toMatchObject({ exitCode: 12 });
  for (const other of [Buffer.from('id\n1\n2\n'), Buffer.from(''), Buffer.from(FIRST_RECORD)]) {
    await expect(takeIn(one, 'a', other)).rejects.toMatchObject({ exitCode: 2 });
  }
  expect(await one.store.list('')).toEqual([]);
  // A last write that was cut off is nothing that anybody has relied on.
  const torn = bytes.subarray(0, bytes.length - 20);
  const imported = await takeIn(one, 'a', torn);
  expect(imported.tornBytes).toBeGreaterThan(0);
  expect((await bytesOf(one, 'a')).equals(torn.subarray(0, torn.length - imported.tornBytes))).toBe(true);
});

test('a file that changes while it is imported is not taken', async () => {
  await using made = await openTestDatabase();
  await using one = await processAt(made);
  const bytes = (await folderLedger(10)).bytes();
  let reads = 0;
  const read = async function* () {
    reads++;
    yield reads === 1 ? bytes : Buffer.from(bytes.toString().replace('"line":3', '"line":7'));
  };
  const wish = { name: 'a', path: 'a.jsonl', source: { read }, self: SELF };
  await expect(importRun(one.database, wish)).rejects.toMatchObject({ exitCode: 2 });
  expect(reads).toBe(2);
  expect(await one.store.list('')).toEqual([]);
});

test('a damaged ledger is handed out as it is, and called damaged in the end', async () => {
  await using made = await openTestDatabase();
  await using one = await processAt(made);
  const bytes = (await folderLedger(10)).bytes();
  await takeIn(one, 'a', bytes);
  await made.sql(
    `update countermand.ledger_chunk set lines = overlay(lines placing '7' from position('"line":3' in lines) + 7)`,
  );
  const chunks: Buffer[] = [];
  const end = exportRun(one.database, 'a', async (parts) => {
    for await (const part of parts) chunks.push(Buffer.from(part));
  });
  await expect(end).rejects.toMatchObject({ exitCode: 12 });
  expect(Buffer.concat(chunks).length).toBe(bytes.length);
  await expect(takeOut(one, 'none')).rejects.toMatchObject({ exitCode: 2 });
});
