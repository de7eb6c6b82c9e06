import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { CommandEnd } from '../support/command.ts';
import { COMMENT, type Harness, ids, only, open, openHarness } from '../support/harness.ts';
import { expectOrderlyEnd } from './after-kill.ts';
import { need } from './needs.ts';

const COMMAND = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const COUNT = 60;
const LEDGER = 'ledgers/many.jsonl';
const RUN = ['run', 'many.txt', ...COMMENT, '--yes', '--ledger', LEDGER, '--concurrency', '4'];
const RESUME = ['resume', LEDGER, '--yes'];

test.concurrent('a process that stood still for longer than its lock lives stops before its next send, and its successor is alone', async () => {
  await using harness = await harnessOf();
  const { log } = harness.sandbox;
  await using frozen = harness.start(RUN, { timeoutMs: 200_000 });
  await log.until(() => log.effective().length >= 8);
  frozen.kill('SIGSTOP');
  const early = await harness.run(RESUME);
  expect(early.code, early.stderr).toBe(11);

  const successor = await untilFree(harness);
  expect(successor.code, successor.stderr).toBe(0);
  expect(successor.stderr).toMatch(/was held by process \d+ .*taken over/);
  const sent = log.count();
  const ended = (await harness.records(LEDGER)).length;

  frozen.kill('SIGCONT');
  const { code, stderr } = await frozen.ended;
  expect(code, stderr).toBe(11);
  expect(stderr).toMatch(/not renewed for \d+ s|taken over by process/);
  // It neither sent nor wrote a thing beside its successor.
  expect(log.count()).toBe(sent);
  expect(await harness.records(LEDGER)).toHaveLength(ended);
  await expectOrderlyEnd(harness, 'many.txt', LEDGER, ids(COUNT));
});

test.concurrent('the lock of a killed process is taken over at once, and that is said', async () => {
  await using harness = await harnessOf();
  const { log } = harness.sandbox;
  await using killed = harness.start(RUN);
  await log.until(() => log.effective().length >= 8);
  killed.kill('SIGKILL');
  await killed.ended;
  const { code, stderr } = await harness.run(RESUME, { timeoutMs: 60_000 });
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(
    new RegExp(`the ledger .* was held by process ${killed.child.pid} .*which is gone: taken over`),
  );
  await expectOrderlyEnd(harness, 'many.txt', LEDGER, ids(COUNT));
});

test.concurrent('process 1 of two containers on one folder is not one holder: the second waits until the lock has run out', async (context) => {
  need(context, 'root', 'namespaces');
  await using harness = await harnessOf();
  const { log } = harness.sandbox;
  await using first = container(harness, 'first', RUN);
  await log.until(() => log.effective().length >= 8);
  const holder = JSON.parse(readFileSync(`${harness.path(LEDGER)}.lock`, 'utf8'));
  expect(holder).toMatchObject({ pid: 1, host: 'first' });

  // The same name makes no difference either: another namespace's process 1 cannot be asked for. Both wait until they see the lock renewed.
  await using second = container(harness, 'second', RESUME);
  await using namesake = container(harness, 'first', RESUME);
  for (const { code, stderr } of await Promise.all([second.ended, namesake.ended])) {
    expect(code, stderr).toBe(11);
    expect(stderr).toContain('process 1 on first');
  }

  first.kill();
  await first.ended;
  const successor = await untilFree(harness);
  expect(successor.code, successor.stderr).toBe(0);
  await expectOrderlyEnd(harness, 'many.txt', LEDGER, ids(COUNT));
});

test.concurrent('a ledger that the file system shows to everybody is said, and the run goes on', async (context) => {
  need(context, 'strace');
  await using harness = await harnessOf();
  // What a FAT or SMB folder does: the modes that files are made with and changed to mean nothing. Size and times are left as they are.
  const mode = ['ff070000', '00100000', '0000000000000000', '01000000', '00000000', '00000000', 'ed81'].join('');
  const { code, stderr } = await under(
    harness,
    [
      'strace',
      '-f',
      '-qq',
      '-o',
      '/dev/null',
      '-P',
      harness.path(LEDGER),
      '-e',
      'trace=statx',
      '-e',
      `inject=statx:poke_exit=@arg5=${mode}`,
    ],
    RUN,
  ).ended;
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/can be read by others \(mode 755\)/);
  expect(only(await harness.records(LEDGER), 'close')).toHaveLength(1);
});

async function harnessOf(): Promise<Harness> {
  const harness = await openHarness({
    windows: '20/1s',
    actions: open(COUNT).map((action) => ({ ...action, type: 'RunAntiVirusScan' })),
    latencyMs: [10, 40],
  });
  await harness.file('many.txt', ids(COUNT));
  return harness;
}

/** Tries until the lock has run out, which takes its minute: one attempt may watch it for so long. */
async function untilFree(harness: Harness): Promise<CommandEnd> {
  for (;;) {
    const end = await harness.run(RESUME, { timeoutMs: 150_000 });
    if (end.code !== 11) return end;
    await new Promise((resolve) => setTimeout(resolve, 3000));
  }
}

interface Under extends AsyncDisposable {
  readonly ended: Promise<CommandEnd>;
  kill(): void;
}

/** The built command as process 1 of a namespace of its own, on a host of this name. */
function container(harness: Harness, host: string, args: readonly string[]): Under {
  const inside = `hostname ${host} && exec "$@"`;
  return under(
    harness,
    ['unshare', '--pid', '--mount-proc', '--uts', '--fork', '--kill-child', 'sh', '-c', inside, 'sh'],
    args,
  );
}

/** The built command, started by another one. */
function under(harness: Harness, [starter = '', ...its]: readonly string[], args: readonly string[]): Under {
  const child: ChildProcess = spawn(starter, [...its, process.execPath, COMMAND, ...args], {
    cwd: harness.folder,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...harness.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said.stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said.stderr += text;
  });
  const ended = once(child, 'close').then(
    ([code, signal]): CommandEnd => ({ code: code as number | null, signal: signal as NodeJS.Signals | null, ...said }),
  );
  const kill = () => {
    child.kill('SIGKILL');
  };
  return {
    ended,
    kill,
    [Symbol.asyncDispose]: async () => {
      kill();
      await ended;
    },
  };
}
