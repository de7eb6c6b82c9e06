import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { readLedger } from '../../src/ledger/read-ledger.ts';
import { isInDoubt } from '../../src/ledger/state/run-state.ts';
import { fileDisk } from '../../src/store/folder/file-disk.ts';
import { FROZEN_JOB } from '../support/frozen-job.ts';
import { openLedger } from '../support/open-ledger.ts';
import { readRecords } from '../support/read-records.ts';

/** A ledger of format 2 with every kind of record, and with fields and a kind that we do not know. It must always open. */
const FIXTURE = fileURLToPath(new URL('fixtures/format-2.jsonl', import.meta.url));
const HEAD = '6f84adf964c5348e3f7c85b1dd8a6c04';
/** As development versions wrote it, with chain values of 16 hex digits. */
const FORMAT_1 = fileURLToPath(new URL('fixtures/format-1.jsonl', import.meta.url));
const id = (n: number) => `5382f7ea-7557-4ab7-9782-d50480024a0${n}`;

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'format-'));
  path = join(folder, 'a.jsonl');
  await copyFile(FIXTURE, path);
});
afterEach(() => rm(folder, { recursive: true }));

test('the ledger of format 2 says what it said when it was written', async () => {
  const { state, ...facts } = await readLedger(path, fileDisk);
  expect(facts).toEqual({
    records: 34,
    from: Date.parse('2026-01-02T03:04:10.137Z'),
    to: Date.parse('2026-01-02T04:04:14.247Z'),
    head: HEAD,
    tornBytes: 0,
    fault: undefined,
  });
  expect(state.run).toBe('3f6c2a90-58d1-4e7b-a1c4-2b9d8e7f6a50');
  expect(state.sessions.map(({ closed }) => closed?.reason)).toEqual(['interrupted', undefined]);
  expect(state.counts()).toMatchObject({ cancelled: 1, 'already-final': 1, unconfirmed: 0 });
  expect([...state.left()].map((action) => action.id)).toEqual([id(3), id(4), id(5)]);
  expect([...state.left()].filter(isInDoubt).map((action) => action.id)).toEqual([id(4)]);
  expect(state.calls).toEqual({ cancel: 4, get: 1, list: 1, machines: 1 });
  expect(state.rejected).toEqual({ 'not-an-id': 1, 'bad-row': 0, duplicate: 1 });
  expect(state.start).toMatchObject({ by: 'question', count: 4, order: 'last-seen' });
  expect(state.actions.get(id(2))?.comment).toBe('Für Zoë: "zurück"');
  expect(state.actions.get(id(1))?.screen?.requestor).toBe('CONTOSO\\analyst');
  expect(state.actions.get(id(3))).toMatchObject({ sent: 2, priority: 5, last: { call: 7, error: 'timeout' } });
});

test('the records of format 2 can be had one at a time, unknown fields and kinds included', async () => {
  const records: unknown[] = [];
  for await (const record of readRecords({ path, disk: fileDisk })) records.push(record);
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  expect(records).toEqual(lines.map((line) => JSON.parse(line)));
});

test('the ledger of format 2 is gone on with in a third session, and what stands in it is left as it is', async () => {
  const before = await readFile(path, 'utf8');
  const open = {
    tool: 'countermand',
    tenant: '7d9f8b1e-3c52-4f0a-9a51-0d6b1f2a7c11',
    client: 'b2a4c6d8-1f3e-4a5b-8c7d-9e0f1a2b3c4d',
    api: 'https://api.security.microsoft.com',
    job: FROZEN_JOB,
  };
  const { ledger } = await openLedger({ path, disk: fileDisk, clock: systemClock, open });
  expect(await ledger.intent({ route: 'cancel', id: id(5), attempt: 1 })).toBe(9);
  await ledger[Symbol.asyncDispose]();
  const after = await readFile(path, 'utf8');
  expect(after.startsWith(before)).toBe(true);
  expect(JSON.parse(after.slice(before.length).split('\n')[0] ?? '')).toMatchObject({ seq: 35, session: 3 });
  expect((await readLedger(path, fileDisk)).fault).toBeUndefined();
});

test('a ledger of format 1 is refused by its format, although its chain is another', async () => {
  await copyFile(FORMAT_1, path);
  await expect(readLedger(path, fileDisk)).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringMatching(/has format 1 .* format 1 was never released/),
  });
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
