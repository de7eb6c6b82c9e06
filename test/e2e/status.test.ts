import { execFileSync } from 'node:child_process';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { JSON_DOCUMENTS } from '../../src/report/json-schema.ts';
import { COMMENT, documentOf, type Harness, ids, open, openHarness } from '../support/harness.ts';
import { openTerminal } from './terminal.ts';

interface Run {
  name: string;
  ledger: string;
  tenant: string | null;
  state: string;
  holder: { pid: number; host: string; since: string } | null;
  admitted: number;
  counts: Record<string, number>;
  left: { accepted: number; inDoubt: number; again: number; notCalled: number };
  needsReview: number;
  forecast: { endsAt: string } | null;
  integrity: { intact: boolean; records: number; line?: number };
  next: string | null;
}

const RUN = [...COMMENT, '--yes', '--screen', 'never', '--confirm-for', '0'];

async function statusOf(harness: Harness, args: readonly string[] = []) {
  const { code, stdout, stderr } = await harness.run(['status', '--json', ...args]);
  const { runs } = JSON_DOCUMENTS.status.parse(JSON.parse(stdout)) as { runs: Run[] };
  return { code, stderr, runs, run: (name: string) => runs.find((each) => each.name === name) };
}

/** Every file of the ledgers' folder with what it holds and when it was written. */
async function folderOf(harness: Harness): Promise<unknown> {
  const names = await readdir(harness.path('ledgers'));
  return Promise.all(
    names.sort().map(async (name) => {
      const path = harness.path(`ledgers/${name}`);
      const { mtimeMs } = await stat(path);
      return [name, mtimeMs, name.endsWith('.jsonl') ? await readFile(path, 'utf8') : ''];
    }),
  );
}

describe.concurrent('status', () => {
  it('shows every run of the folder, and neither sends, writes nor locks anything', async () => {
    await using harness = await openHarness({ actions: open(30) });
    await harness.file('done.txt', ids(3));
    await harness.file('planned.txt', ids(5, 10));
    await harness.file('halted.txt', ['00000000-0000-4000-8000-0000000000ff', ...ids(2, 20)]);
    expect((await harness.run(['plan', 'planned.txt'])).code).toBe(0);
    expect((await harness.run(['run', 'done.txt', ...COMMENT, '--yes'])).code).toBe(0);
    const halted = await harness.run(['run', 'halted.txt', ...RUN, '--max-failures', '0', '--max-actions', '1']);
    expect(halted.code, halted.stderr).toBe(5);
    const before = await folderOf(harness);
    const calls = harness.sandbox.log.entries.length;

    const { code, stderr, runs, run } = await statusOf(harness);

    expect(code, stderr).toBe(0);
    expect(runs.map(({ name }) => name)).toEqual(['done', 'halted', 'planned.plan']);
    expect(run('done')).toMatchObject({ state: 'finished', admitted: 3, counts: { cancelled: 3 }, forecast: null });
    expect(run('done')).toMatchObject({ holder: null, next: null, integrity: { intact: true }, needsReview: 0 });
    expect(run('halted')).toMatchObject({ state: 'halted', holder: null, left: { notCalled: 3 } });
    expect(run('planned.plan')).toMatchObject({ state: 'planned', counts: {}, left: { notCalled: 5 } });
    expect(Date.parse(run('planned.plan')?.forecast?.endsAt ?? '')).toBeGreaterThan(Date.now() - 60_000);
    expect(await folderOf(harness)).toEqual(before);
    expect(harness.sandbox.log.entries).toHaveLength(calls);

    // The command runs as it stands, but for what nobody has said yet.
    const next = run('planned.plan')?.next ?? '';
    expect(next).toMatch(/^countermand run ledgers\/planned\.plan\.jsonl --head [0-9a-f]{32} /);
    expect(next).toContain(' --comment REASON');
    const started = await harness.runShell(`env -u COUNTERMAND_QUOTA ${next.replace('REASON', 'later')} --yes`);
    expect(started.code, started.stderr).toBe(0);
    expect((await statusOf(harness)).run('planned.plan')).toMatchObject({ state: 'finished', next: null });
  });

  it('names who works on a run; killed, it is interrupted at once and its command goes on with it', async () => {
    await using harness = await openHarness({ actions: open(6), windows: '3/10m' });
    await harness.file('ids.txt', ids(6));
    const command = harness.start(['run', 'ids.txt', ...RUN]);
    await harness.sandbox.log.until((log) => log.entries.filter(({ done }) => done).length === 3);
    const { run } = await statusOf(harness);
    const running = run('ids');
    expect(running).toMatchObject({ state: 'running', admitted: 6, next: null, holder: { pid: command.child.pid } });
    // The second half has to wait for the window.
    const inMs = Date.parse(running?.forecast?.endsAt ?? '') - Date.now();
    expect(inMs).toBeGreaterThan(9 * 60_000);
    expect(inMs).toBeLessThan(11 * 60_000);

    const living = await harness.run(['report', 'ledgers/ids.jsonl']);
    expect(living.stdout.replaceAll(/\s+/g, ' ')).toMatch(
      new RegExp(`^ ?Running .* Process ${command.child.pid} on .* works on it since .* Over at `),
    );
    expect(living.stdout).not.toContain('countermand resume');

    command.kill('SIGKILL');
    await command.ended;
    const dead = await harness.run(['report', 'ledgers/ids.jsonl']);
    expect(dead.stdout).toMatch(/^\n?Interrupted, and nobody works on it\n/);
    expect(dead.stdout).toContain('Nobody works on it: resume it:\n      countermand resume ledgers/ids.jsonl');
    const killed = (await statusOf(harness)).run('ids');
    expect(killed).toMatchObject({ state: 'interrupted', holder: null, admitted: 6 });
    expect(killed?.next).toContain('countermand resume ledgers/ids.jsonl');
    expect((await harness.run(['status'])).stdout).toContain(`\n  ${killed?.next}\n`);
  });

  it('says after SIGINT what the sandbox has seen and what a report says', async () => {
    await using harness = await openHarness({ actions: open(40), latencyMs: 1000 });
    await harness.file('ids.txt', ids(40));
    const command = harness.start(['run', 'ids.txt', ...RUN, '--concurrency', '4']);
    await harness.sandbox.log.until((log) => log.count('cancel') === 8);
    command.kill('SIGINT');
    expect((await command.ended).code).toBe(130);

    const run = (await statusOf(harness, ['ledgers/ids.jsonl'])).run('ids');

    const called = harness.sandbox.log.effective().length;
    expect(called).toBe(harness.sandbox.log.count('cancel'));
    expect(run).toMatchObject({ state: 'interrupted', admitted: 40, holder: null });
    const { counts = {}, left } = run ?? {};
    const settled = Object.values(counts).reduce((sum, n) => sum + n, 0);
    expect(left).toEqual({ accepted: called - settled, inDoubt: 0, again: 0, notCalled: 40 - called });
    const report = documentOf((await harness.run(['report', 'ledgers/ids.jsonl', '--json'])).stdout);
    expect(counts).toEqual(report.counts);
    expect(report.calls.cancel).toBe(called);
  });

  it('says of a plan that is empty or was refused what it is, and of a finished run the command of its last screen', async () => {
    await using harness = await openHarness({ actions: open(3) });
    await harness.file('none.txt', ['see the ticket']);
    await harness.file('half.txt', [...ids(1), 'no ID']);
    await harness.file('lost.txt', [...ids(1), '00000000-0000-4000-8000-0000000000ff']);
    expect((await harness.run(['plan', 'none.txt'])).code).toBe(2);
    expect((await harness.run(['plan', 'half.txt', '--strict-input'])).code).toBe(2);
    const over = await harness.run(['run', 'lost.txt', ...COMMENT, '--yes']);
    expect(over.code, over.stderr).toBe(3);

    const { stdout } = await harness.run(['status']);
    expect(stdout).toMatch(/^none\.plan +planned +0 of 0 +-\n {2}Nothing to cancel\n/m);
    expect(stdout).toMatch(/^half\.plan +planned +0 of 1 +-\n {2}left: .*\n {2}The source was not read to its end\n/m);
    const [, command = ''] = /\n {2}(countermand .*)\n/.exec(stdout) ?? [];
    expect(command).toMatch(/^countermand report ledgers\/lost\.jsonl /);
    expect(over.stdout).toContain(command.replace('ledgers/', `${harness.path('ledgers')}/`));
    const { runs } = await statusOf(harness);
    expect(runs.map(({ next }) => next)).toEqual([null, null, null]);
  });

  it('shows names that every command on a ledger takes, and a file of that name goes before', async () => {
    await using harness = await openHarness({ actions: open(4) });
    await harness.file('incident.csv', ['id', ...ids(3)]);
    expect((await harness.run(['run', 'incident.csv', ...COMMENT, '--yes'])).code).toBe(0);
    const { run } = await statusOf(harness, ['incident']);
    expect(run('incident')).toMatchObject({ name: 'incident', ledger: 'ledgers/incident.jsonl' });
    const head = /^Head +([0-9a-f]{32})/m;

    const report = await harness.run(['report', 'incident']);
    expect(report.code, report.stderr).toBe(0);
    expect(report.stdout).toContain('ledgers/incident.jsonl');
    const chain = await harness.run(['verify', 'incident', '--offline']);
    expect(chain.stdout).toMatch(/^ledgers\/incident\.jsonl is intact: .* head /);
    expect(chain.stdout).toContain(head.exec(report.stdout)?.[1] ?? 'no head');
    expect((await harness.run(['resume', 'incident', '--dry-run'])).stdout).toBe('Nothing is left to do.\n');
    expect((await harness.run(['verify', 'incident'])).code).toBe(0);
    const resumed = await harness.run(['resume', 'incident', '--yes']);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(await harness.ledgers()).toEqual(['incident.jsonl']);

    await harness.file('incident', 'no ledger');
    const other = await harness.run(['report', 'incident']);
    expect(other.code).toBe(2);
    expect(other.stderr).toContain('incident is not a ledger');
    const none = await harness.run(['resume', 'incidents']);
    expect(none.code).toBe(2);
    expect(none.stderr).toContain(`There is no ledger ${harness.path('incidents')}: check the name.`);
  });

  it('shows the good plan under its name after one that failed in its place, and the failed one under a name that says so', async () => {
    await using harness = await openHarness({ actions: open(3) });
    await harness.file('ids.txt', ids(3));
    expect((await harness.run(['plan', 'ids.txt'])).code).toBe(0);
    const good = await readFile(harness.path('ledgers/ids.plan.jsonl'), 'utf8');
    const failures: [code: number, file: readonly string[] | Buffer, flags: readonly string[]][] = [
      [2, [...ids(2), 'no ID'], ['--strict-input']],
      [2, Buffer.from(`${'x'.repeat(70_000)}\u00fc`, 'latin1'), []],
      [6, ids(3), ['--api-url', 'http://127.0.0.1:9', '--patience', '1s']],
    ];
    for (const [n, [code, file, flags]] of failures.entries()) {
      await writeFile(harness.path('ids.txt'), Buffer.isBuffer(file) ? file : file.join('\n'));
      const failed = await harness.run(['plan', 'ids.txt', ...flags]);
      expect(failed.code, failed.stderr).toBe(code);
      const [, kept = ''] = /is the plan that it was before: .*, and is kept as (\S+)\n/.exec(failed.stderr) ?? [];
      expect(kept).toMatch(/ledgers\/ids\.plan\.failed-[0-9a-f]{8}\.jsonl$/);
      expect(await readFile(harness.path('ledgers/ids.plan.jsonl'), 'utf8')).toBe(good);
      expect((await statusOf(harness)).runs).toHaveLength(n + 2);
      const report = await harness.run(['report', kept]);
      expect(report.stdout).toMatch(
        /^\n?(The source was not read to its end|Nothing to cancel|Defender or sign-in was out of reach)\n/,
      );
    }
    await harness.file('ids.txt', ids(2));
    expect((await harness.run(['plan', 'ids.txt'])).code).toBe(0);
    const { run } = await statusOf(harness);
    expect(run('ids.plan')).toMatchObject({ state: 'planned', admitted: 2 });
  });

  it('says with its plan’s commands that a run was not started, whatever it is asked for by', async () => {
    await using harness = await openHarness({ actions: open(3) });
    await harness.file('inc 1.txt', ids(3));
    await harness.file('over.txt', ids(1, 9));
    expect((await harness.run(['plan', 'inc 1.txt', ...COMMENT])).code).toBe(0);
    expect((await harness.run(['plan', 'over.txt'])).code).toBe(3);
    const { run } = await statusOf(harness, ['ledgers/inc 1.plan.jsonl']);
    const { next } = run('inc 1.plan') ?? {};
    for (const given of ['inc 1', 'ledgers/inc 1.jsonl']) {
      for (const command of ['resume', 'report', 'verify', 'status']) {
        const { code, stderr } = await harness.run([command, given]);
        expect(code, command).toBe(2);
        expect(stderr.split('\n')).toEqual([
          `countermand: There is no ledger ${given}, only its plan, of which nothing was started yet.`,
          `Start it:   ${next}`,
          "Look at it: countermand report 'ledgers/inc 1.plan.jsonl'",
          '',
        ]);
      }
    }
    const nothing = await harness.run(['resume', 'over']);
    expect(nothing.stderr).toMatch(/only its plan.*\nLook at it: countermand report ledgers\/over\.plan\.jsonl\n$/);
    await writeFile(harness.path('ledgers/notes.plan.jsonl'), 'not a ledger\n');
    expect((await harness.run(['report', 'notes'])).stderr).toContain('There is no ledger notes: check the name.');
  });

  it('passes over what is no ledger without waiting for it, and reads the others', async () => {
    await using harness = await openHarness({ actions: open(3) });
    await harness.file('ids.txt', ids(3));
    expect((await harness.run(['run', 'ids.txt', ...COMMENT, '--yes'])).code).toBe(0);
    execFileSync('mkfifo', [harness.path('ledgers/pipe.jsonl'), harness.path('ledgers/ids.jsonl.lock')]);
    execFileSync('ln', ['-s', '/dev/zero', harness.path('ledgers/zero.jsonl')]);
    execFileSync('ln', ['-s', 'nowhere', harness.path('ledgers/lost.jsonl')]);
    execFileSync('mkdir', [harness.path('ledgers/folder.jsonl')]);
    execFileSync('ln', [harness.path('ledgers/ids.jsonl'), harness.path('ledgers/same.jsonl')]);
    await writeFile(harness.path('ledgers/notes.jsonl'), 'not a ledger\n');
    await writeFile(harness.path('ledgers/empty.jsonl'), '');

    const { code, stderr, runs } = await statusOf(harness);

    expect(code, stderr).toBe(0);
    expect(runs.map(({ name, state }) => [name, state])).toEqual([
      ['empty', 'interrupted'],
      ['ids', 'finished'],
      ['same', 'finished'],
    ]);
    for (const odd of ['pipe.jsonl is a named pipe', 'zero.jsonl is a device', 'folder.jsonl is a folder'])
      expect(stderr).toContain(odd);
    for (const odd of ['lost.jsonl is a symbolic link that leads to nothing', 'notes.jsonl is not a ledger'])
      expect(stderr).toContain(odd);
    for (const named of ['ledgers/pipe.jsonl', 'ledgers/notes.jsonl', 'ledgers/none.jsonl']) {
      const { code: refused, stdout } = await harness.run(['status', named, '--json']);
      expect(refused, named).toBe(2);
      expect(JSON.parse(stdout)).toMatchObject({ exitCode: 2 });
    }
  });

  it('exits 12 for a corrupt ledger and shows it beside the others', async () => {
    await using harness = await openHarness({ actions: open(4) });
    for (const name of ['a', 'b']) {
      await harness.file(`${name}.txt`, ids(2, name === 'a' ? 1 : 3));
      expect((await harness.run(['run', `${name}.txt`, ...COMMENT, '--yes'])).code).toBe(0);
    }
    const path = harness.path('ledgers/a.jsonl');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('"line":1,', '"line":9,'));

    const { code, runs, run } = await statusOf(harness);

    expect(code).toBe(12);
    expect(runs).toHaveLength(2);
    expect(run('a')).toMatchObject({ state: 'corrupt', next: null, forecast: null, integrity: { intact: false } });
    expect(run('a')?.integrity.line).toBeGreaterThan(1);
    expect(run('b')).toMatchObject({ state: 'finished' });
  });

  it('is content where there is nothing yet', async () => {
    await using harness = await openHarness();
    expect(await statusOf(harness)).toMatchObject({ code: 0, runs: [] });
    expect((await harness.run(['status'])).stdout).toContain('no runs');
    expect((await harness.run(['status', 'elsewhere'])).code).toBe(2);
  });

  it('--watch --json writes a document a line, at most two seconds apart, until Ctrl-C', async () => {
    await using harness = await openHarness();
    const command = harness.start(['status', '--watch', '--json']);
    const atMs: number[] = [];
    command.child.stdout?.on('data', () => atMs.push(performance.now()));
    await command.says(/(\{"runs":\[\]\}\n){3}/);
    command.kill('SIGINT');
    const { code, stdout } = await command.ended;
    expect(code).toBe(130);
    for (const line of stdout.trimEnd().split('\n')) expect(JSON.parse(line)).toEqual({ runs: [] });
    const [first = 0, second = 0, third = 0] = atMs;
    expect(second - first).toBeLessThan(2000);
    expect(third - second).toBeLessThan(2000);
  });

  it('--watch ends when nobody reads it any more', async () => {
    await using harness = await openHarness();
    const { code, stdout } = await harness.runShell('timeout 60 countermand status --watch | head -n 1');
    expect(code).toBe(0);
    expect(stdout).toContain('no runs');
  });

  it('--watch draws in place on a terminal, and Ctrl-C is 130', async () => {
    await using harness = await openHarness({ actions: open(2) });
    await harness.file('ids.txt', ids(2));
    await using terminal = openTerminal('countermand status --watch', { cwd: harness.folder, env: harness.env });
    await terminal.shows('no runs');
    expect((await harness.run(['run', 'ids.txt', ...COMMENT, '--yes'])).code).toBe(0);
    await terminal.shows('finished');
    expect(terminal.screen).toContain('\u001b[H');
    terminal.types('\u0003');
    expect(await terminal.ended).toBe(130);
  });
});
