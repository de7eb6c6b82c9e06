import { chmod, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { DamageError, DiskError, LockedError, UsageError } from '../../../src/errors.ts';
import { readLedger } from '../../../src/ledger/read-ledger.ts';
import { fileDisk } from '../../../src/store/folder/file-disk.ts';
import { openLedger } from '../../support/open-ledger.ts';
import { readSessions } from '../../support/read-sessions.ts';
import { begin, type Harness, id, machine, makeHarness, OPEN, PATH } from './harness.ts';

/** A ledger of two actions, started, its first cancel in doubt, left without `close`. */
async function killed(harness: Harness): Promise<void> {
  const ledger = await harness.open();
  await begin(ledger, 2);
  await ledger.intent({ route: 'cancel', id: id(1), attempt: 1 });
  await ledger[Symbol.asyncDispose]();
}

function textOf({ disk }: Harness): string {
  return disk.files.get(PATH)?.bytes.toString() ?? '';
}

function write({ disk }: Harness, text: string): void {
  disk.folders.add('/ledgers');
  disk.files.set(PATH, { bytes: Buffer.from(text), modifiedMs: 0, mode: 0o600 });
}

function warnings(): { log: pino.Logger; said: string[] } {
  const said: string[] = [];
  return { log: pino({ level: 'warn' }, { write: (line) => said.push(JSON.parse(line).msg) }), said };
}

test('a ledger on the real disk is a private file in a private folder, and nothing else is left', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ledger-'));
  const path = join(folder, 'new', 'a.jsonl');
  const { ledger } = await openLedger({ path, disk: fileDisk, clock: systemClock, open: OPEN });
  await begin(ledger, 2);
  await ledger.assertHeld();
  expect((await readdir(join(folder, 'new'))).filter((name) => name.endsWith('.lock'))).toHaveLength(2);
  await ledger[Symbol.asyncDispose]();
  expect(await readdir(join(folder, 'new'))).toEqual(['a.jsonl']);
  expect((await fileDisk.stat(join(folder, 'new')))?.mode).toBe(0o700);
  expect((await fileDisk.stat(path))?.mode).toBe(0o600);
  const { records, fault, state } = await readLedger(path, fileDisk);
  expect({ records, fault, left: state.leftCount }).toEqual({ records: 5, fault: undefined, left: 2 });
  await rm(folder, { recursive: true });
});

test('a ledger is gone on with in the next session of the same run', async () => {
  const harness = makeHarness();
  await killed(harness);
  const ledger = await harness.open({ open: { ...OPEN, client: 'another-client' } });
  const { run, sessions, lastCall } = ledger.state;
  expect(sessions.map(({ number, opened, closed }) => [number, opened.run, opened.client, closed])).toEqual([
    [1, run, OPEN.client, undefined],
    [2, run, 'another-client', undefined],
  ]);
  expect(await ledger.intent({ route: 'get', id: id(1), attempt: 1 })).toBe(lastCall + 1);
  expect(await readSessions({ path: PATH, disk: harness.disk })).toMatchObject([
    { session: 1, job: OPEN.job },
    { session: 2, client: 'another-client' },
  ]);
});

test.each([
  ['tenant', { tenant: '99999999-9999-4999-8999-999999999999' }],
  ['API', { api: 'https://api-eu.example.com' }],
])('a ledger of another %s is refused in a sentence that names both, and is not written', async (_, other) => {
  const harness = makeHarness();
  await killed(harness);
  const before = textOf(harness);
  const refused = harness.open({ open: { ...OPEN, ...other } });
  await expect(refused).rejects.toThrow(UsageError);
  const [name] = Object.keys(other) as ['tenant' | 'api'];
  await expect(refused).rejects.toThrow(OPEN[name]);
  await expect(refused).rejects.toThrow(Object.values(other)[0]);
  expect(textOf(harness)).toBe(before);
  expect([...harness.disk.files.keys()]).toEqual([PATH]);
});

test('a torn tail is cut by who opens to write, and said; who reads stops before it and writes nothing', async () => {
  const harness = makeHarness();
  await killed(harness);
  const whole = textOf(harness);
  write(harness, `${whole}{"seq":7,"at":"2026`);
  const read = await readLedger(PATH, harness.disk);
  expect(read).toMatchObject({ records: 6, tornBytes: 19, fault: undefined });
  expect(textOf(harness)).toBe(`${whole}{"seq":7,"at":"2026`);
  const { log, said } = warnings();
  await harness.open({ log });
  expect(said).toEqual([expect.stringContaining('cut off')]);
  expect(textOf(harness).startsWith(`${whole}{"seq":7,`)).toBe(true);
  expect((await readLedger(PATH, harness.disk)).fault).toBeUndefined();
});

test('a first write that was cut off, or an empty file, is begun anew', async () => {
  for (const text of ['', '{"seq"', '{"seq":1,"at":"2026-01-01T00:']) {
    const harness = makeHarness();
    write(harness, text);
    const ledger = await harness.open();
    expect(ledger.state.lastSeq).toBe(1);
    expect((await readLedger(PATH, harness.disk)).records).toBe(1);
  }
});

test.each(['some notes', 'some notes\n', '\n', '{"seq":1}\n'])(
  'a file that is no ledger (%j) is left alone',
  async (text) => {
    const harness = makeHarness();
    write(harness, text);
    await expect(harness.open()).rejects.toThrow(UsageError);
    await expect(harness.open()).rejects.toThrow('is not a ledger');
    expect(textOf(harness)).toBe(text);
  },
);

test('a ledger without its first line, or with another before it, is damaged and no other file', async () => {
  for (const change of [(text: string) => text.slice(text.indexOf('\n') + 1), (text: string) => `\n${text}`]) {
    const harness = makeHarness();
    await killed(harness);
    write(harness, change(textOf(harness)));
    await expect(harness.open()).rejects.toThrow(DamageError);
    await expect(harness.open()).rejects.toThrow('line 1 ');
  }
});

test('a damaged ledger is not opened, and the message names the line', async () => {
  const harness = makeHarness();
  await killed(harness);
  write(harness, textOf(harness).replace('"line":2', '"line":3'));
  await expect(harness.open()).rejects.toThrow(/line 3 /);
  await expect(harness.open()).rejects.toMatchObject({ exitCode: 12 });
});

test('a ledger of another format is refused by reader and writer, naming the format and what wrote it, whatever else it holds', async () => {
  const harness = makeHarness();
  await harness.open().then((ledger) => ledger[Symbol.asyncDispose]());
  const { encodeLine } = await import('../../../src/ledger/line.ts');
  const fields = { format: 3, run: 'r', session: 1, ...OPEN, tool: 'countermand 9' };
  write(harness, encodeLine('', 1, '2026-01-01T00:00:00.000Z', 'open', fields).line);
  for (const refused of [harness.open(), readLedger(PATH, harness.disk)]) {
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.toThrow(/has format 3 .* use countermand 9,/);
  }
});

test('a plan replaces a plan, whose calls stay in the folder under a name that is said; a started ledger is refused', async () => {
  const harness = makeHarness();
  const plan = await harness.open({ run: 'aaaaaaaa-0000-4000-8000-000000000000' });
  await plan.intent({ route: 'list', ids: 100, attempt: 1 });
  await plan.close('planned');
  await plan[Symbol.asyncDispose]();
  const { log, said } = warnings();
  const second = await harness.open({ replacesPlan: true, log });
  expect(said).toEqual([expect.stringContaining(`is kept as ${PATH}.replaced-aaaaaaaa`)]);
  expect(second.state.lastSeq).toBe(1);
  expect(second.state.run).not.toBe(plan.state.run);
  expect([...harness.disk.files.keys()]).toContain(`${PATH}.replaced-aaaaaaaa`);
  await begin(second, 1);
  await second[Symbol.asyncDispose]();
  const before = textOf(harness);
  await expect(harness.open({ replacesPlan: true })).rejects.toThrow(UsageError);
  expect(textOf(harness)).toBe(before);
});

const [FIRST, SECOND] = ['aaaaaaaa-0000-4000-8000-000000000000', 'bbbbbbbb-0000-4000-8000-000000000000'];

/** A plan with its end, or without, and one in its place that has called and is closed. */
async function failedBeside(close: 'planned' | 'refused') {
  const harness = makeHarness();
  const plan = await harness.open({ run: FIRST });
  plan.beginIntake();
  await plan.intake({ admitted: 0, rejected: 0, bytes: 0, sha256: 'ab'.repeat(32) });
  await plan.close(close);
  await plan[Symbol.asyncDispose]();
  const before = textOf(harness);
  const { ledger, putPlanBack } = await harness.opened({ run: SECOND, replacesPlan: true });
  await ledger.intent({ route: 'list', ids: 100, attempt: 1 });
  await ledger.close('refused');
  return { harness, before, ledger, putPlanBack };
}

test('a plan that came to its end is put back where the one in its place failed, and that is kept under a name that says so', async () => {
  const { harness, before, ledger, putPlanBack } = await failedBeside('planned');
  const failed = '/ledgers/a.failed-bbbbbbbb.jsonl';
  expect(await putPlanBack()).toBe(failed);
  await ledger[Symbol.asyncDispose]();
  expect(textOf(harness)).toBe(before);
  expect([...harness.disk.files.keys()].sort()).toEqual([failed, PATH].sort());
  expect((await readLedger(failed, harness.disk)).state.lastCall).toBe(1);
  const next = await harness.open();
  expect(next.state.run).toBe(FIRST);
  await next[Symbol.asyncDispose]();
});

test('a plan that did not come to its end, or is not there any more, is not put back', async () => {
  const failed = await failedBeside('refused');
  expect(await failed.putPlanBack()).toBeUndefined();
  const gone = await failedBeside('planned');
  const kept = `${PATH}.replaced-aaaaaaaa`;
  gone.harness.disk.files.delete(kept);
  const after = textOf(gone.harness);
  expect(await gone.putPlanBack()).toBeUndefined();
  expect(textOf(gone.harness)).toBe(after);
});

test('a plan is not put back over what another program has put in its place', async () => {
  const { harness, putPlanBack } = await failedBeside('planned');
  await harness.disk.rename(PATH, `${PATH}.moved`);
  write(harness, 'other');
  await expect(putPlanBack()).rejects.toThrow(DiskError);
  expect(textOf(harness)).toBe('other');
});

test('an existing ledger can be demanded', async () => {
  const harness = makeHarness();
  await expect(harness.open({ existing: 'existing' })).rejects.toThrow(UsageError);
  expect([...harness.disk.files.keys()]).toEqual([]);
  await expect(readLedger(PATH, harness.disk)).rejects.toThrow(UsageError);
});

test('two runs cannot hold one ledger, nor send as one application from one folder', async () => {
  const harness = makeHarness();
  const both = new Map([
    [1, 'a'],
    [2, 'b'],
  ]);
  const first = await harness.open({ processes: machine(1, both) });
  const refused = harness.open({ processes: machine(2, both), open: { ...OPEN, client: 'another' } });
  await expect(refused).rejects.toThrow(LockedError);
  await expect(refused).rejects.toThrow(/process 1 on host-1 .*a\.jsonl/);
  const beside = { path: '/ledgers/b.jsonl', processes: machine(2, both) };
  await expect(harness.open(beside)).rejects.toThrow(/sending as .* is held by process 1/i);
  expect([...harness.disk.files.keys()].filter((path) => path.startsWith('/ledgers/b'))).toEqual([]);
  const other = await harness.open({ ...beside, open: { ...OPEN, client: 'another' } });
  await other[Symbol.asyncDispose]();
  await first[Symbol.asyncDispose]();
  await (await harness.open(beside))[Symbol.asyncDispose]();
});

test('a disk that fails while opening is a disk error, and leaves no lock behind', async () => {
  const harness = makeHarness();
  harness.disk.trouble = { writeError: 'ENOSPC' };
  await expect(harness.open()).rejects.toThrow(DiskError);
  expect([...harness.disk.files.keys()]).toEqual([PATH]);
  harness.disk.trouble = {};
  await harness.open();
});

test('a folder that cannot be made or is no folder is bad usage', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ledger-'));
  await fileDisk.createExclusive(join(folder, 'file'), '');
  await mkdir(join(folder, 'folder.jsonl'));
  for (const path of [join(folder, 'file', 'a.jsonl'), join(folder, 'folder.jsonl')]) {
    const refused = openLedger({ path, disk: fileDisk, clock: systemClock, open: OPEN });
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.toThrow(path);
  }
  await rm(folder, { recursive: true });
});

test('a folder in the place of a ledger cannot be read as one', async () => {
  await expect(readLedger(tmpdir(), fileDisk)).rejects.toThrow(/cannot be read/);
  await expect(readLedger(tmpdir(), fileDisk)).rejects.toThrow(UsageError);
});

test('a file that is no ledger and is taken away while it is looked at is told in a sentence', async () => {
  const { disk } = makeHarness();
  await disk.makeFolder('/ledgers');
  await disk.createExclusive(PATH, 'shopping list\n');
  let readings = 0;
  const { read } = disk;
  disk.read = async function* (...args) {
    readings++;
    try {
      yield* read.apply(disk, args);
    } finally {
      disk.files.delete(PATH);
    }
  };
  const found = readLedger(PATH, disk);
  await expect(found).rejects.toThrow(`There is no ledger ${PATH}: check the name.`);
  await expect(found).rejects.toMatchObject({ exitCode: 2 });
  expect(readings).toBe(2);
});

test('a ledger that others can read is warned of', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ledger-'));
  const path = join(folder, 'a.jsonl');
  await fileDisk.createExclusive(path, '');
  await chmod(path, 0o644);
  const { log, said } = warnings();
  const { ledger } = await openLedger({ path, disk: fileDisk, clock: systemClock, open: OPEN, log });
  await ledger[Symbol.asyncDispose]();
  expect(said).toEqual([expect.stringContaining('mode 644')]);
  await rm(folder, { recursive: true });
});

test.each([
  ['a'.repeat(231), undefined],
  ['a'.repeat(232), 2],
  ['ü'.repeat(115), undefined],
  ['ü'.repeat(116), 2],
])(
  'a ledger has a name to which those of the files beside it can be added, or is refused: %s',
  async (name, exitCode) => {
    const harness = makeHarness();
    const opening = harness.open({ path: `/ledgers/${name}.jsonl` });
    if (exitCode === undefined) await (await opening)[Symbol.asyncDispose]();
    else
      await expect(opening).rejects.toMatchObject({
        exitCode,
        message: expect.stringMatching(/is too long: .* of 256 bytes/),
      });
  },
);
