import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ChainCheck } from '../../src/ledger/chain-check.ts';
import { encodeLine } from '../../src/ledger/line.ts';
import { FROZEN_JOB } from '../support/frozen-job.ts';

/** The thread is a file of what is built. */
const built = <T>(file: string) => import(new URL(`../../build/${file}.js`, import.meta.url).href) as Promise<T>;
const { checkLedger, readLedger } = await built<typeof import('../../src/ledger/read-ledger.ts')>('ledger/read-ledger');
const { fileDisk } = await built<typeof import('../../src/store/folder/file-disk.ts')>('store/folder/file-disk');

const ACTIONS = 70_000;
let folder: string;
let path: string;
let bytes: Buffer;

/** A ledger of some 12 MB, a part of which is no ASCII. */
function ledger(): Buffer {
  const lines: string[] = [];
  let chain = '';
  const write = (kind: 'open' | 'admit' | 'intake' | 'screen' | 'start' | 'close', fields: object) => {
    const at = new Date(1_772_366_400_000 + lines.length).toISOString();
    const next = encodeLine(chain, lines.length + 1, at, kind, fields as never);
    lines.push(next.line);
    chain = next.chain;
  };
  const run = '00000000-0000-4000-8000-000000000000';
  const tenant = '11111111-1111-4111-8111-111111111111';
  write('open', {
    ...{ format: 2, run, session: 1, tool: 'countermand 1.0.0', tenant, client: tenant },
    ...{ api: 'https://api.example.com', job: FROZEN_JOB },
  });
  const id = (n: number) => `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
  for (let n = 1; n <= ACTIONS; n++) write('admit', { id: id(n), line: n });
  write('intake', { admitted: ACTIONS, rejected: 0, bytes: 37 * ACTIONS, sha256: 'ab'.repeat(32) });
  for (let n = 1; n <= 2000; n++) {
    const more = { machineId: null, requestor: null, created: null };
    write('screen', {
      id: id(n),
      status: 'Pending',
      type: 'Isolate',
      computer: n % 2 ? 'büro-7' : 'office-7',
      ...more,
    });
  }
  write('close', { reason: 'planned', counts: {} });
  return Buffer.from(lines.join(''));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countermand-chain-'));
  path = join(folder, 'large.jsonl');
  bytes = ledger();
  await writeFile(path, bytes);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function changed(offset: number, text: string, work: () => Promise<void>): Promise<void> {
  const was = bytes.subarray(offset, offset + text.length);
  const file = await open(path, 'r+');
  try {
    await file.write(text, offset);
    await work();
    await file.write(was, 0, was.length, offset);
  } finally {
    await file.close();
  }
}

describe('a ledger whose chain is checked in a thread beside', () => {
  test('reads as it was written, with its head found where it stands', async () => {
    expect(bytes.length).toBeGreaterThan(10 << 20);
    const read = await readLedger(path, fileDisk);
    expect(read).toMatchObject({ fault: undefined, tornBytes: 0, records: ACTIONS + 2003 });
    expect(read.state.actions.size).toBe(ACTIONS);
    const checked = await checkLedger(path, fileDisk, read.head);
    expect(checked).toMatchObject({ headFound: { kind: 'last' }, records: read.records });
  });

  test.each([
    ['before the thread begins', 0.1],
    ['in its part', 0.85],
    ['in what is no ASCII', 0.99],
  ])('tells the very line of a change %s', async (_where, part) => {
    const at = bytes.indexOf('"id":"', Math.floor(bytes.length * part)) + 40;
    const line = bytes.subarray(0, at).toString('latin1').split('\n').length;
    await changed(at, bytes[at] === 0x66 ? 'e' : 'f', async () => {
      const read = await readLedger(path, fileDisk);
      expect(read.fault).toMatchObject({ line });
      expect(read.records).toBe(line - 1);
      expect((await checkLedger(path, fileDisk)).fault).toEqual(read.fault);
    });
    expect(Buffer.compare(await readFile(path), bytes)).toBe(0);
  });

  test('tells a chain value that is another one, and a last line that is torn', async () => {
    const at = bytes.lastIndexOf('"chain":"') + 9;
    await changed(at, bytes[at] === 0x30 ? '1' : '0', async () => {
      expect((await readLedger(path, fileDisk)).fault).toMatchObject({ line: ACTIONS + 2003 });
    });
    const torn = join(folder, 'torn.jsonl');
    await writeFile(torn, bytes.subarray(0, -5));
    const read = await readLedger(torn, fileDisk);
    expect(read).toMatchObject({ fault: undefined, records: ACTIONS + 2002 });
    expect(read.tornBytes).toBeGreaterThan(10);
  });
});

test('the check of a chain goes on from anywhere in a line, in pieces of any size', () => {
  const some = ledger().subarray(0, 200_000);
  for (const size of [1, 7, 4096, 200_000]) {
    const check = new ChainCheck({ head: '', rest: some.subarray(0, size) });
    for (let at = size; at < some.length; at += size) check.push(Uint8Array.from(some.subarray(at, at + size)));
    const lines = some.toString().split('\n').length - 1;
    expect(check.result).toMatchObject({ broken: false, lines });
  }
});
