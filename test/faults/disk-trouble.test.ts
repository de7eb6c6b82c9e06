import { readFileSync } from 'node:fs';
import { rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { CommandEnd } from '../support/command.ts';
import { COMMENT, type Harness, ids, only, open, openHarness } from '../support/harness.ts';
import { expectOrderlyEnd } from './after-kill.ts';
import { mountExt4, mountTmpfs } from './mounts.ts';
import { need } from './needs.ts';
import { traceCommand } from './traced-command.ts';

const COUNT = 40;
const WINDOW_MS = 1000;
const LEDGER = 'ledgers/many.jsonl';
const RUN = ['run', 'many.txt', ...COMMENT, '--yes', '--ledger', LEDGER, '--concurrency', '4'];

/** Each from the given call on; by then the first cancels are under way. */
const INJECTED = [
  { what: 'a write that fails with EIO', inject: 'write:error=EIO:when=14+', says: /EIO/ },
  { what: 'a write that finds no space', inject: 'write:error=ENOSPC:when=14+', says: /ENOSPC/ },
  { what: 'an fdatasync that fails with EIO', inject: 'fdatasync:error=EIO:when=14+', says: /EIO.*fdatasync/ },
];

test.concurrent.for(INJECTED)(
  '$what stops all sending at once, and what is on disk is gone on with',
  async ({ inject, says }, context) => {
    need(context, 'strace');
    await using harness = await harnessOf();
    const { durable } = await broken(harness, inject, says);
    expect(unwritten(harness, durable)).toEqual([]);
    await expectOrderlyEnd(harness, 'many.txt', LEDGER, ids(COUNT));
  },
);

test.concurrent('the tail is read again after an fdatasync that failed: what the disk did lose is not remembered', async (context) => {
  need(context, 'strace');
  await using harness = await harnessOf();
  const { syncedBytes } = await broken(harness, 'fdatasync:error=EIO:when=14+', /EIO.*fdatasync/);
  expect((await stat(harness.path(LEDGER))).size).toBeGreaterThan(syncedBytes);
  await truncate(harness.path(LEDGER), syncedBytes);
  await expectOrderlyEnd(harness, 'many.txt', LEDGER, ids(COUNT));
});

test.concurrent('a disk that fills up in the middle of a line stops all sending; with space again it is gone on with', async (context) => {
  need(context, 'root', 'mounts');
  await using harness = await harnessOf();
  using disk = mountTmpfs(harness.path('ledgers'), '36k');
  expectStopped(await harness.run(RUN), harness, /ENOSPC/);
  // The last write was cut where the disk ended.
  expect((await stat(harness.path(LEDGER))).size % 4096).toBe(0);
  expect(unwritten(harness, readFileSync(harness.path(LEDGER)))).toEqual([]);

  const again = await harness.run(['resume', LEDGER, '--yes']);
  expect({ code: again.code, named: again.stderr.includes(harness.path(LEDGER)) }, again.stderr).toEqual({
    code: 6,
    named: true,
  });
  disk.remount('size=1m');
  await expectOrderlyEnd(harness, 'many.txt', LEDGER, ids(COUNT));
});

test.concurrent('a disk that is full from the start is said before anything is sent, and leaves nothing in the way', async (context) => {
  need(context, 'root', 'mounts');
  await using harness = await harnessOf();
  using disk = mountTmpfs(harness.path('ledgers'), '8k');
  await writeFile(harness.path('ledgers/other'), Buffer.alloc(8192));
  const { code, stderr } = await harness.run(RUN);
  expect({ code, sent: harness.sandbox.log.count('cancel') }, stderr).toEqual({ code: 6, sent: 0 });
  expect(stderr).toMatch(/many\.jsonl.*ENOSPC/);
  disk.remount('size=1m');
  await expectOrderlyEnd(harness, 'many.txt', LEDGER, ids(COUNT));
});

test.concurrent('a file system that goes read-only stops all sending; repaired, it is gone on with', async (context) => {
  need(context, 'root', 'mounts', 'ext4');
  await using harness = await harnessOf();
  using disk = mountExt4(harness.path('ledgers'), harness.path('disk.img'));
  await using command = harness.start(RUN);
  await underWay(harness);
  disk.breakDown();
  expectStopped(await command.ended, harness, /EROFS|EIO/);
  expect(unwritten(harness, readFileSync(harness.path(LEDGER)))).toEqual([]);
  disk.repair();
  // The locks' own content may not have reached the disk: then each is watched for a minute, whatever its date, before it is taken over.
  await expectOrderlyEnd(harness, 'many.txt', LEDGER, ids(COUNT));
});

test.concurrent('a ledger folder that was moved away stops all sending; back in its place, it is gone on with', async () => {
  await using harness = await harnessOf();
  await using command = harness.start(RUN);
  await underWay(harness);
  await rename(harness.path('ledgers'), harness.path('elsewhere'));
  const sent = harness.sandbox.log.count('cancel');
  expectStopped(await command.ended, harness, /removed/);
  // Those whose last check came before.
  expect(harness.sandbox.log.count('cancel')).toBeLessThanOrEqual(sent + 4);
  await rename(harness.path('elsewhere'), harness.path('ledgers'));
  await expectOrderlyEnd(harness, 'many.txt', LEDGER, ids(COUNT));
});

test.concurrent('a ledger folder that was removed stops all sending; run again, nothing is cancelled twice', async () => {
  await using harness = await harnessOf();
  await using command = harness.start(RUN);
  await underWay(harness);
  // At once: one file after the other, its lock may be the first that is missed.
  await rename(harness.path('ledgers'), harness.path('removed'));
  await rm(harness.path('removed'), { recursive: true, maxRetries: 10, retryDelay: 10 });
  const sent = harness.sandbox.log.count('cancel');
  expectStopped(await command.ended, harness, /removed/);
  expect(harness.sandbox.log.count('cancel')).toBeLessThanOrEqual(sent + 4);
  // The memory of its calls went with the ledger: who begins anew within the window of a second cannot know of them.
  await new Promise((resolve) => setTimeout(resolve, WINDOW_MS));
  await expectOrderlyEnd(harness, 'many.txt', LEDGER, ids(COUNT));
});

async function harnessOf(): Promise<Harness> {
  const harness = await openHarness({
    windows: `20/${WINDOW_MS / 1000}s`,
    actions: open(COUNT).map((action) => ({ ...action, type: 'RunAntiVirusScan' })),
    latencyMs: [10, 40],
  });
  await harness.file('many.txt', ids(COUNT));
  return harness;
}

async function underWay({ sandbox: { log } }: Harness): Promise<void> {
  await log.until(() => log.effective().length >= 8);
}

/** Runs until the disk fails; `durable` is what it was told to be safe by then. */
async function broken(
  harness: Harness,
  inject: string,
  says: RegExp,
): Promise<{ syncedBytes: number; durable: Buffer }> {
  await using command = traceCommand(RUN, {
    cwd: harness.folder,
    env: harness.env,
    path: harness.path(LEDGER),
    calls: 'write,fdatasync',
    inject,
  });
  expectStopped(await command.ended, harness, says);
  const { syncedBytes } = command;
  return { syncedBytes, durable: readFileSync(harness.path(LEDGER)).subarray(0, syncedBytes) };
}

function expectStopped({ code, stderr }: CommandEnd, harness: Harness, says: RegExp): void {
  expect(code, stderr).toBe(6);
  const message = stderr.split('\n').find((line) => line.startsWith('countermand: '));
  expect(message).toContain(harness.path(LEDGER));
  expect(message).toMatch(says);
  const cancels = harness.sandbox.log.count('cancel');
  expect(cancels).toBeGreaterThan(0);
  expect(cancels).toBeLessThan(COUNT);
}

/** The cancels that the server got and these bytes of the ledger do not hold an intent for. */
function unwritten({ sandbox: { log } }: Harness, ledger: Buffer): string[] {
  const records = ledger
    .toString()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
  const intents = only(records, 'intent').flatMap(({ route, id }) => (route === 'cancel' ? id : undefined));
  return log.entries.flatMap(({ route, ids: [id = ''] }) => (route === 'cancel' && !intents.includes(id) ? id : []));
}
