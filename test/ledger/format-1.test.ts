import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { isInDoubt } from '../../src/ledger/book.ts';
import { fileDisk } from '../../src/ledger/file-disk.ts';
import { openLedger } from '../../src/ledger/open-ledger.ts';
import { readLedger, readRecords } from '../../src/ledger/read-ledger.ts';

/** A ledger of format 1 with every kind of record, and with a field and a kind that we do not know. It must always open. */
const FIXTURE = fileURLToPath(new URL('fixtures/format-1.jsonl', import.meta.url));
const HEAD = '480766de59020592';
const id = (n: number) => `5382f7ea-7557-4ab7-9782-d50480024a0${n}`;

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'format-'));
  path = join(folder, 'a.jsonl');
  await copyFile(FIXTURE, path);
});
afterEach(() => rm(folder, { recursive: true }));

test('the ledger of format 1 says what it said when it was written', async () => {
  const { book, ...facts } = await readLedger({ path, disk: fileDisk });
  expect(facts).toEqual({
    records: 32,
    from: Date.parse('2026-01-02T03:04:10.137Z'),
    to: Date.parse('2026-01-02T04:04:14.247Z'),
    head: HEAD,
    tornBytes: 0,
    fault: undefined,
  });
  expect(book.run).toBe('3f6c2a90-58d1-4e7b-a1c4-2b9d8e7f6a50');
  expect(book.sessions.map(({ closed }) => closed?.reason)).toEqual(['interrupted', undefined]);
  expect(book.counts()).toMatchObject({ cancelled: 1, 'already-final': 1, unconfirmed: 0 });
  expect([...book.left()].map((action) => action.id)).toEqual([id(3), id(4), id(5)]);
  expect([...book.left()].filter(isInDoubt).map((action) => action.id)).toEqual([id(4)]);
  expect(book.calls).toEqual({ cancel: 4, get: 1, list: 1 });
  expect(book.rejected).toEqual({ 'not-an-id': 1, 'bad-row': 0, duplicate: 1 });
  expect(book.actions.get(id(2))?.comment).toBe('Für Zoë: "zurück"');
  expect(book.actions.get(id(1))?.screen?.requestor).toBe('CONTOSO\\analyst');
  expect(book.actions.get(id(3))).toMatchObject({ sent: 2, last: { call: 6, error: 'timeout' } });
});

test('its records can be had one at a time, unknown fields and kinds included', async () => {
  const records: unknown[] = [];
  for await (const record of readRecords({ path, disk: fileDisk })) records.push(record);
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  expect(records).toEqual(lines.map((line) => JSON.parse(line)));
});

test('it is gone on with in a third session, and what stands in it is left as it is', async () => {
  const before = await readFile(path, 'utf8');
  const open = {
    tool: 'countermand',
    tenant: '7d9f8b1e-3c52-4f0a-9a51-0d6b1f2a7c11',
    client: 'any',
    api: 'https://api.security.microsoft.com',
    job: {},
  };
  const ledger = await openLedger({ path, disk: fileDisk, clock: systemClock, open });
  expect(await ledger.intent({ route: 'cancel', id: id(5), attempt: 1 })).toBe(8);
  await ledger[Symbol.asyncDispose]();
  const after = await readFile(path, 'utf8');
  expect(after.startsWith(before)).toBe(true);
  expect(JSON.parse(after.slice(before.length).split('\n')[0] ?? '')).toMatchObject({ seq: 33, session: 3 });
  expect((await readLedger({ path, disk: fileDisk })).fault).toBeUndefined();
});

test('every kind, field and reason of a record is documented beside its type', async () => {
  const lines = (await readFile(new URL('../../src/ledger/record.ts', import.meta.url), 'utf8')).split('\n');
  const table = lines.indexOf('export interface RecordFields {');
  const declared = lines.flatMap((line, index) => {
    // The table of kinds repeats names that are documented where they are declared.
    const inTable = index > table && index < lines.indexOf('}', table);
    const isDeclaration = /^export (interface|type|const) |^ {2}(\w+\??:|\| ')/.test(line);
    return isDeclaration && !inTable ? [{ line, documented: /\*\/$/.test(lines[index - 1] ?? '') }] : [];
  });
  expect(declared.length).toBeGreaterThan(60);
  expect(declared.filter(({ documented }) => !documented).map(({ line }) => line)).toEqual([]);
});
