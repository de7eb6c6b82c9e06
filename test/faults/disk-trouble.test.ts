import { readFileSync } from 'node:fs';
import { rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { COMMENT, ids, only, open, type Stage, setStage } from '../e2e/stage.ts';
import type { CommandEnd } from '../support/command.ts';
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
    await using stage = await stageOf();
    const { durable } = await broken(stage, inject, says);
    expect(unwritten(stage, durable)).toEqual([]);
    await expectOrderlyEnd(stage, 'many.txt', LEDGER, ids(COUNT));
  },
);

test.concurrent('after an fdatasync that failed the tail is read again: what the disk did lose is not remembered', async (context) => {
  need(context, 'strace');
  await using stage = await stageOf();
  const { syncedBytes } = await broken(stage, 'fdatasync:error=EIO:when=14+', /EIO.*fdatasync/);
  expect((await stat(stage.path(LEDGER))).size).toBeGreaterThan(syncedBytes);
  await truncate(stage.path(LEDGER), syncedBytes);
  await expectOrderlyEnd(stage, 'many.txt', LEDGER, ids(COUNT));
});

test.concurrent('a disk that fills up in the middle of a line stops all sending; with space again it is gone on with', async (context) => {
  need(context, 'root', 'mounts');
  await using stage = await stageOf();
  using disk = mountTmpfs(stage.path('ledgers'), '36k');
  expectStopped(await stage.run(RUN), stage, /ENOSPC/);
  // The last write was cut where the disk ended.
  expect((await stat(stage.path(LEDGER))).size % 4096).toBe(0);
  expect(unwritten(stage, readFileSync(stage.path(LEDGER)))).toEqual([]);

  const again = await stage.run(['resume', LEDGER, '--yes']);
  expect({ code: again.code, named: again.stderr.includes(stage.path(LEDGER)) }, again.stderr).toEqual({
    code: 6,
    named: true,
  });
  disk.remount('size=1m');
  await expectOrderlyEnd(stage, 'many.txt', LEDGER, ids(COUNT));
});

test.concurrent('a disk that is full from the start is said before anything is sent, and leaves nothing in the way', async (context) => {
  need(context, 'root', 'mounts');
  await using stage = await stageOf();
  using disk = mountTmpfs(stage.path('ledgers'), '8k');
  await writeFile(stage.path('ledgers/other'), Buffer.alloc(8192));
  const { code, stderr } = await stage.run(RUN);
  expect({ code, sent: stage.sandbox.log.count('cancel') }, stderr).toEqual({ code: 6, sent: 0 });
  expect(stderr).toMatch(/many\.jsonl.*ENOSPC/);
  disk.remount('size=1m');
  await expectOrderlyEnd(stage, 'many.txt', LEDGER, ids(COUNT));
});

test.concurrent('a file system that goes read-only stops all sending; repaired, it is gone on with', async (context) => {
  need(context, 'root', 'mounts', 'ext4');
  await using stage = await stageOf();
  using disk = mountExt4(stage.path('ledgers'), stage.path('disk.img'));
  await using command = stage.start(RUN);
  await underWay(stage);
  disk.breakDown();
  expectStopped(await command.ended, stage, /EROFS|EIO/);
  expect(unwritten(stage, readFileSync(stage.path(LEDGER)))).toEqual([]);
  disk.repair();
  // The locks' own content may not have reached the disk: then each is watched for a minute, whatever its date, before it is taken over.
  await expectOrderlyEnd(stage, 'many.txt', LEDGER, ids(COUNT));
});

test.concurrent('a ledger folder that was moved away stops all sending; back in its place, it is gone on with', async () => {
  await using stage = await stageOf();
  await using command = stage.start(RUN);
  await underWay(stage);
  await rename(stage.path('ledgers'), stage.path('elsewhere'));
  const sent = stage.sandbox.log.count('cancel');
  expectStopped(await command.ended, stage, /removed/);
  // Those whose last check came before.
  expect(stage.sandbox.log.count('cancel')).toBeLessThanOrEqual(sent + 4);
  await rename(stage.path('elsewhere'), stage.path('ledgers'));
  await expectOrderlyEnd(stage, 'many.txt', LEDGER, ids(COUNT));
});

test.concurrent('a ledger folder that was removed stops all sending; run again, nothing is cancelled twice', async () => {
  await using stage = await stageOf();
  await using command = stage.start(RUN);
  await underWay(stage);
  await rm(stage.path('ledgers'), { recursive: true });
  const sent = stage.sandbox.log.count('cancel');
  expectStopped(await command.ended, stage, /removed/);
  expect(stage.sandbox.log.count('cancel')).toBeLessThanOrEqual(sent + 4);
  // The memory of its calls went with the ledger: who begins anew within the window of a second cannot know of them.
  await new Promise((resolve) => setTimeout(resolve, WINDOW_MS));
  await expectOrderlyEnd(stage, 'many.txt', LEDGER, ids(COUNT));
});

async function stageOf(): Promise<Stage> {
  const stage = await setStage({
    windows: `20/${WINDOW_MS / 1000}s`,
    actions: open(COUNT).map((action) => ({ ...action, type: 'RunAntiVirusScan' })),
    latencyMs: [10, 40],
  });
  await stage.file('many.txt', ids(COUNT));
  return stage;
}

async function underWay({ sandbox: { log } }: Stage): Promise<void> {
  await log.until(() => log.effective().length >= 8);
}

/** Runs until the disk fails; `durable` is what it was told to be safe by then. */
async function broken(stage: Stage, inject: string, says: RegExp): Promise<{ syncedBytes: number; durable: Buffer }> {
  await using command = traceCommand(RUN, {
    cwd: stage.folder,
    env: stage.env,
    path: stage.path(LEDGER),
    calls: 'write,fdatasync',
    inject,
  });
  expectStopped(await command.ended, stage, says);
  const { syncedBytes } = command;
  return { syncedBytes, durable: readFileSync(stage.path(LEDGER)).subarray(0, syncedBytes) };
}

function expectStopped({ code, stderr }: CommandEnd, stage: Stage, says: RegExp): void {
  expect(code, stderr).toBe(6);
  const message = stderr.split('\n').find((line) => line.startsWith('countermand: '));
  expect(message).toContain(stage.path(LEDGER));
  expect(message).toMatch(says);
  const cancels = stage.sandbox.log.count('cancel');
  expect(cancels).toBeGreaterThan(0);
  expect(cancels).toBeLessThan(COUNT);
}

/** The cancels that the server got and these bytes of the ledger do not hold an intent for. */
function unwritten({ sandbox: { log } }: Stage, ledger: Buffer): string[] {
  const records = ledger
    .toString()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
  const intents = only(records, 'intent').flatMap(({ route, id }) => (route === 'cancel' ? id : undefined));
  return log.entries.flatMap(({ route, ids: [id = ''] }) => (route === 'cancel' && !intents.includes(id) ? id : []));
}
