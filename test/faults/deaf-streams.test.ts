import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open as openFile, readFile, rm } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { openTerminal } from '../e2e/terminal.ts';
import {
  COMMENT,
  type Harness,
  id,
  ids,
  only,
  open,
  openHarness,
  outcomesOf,
  withCommand,
} from '../support/harness.ts';

/** How a shell takes an output away. `stuck` is a reader that never reads and never goes. */
const TROUBLES = {
  'stdout on a full disk': (command: string) => `${command} > /dev/full`,
  'stdout closed': (command: string) => `${command} >&-`,
  'stdout into a pipe that nobody reads any more': (command: string) => `${command} | true`,
  'stderr on a full disk': (command: string) => `${command} 2> /dev/full`,
  'stderr closed': (command: string) => `${command} 2>&-`,
  'stderr into a pipe that nobody reads any more': (command: string) => `{ ${command} > /dev/null; } 2>&1 | true`,
  'both into a pipe that nobody reads any more': (command: string) => `{ ${command}; } 2>&1 | true`,
  'both on a full disk': (command: string) => `${command} > /dev/full 2>&1`,
  'stderr into a pipe whose reader stands still': (command: string) =>
    `{ ${command} > /dev/null; } 2>&1 | read never < pipes/gate`,
  'stdin, stdout and stderr closed': (command: string) => `${command} <&- >&- 2>&-`,
} as const;

const RUN = ['run', 'ids.txt', ...COMMENT, '--yes', '--confirm-for', '6s', '--patience', '1m'];
const COUNT = 60;

/** Runs the built command at the given streams; its exit code comes by a file, as its pipe's is another's. */
async function at(harness: Harness, trouble: keyof typeof TROUBLES, args: readonly string[]): Promise<number> {
  await rm(harness.path('pipes/code'), { force: true });
  const words = args.map((arg) => `'${arg}'`).join(' ');
  const line = TROUBLES[trouble](`{ countermand ${words}; echo $? > pipes/code; }`);
  const child = spawn(
    '/bin/sh',
    ['-c', `mkdir -p pipes; test -p pipes/gate || mkfifo pipes/gate; ${withCommand(line)}`],
    {
      cwd: harness.folder,
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...harness.env },
      stdio: 'ignore',
      detached: true,
    },
  );
  const ended = once(child, 'close');
  // The shell that reads from the gate stands there until somebody opens its other end, which is when the code is known.
  if (trouble.includes('stands still')) {
    await expect
      .poll(() => readFile(harness.path('pipes/code'), 'utf8').catch(() => ''), { timeout: 150_000 })
      .toMatch(/\d/);
    await (await openFile(harness.path('pipes/gate'), 'w')).close();
  }
  await ended;
  return Number(await readFile(harness.path('pipes/code'), 'utf8'));
}

async function stageWithTrouble(): Promise<Harness> {
  const harness = await openHarness({ actions: open(COUNT) });
  await harness.file('ids.txt', ids(COUNT));
  // Answers that are throttled, lost after they took effect, or errors.
  harness.sandbox.faults.next({ kind: 'too-many', seconds: 1 }, { route: 'cancel' });
  harness.sandbox.faults.next({ kind: 'reset', applied: true }, { route: 'cancel', times: 2 });
  harness.sandbox.faults.next({ kind: 'status', status: 503, retryAfter: 1 }, { route: 'cancel' });
  return harness;
}

describe.runIf(process.platform === 'linux')('a run whose outputs cannot be written', () => {
  for (const trouble of Object.keys(TROUBLES) as (keyof typeof TROUBLES)[]) {
    for (const level of trouble === 'stderr on a full disk' ? ['info', 'trace'] : ['trace']) {
      it.concurrent(`a run whose outputs cannot be written does and records all the same: ${trouble}, log level ${level}`, async () => {
        await using harness = await stageWithTrouble();
        expect(await at(harness, trouble, [...RUN, '--log-level', level])).toBe(0);
        const records = await harness.records('ledgers/ids.jsonl');
        const replied = new Set(only(records, 'reply').map(({ call }) => call));
        expect(only(records, 'intent').filter(({ call }) => !replied.has(call))).toEqual([]);
        expect([...outcomesOf(records).values()]).toEqual(Array.from({ length: COUNT }, () => 'cancelled'));
        expect(only(records, 'close').map(({ reason }) => reason)).toEqual(['finished']);
        expect(harness.sandbox.log.effective().sort()).toEqual(ids(COUNT));
      }, 200_000);
    }
  }
});

describe.runIf(process.platform === 'linux')('a run at a terminal that is halted by Ctrl-S', () => {
  it('a run at a terminal that is halted by Ctrl-S goes on to its end, and shows the end once the terminal goes on', async () => {
    await using harness = await stageWithTrouble();
    const command = `countermand ${RUN.map((arg) => `'${arg}'`).join(' ')}`;
    await using terminal = openTerminal(command, { cwd: harness.folder, env: harness.env });
    await terminal.shows('yes (--yes)');
    terminal.types('\u0013');
    const closed = async () => only(await harness.records('ledgers/ids.jsonl'), 'close').map(({ reason }) => reason);
    await expect.poll(closed, { timeout: 150_000 }).toEqual(['finished']);
    terminal.types('\u0011');
    expect(await terminal.ended).toBe(0);
    expect(terminal.screen).toContain('Done. Nothing needs attention');
  }, 200_000);
});

describe.runIf(process.platform === 'linux')('a command whose outputs cannot be written', () => {
  const ledger = 'ledgers/ids.jsonl';
  const COMMANDS: Record<string, readonly string[]> = {
    plan: ['plan', 'ids.txt', '--ledger', 'p.jsonl'],
    'plan --json': ['plan', 'ids.txt', '--ledger', 'q.jsonl', '--json'],
    resume: ['resume', ledger, '--yes'],
    'resume --dry-run': ['resume', ledger, '--dry-run'],
    verify: ['verify', ledger],
    'verify --offline --json': ['verify', ledger, '--offline', '--json'],
    check: ['check'],
    'check --json': ['check', '--json'],
    'a wrong flag': ['run', 'ids.txt', '--nonsense'],
    'a file that is not there': ['run', 'nosuch.csv', ...COMMENT, '--yes'],
    help: ['run', '--help'],
    report: ['report', ledger],
    'report --json': ['report', ledger, '--json'],
    list: ['list'],
    'list --json': ['list', '--json'],
  };
  /** Their results stand nowhere else: where stdout cannot take them, that is their end, as for a file that cannot be written. */
  const NOTHING_BUT_RESULTS = ['report', 'report --json', 'list', 'list --json'];

  const EACH_COMMAND_AT = [
    'stdout on a full disk',
    'stderr on a full disk',
    'both into a pipe that nobody reads any more',
    'stdin, stdout and stderr closed',
  ] as const;

  it('a command whose outputs cannot be written ends as it would', async () => {
    await using harness = await openHarness({ actions: open(3) });
    await harness.file('ids.txt', ids(3));
    expect((await harness.run(['run', 'ids.txt', ...COMMENT, '--yes', '--confirm-for', '0'])).code).toBe(3);
    for (const [name, args] of Object.entries(COMMANDS)) {
      const usual = (await harness.run(args)).code;
      for (const trouble of EACH_COMMAND_AT) {
        const full = trouble === 'stdout on a full disk';
        const lost = full && NOTHING_BUT_RESULTS.includes(name);
        expect([name, trouble, await at(harness, trouble, args)]).toEqual([name, trouble, lost ? 6 : usual]);
      }
    }
  }, 500_000);

  it('a command whose outputs cannot be written says so on stderr once, where that can be written', async () => {
    await using harness = await openHarness({ actions: open(1) });
    await harness.file('ids.txt', [id(1)]);
    const run = await harness.runShell('countermand run ids.txt --comment x --yes --confirm-for 0 > /dev/full');
    expect(run.stderr.match(/results cannot be written to stdout/g)).toHaveLength(1);
    const list = await harness.runShell('countermand list > /dev/full');
    expect(list.stderr).toBe(
      'countermand: the results cannot be written to stdout (the disk is full, ENOSPC): make room, then run it again\n',
    );
  });
});
