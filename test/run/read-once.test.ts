import { readdir } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeOutputs } from '../../src/cli/files/outputs.ts';
import { processContext } from '../../src/cli/machine.ts';
import { systemClock } from '../../src/clock.ts';
import type { ExitCode } from '../../src/exit-codes.ts';
import { noSecrets } from '../../src/identity/session-secrets.ts';
import type { Flags } from '../../src/job/given-settings.ts';
import { silentLog } from '../../src/log.ts';
import { keepAll } from '../../src/redact.ts';
import type { Context } from '../../src/run/console.ts';
import { planSession } from '../../src/run/plan.ts';
import { resumeLedger, runSource } from '../../src/run/run.ts';
import { verifySession } from '../../src/run/verify.ts';
import type { AppendFile, Disk } from '../../src/store/folder/disk.ts';
import { fileDisk } from '../../src/store/folder/file-disk.ts';
import { FolderStore } from '../../src/store/folder/folder-store.ts';
import { type Harness, ids, open, openHarness } from '../support/harness.ts';

/** How often each byte of each file was read, by what tells files apart. */
type Readings = Map<string, Uint8Array>;

/** This machine's disk, with every byte counted that a ledger is read by. */
function countingDisk(readings: Readings): Disk {
  async function* counted(identity: string, offset: number, chunks: AsyncIterable<Uint8Array>) {
    let at = offset;
    for await (const chunk of chunks) {
      const before = readings.get(identity) ?? new Uint8Array();
      const now = new Uint8Array(Math.max(before.length, at + chunk.length));
      now.set(before);
      for (let n = at; n < at + chunk.length; n++) now[n] = (now[n] ?? 0) + 1;
      readings.set(identity, now);
      at += chunk.length;
      yield chunk;
    }
  }
  return {
    ...fileDisk,
    openAppend: async (path, create) => {
      const file: AppendFile = await fileDisk.openAppend(path, create);
      const { identity } = await file.facts();
      const read = file.read.bind(file);
      file.read = () => counted(identity, 0, read());
      return file;
    },
    read: async function* (path, offset = 0) {
      const { identity = '' } = (await fileDisk.stat(path)) ?? {};
      yield* counted(identity, offset, fileDisk.read(path, offset));
    },
  };
}

let harness: Harness;
let readings: Readings;
let context: Context;
beforeEach(async () => {
  harness = await openHarness({ actions: open(40) });
  await harness.file('ids.txt', ids(30));
  readings = new Map();
  const { folder: cwd, env } = harness;
  const nobody = { signal: new AbortController().signal, first: undefined };
  const interrupts = { ...nobody, hold: () => ({ [Symbol.dispose]: () => {} }) };
  context = {
    ...(await processContext(
      { level: 'error', store: undefined },
      { secrets: noSecrets, redact: keepAll },
      interrupts,
    )),
    ...{ env, cwd, log: silentLog },
    store: new FolderStore({ disk: countingDisk(readings), clock: systemClock, log: silentLog }),
    outputs: () => makeOutputs({ cwd, secrets: noSecrets }),
    out: () => {},
    delivered: () => Promise.resolve(),
    say: () => {},
    terminal: { columns: 80, plain: true },
    canAsk: () => false,
    ask: () => Promise.resolve(false),
    progress: () => Promise.resolve({ [Symbol.dispose]: () => {} }),
  };
});
afterEach(() => harness[Symbol.asyncDispose]());

const FLAGS: Flags = { comment: 'not needed any more', 'confirm-for': '0' };
const HOW = { yes: true, json: true };
const none: ReadonlySet<string> = new Set();
const ledger = () => harness.path('ledgers/ids.jsonl');
const planned = () => harness.path('ledgers/ids.plan.jsonl');
const source = () => harness.path('ids.txt');
const run = (path = source(), flags = FLAGS) => runSource({ source: path, flags, missing: 'keep', ...HOW }, context);
const plan = async () => (await planSession({ source: source(), flags: {}, json: true }, context)).exitCode;
const resume = (flags: Flags = {}) => resumeLedger({ ledger: ledger(), flags, retry: none, ...HOW }, context);
const verify = (path = ledger()) =>
  verifySession({ ledger: path, flags: {}, head: undefined, offline: false, json: true }, context);

/** Every file that is there after the command: how often the byte was read that was read most, and of how many bytes there was any reading. */
async function readBy(command: () => Promise<ExitCode>): Promise<{ code: ExitCode; most: number; bytes: number }> {
  readings.clear();
  const code = await command();
  const all = [...readings.values()];
  const most = Math.max(0, ...all.map((counts) => counts.reduce((one, other) => Math.max(one, other), 0)));
  return { code, most, bytes: all.reduce((sum, counts) => sum + counts.filter((count) => count > 0).length, 0) };
}

async function sizeOf(path: string): Promise<number> {
  return (await fileDisk.stat(path))?.size ?? 0;
}

test('a new run reads no ledger, and one that is gone on with, is finished, is verified or grows is read once', async () => {
  // Nobody has confirmed the first three, so it goes no further.
  const begun = await readBy(() => run(source(), { ...FLAGS, first: '3' }));
  expect(begun).toEqual({ code: 5, most: 0, bytes: 0 });

  let size = await sizeOf(ledger());
  expect(await readBy(() => run())).toEqual({ code: 3, most: 1, bytes: size });

  size = await sizeOf(ledger());
  expect(await readBy(() => resume())).toEqual({ code: 3, most: 1, bytes: size });

  size = await sizeOf(ledger());
  expect(await readBy(() => verify())).toMatchObject({ most: 1, bytes: size });
  size = await sizeOf(ledger());
  expect(await readBy(() => verify())).toEqual({ code: 0, most: 1, bytes: size });

  await harness.file('ids.txt', ids(40));
  size = await sizeOf(ledger());
  expect(await readBy(() => run())).toEqual({ code: 3, most: 1, bytes: size });
});

test('a plan is read once by a plan that takes its place and by the run that starts it', async () => {
  expect(await readBy(plan)).toEqual({ code: 0, most: 0, bytes: 0 });
  let size = await sizeOf(planned());
  expect(await readBy(plan)).toEqual({ code: 0, most: 1, bytes: size });
  const kept = (await readdir(harness.path('ledgers'))).filter((name) => name.includes('.replaced-'));
  expect(kept).toHaveLength(1);
  expect(await sizeOf(harness.path(`ledgers/${kept[0]}`))).toBe(size);

  // The plan that was set aside is a neighbour from now on, whose calls count.
  size += await sizeOf(planned());
  expect(await readBy(() => run(planned(), FLAGS))).toEqual({ code: 3, most: 1, bytes: size });
});
