import { readFile } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import type { ActionSeed } from '../../src/sandbox/sandbox-action.ts';
import { dangerousIn } from '../support/dangerous.ts';
import { filesIn } from '../support/files-in.ts';
import { COMMENT, documentOf, type Harness, id, ids, only, openHarness } from '../support/harness.ts';
import { openTerminal } from './terminal.ts';

/** What a name may hold to drive a terminal, to hide, or to begin a line of its own. */
const HOSTILE =
  '\u001b[1A\u001b[2K\u009b2J\u0007\u202e\u2066\u2028\u200b\r\n\u001b]0;x\u0007\u001b[32mcountermand: all well\u007f\ud83d';
const name = (what: string, n: number) => `${what}${n}${HOSTILE}.`;
/** What a comment may hold of it: control characters are refused there, and half a character is none in a file. */
const IN_A_COMMENT = HOSTILE.replaceAll(/[\p{Cc}\p{Cs}]/gu, '');

function expectClean(text: string, where: string): void {
  // A CSV for spreadsheets begins with a mark and ends its lines in CRLF.
  const plain = text.replaceAll('\r\n', '\n').replace(/^\uFEFF/, '');
  const around = dangerousIn(plain, ['\n']).map((at) => JSON.stringify(plain.slice(Math.max(0, at - 60), at + 20)));
  expect([where, ...around]).toEqual([where]);
  // No foreign line end begins a line.
  expect(text.split('\n').filter((line) => line.startsWith('countermand: all well'))).toEqual([]);
}

function hostileActions(count: number): ActionSeed[] {
  return ids(count).map((each, n) => ({
    id: each,
    type: n === 1 ? name('RunAntiVirusScan', n) : 'Isolate',
    status: n === 2 ? 'Succeeded' : n === 3 ? name('Odd', n) : 'Pending',
    computerDnsName: name('desktop', n),
    requestor: name('analyst', n),
    requestorComment: `=cmd|'/c calc'!A1${name('comment', n)}`,
    machineId: name('machine', n),
    title: name('title', n),
  }));
}

async function hostileStage(): Promise<Harness> {
  const harness = await openHarness({
    actions: hostileActions(8),
    behaviours: {
      byId: {
        [id(5)]: { onCancel: { kind: 'refused', http: 409, code: name('Conflict', 5), message: name('message', 5) } },
        [id(6)]: { onCancel: { kind: 'later', becomes: name('Strange', 6), afterMs: 0 } },
      },
    },
  });
  const rows = ids(8).map((each, n) => `${each},"own comment${n}${IN_A_COMMENT}."`);
  await harness.file('list.csv', ['id,comment', ...rows, `"not an id${HOSTILE.replaceAll('\ud83d', '')}",x`]);
  return harness;
}

describe('text from elsewhere', () => {
  it('text from elsewhere leaves clean by every command, stream and file', async () => {
    await using harness = await hostileStage();
    const ledger = 'ledgers/list.jsonl';
    const commands: string[][] = [
      ['list'],
      ['list', '--json'],
      ['plan', 'list.csv', '--html', 'out/plan.html', '--csv', 'out/plan.csv'],
      ['plan', 'list.csv', '--json', '--ledger', 'p.jsonl', '--log-level', 'trace'],
      ['run', 'list.csv', ...COMMENT, '--yes', '--first', '3', '--confirm-for', '1s', '--log-level', 'trace'],
      ['run', 'list.csv', ...COMMENT, '--yes', '--confirm-for', '1s', '--log-level', 'trace', '--json'],
      ['resume', ledger, '--dry-run'],
      ['resume', ledger, '--yes', '--retry', 'failed', '--log-level', 'debug'],
      ['verify', ledger],
      ['verify', ledger, '--offline', '--json'],
      ['report', ledger, '--out', 'out/report', '--csv', 'out/rows.csv', '--html', 'out/page.html'],
      ['report', ledger, '--json'],
      ['check', '--json'],
    ];
    for (const command of commands) {
      const { code, stdout, stderr } = await harness.run(command);
      expect(code, `${command.join(' ')}\n${stderr}`).not.toBe(1);
      expect(code, `${command.join(' ')}\n${stderr}`).not.toBe(2);
      expectClean(stdout, command.join(' '));
      expectClean(stderr, command.join(' '));
    }
    const files = await filesIn(harness.path('out'));
    expect(files.length).toBeGreaterThan(8);
    for (const [path, text] of files) expectClean(text, path);
    expectClean(await readFile(harness.path(`${ledger}.needs-release.csv`), 'utf8'), 'needs-release.csv');
    const reported = files.map(([, text]) => text).join('\n');
    for (const what of ['desktop0\\x1b[1A', 'analyst0\\x1b[1A']) expect(reported).toContain(what);
  }, 240_000);

  it('text from elsewhere leaves clean in the words of a refusal: flags, values, files, jobs', async () => {
    await using harness = await hostileStage();
    const odd = HOSTILE.replaceAll('\ud83d', '');
    await harness.file('job.yaml', [
      `"odd${JSON.stringify(odd).slice(1, -1)}": 1`,
      `comment: [${JSON.stringify(odd)}]`,
    ]);
    await harness.file(`odd${odd.replaceAll('/', '')}.csv`, ['no', 'ids']);
    const commands: string[][] = [
      [`comm${odd}and`],
      ['run', `nosuch${odd}.csv`, ...COMMENT, '--yes'],
      ['run', `odd${odd}.csv`, ...COMMENT, '--yes'],
      ['run', 'job.yaml', '--yes'],
      ['run', 'list.csv', `--odd${odd}`],
      ['run', 'list.csv', ...COMMENT, '--yes', '--quota', odd],
      ['run', 'list.csv', ...COMMENT, '--yes', '--cloud', odd],
      ['run', 'list.csv', ...COMMENT, '--yes', '--column', odd],
      ['run', 'list.csv', ...COMMENT, '--yes', '--strict-input', '--ledger', 's.jsonl'],
      ['run', 'list.csv', ...COMMENT, '--yes', '--log-level', odd],
      ['run', 'list.csv', ...COMMENT, '--yes', '--api-url', `http://h${odd}/`],
      ['run', 'list.csv', ...COMMENT, '--yes', '--created-after', odd],
      ['report', `nosuch${odd}.jsonl`],
      ['verify', `nosuch${odd}.jsonl`],
      ['list', '--created-after', odd],
      ['check', `job${odd}.yaml`],
      ['sandbox', '--port', odd],
    ];
    for (const command of commands) {
      const { code, stdout, stderr } = await harness.run(command);
      expect([command.join(' '), code]).toEqual([command.join(' '), 2]);
      expectClean(stdout, command.join(' '));
      expectClean(stderr, command.join(' '));
    }
    expect(harness.sandbox.log.count('cancel')).toBe(0);
  }, 240_000);

  it('text from elsewhere leaves clean above the question on a terminal, though it changed since the plan', async () => {
    await using harness = await openHarness({ actions: ids(2).map((each) => ({ id: each })) });
    await harness.file('list.csv', ['id', ...ids(2)]);
    expect((await harness.run(['plan', 'list.csv', ...COMMENT])).code).toBe(0);
    const [first] = harness.sandbox.store.all();
    if (first === undefined) throw new Error('the sandbox is empty');
    first.computerDnsName = name('desktop', 1);
    first.status = 'Cancelled';
    await using terminal = openTerminal('countermand run ledgers/list.plan.jsonl', {
      cwd: harness.folder,
      env: harness.env,
    });
    await terminal.shows('[y/N]');
    terminal.types('n\n');
    expect(await terminal.ended).toBe(2);
    expect(terminal.screen).toContain('desktop1\\x1b[1A\\x1b[2K\\x9b2J\\x07\\u202e');
    expect(terminal.screen).not.toContain('\u009b');
    expect(terminal.screen).not.toContain('\u202e');
  });

  it('text from elsewhere is the same value in JSON, and one row in CSV that no spreadsheet runs and run reads again', async () => {
    await using harness = await hostileStage();
    const json = await harness.run(['list', '--json']);
    const shown = json.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { computerDnsName: string });
    expect(shown.map(({ computerDnsName }) => computerDnsName)).toContain(name('desktop', 0));
    const csv = await harness.run(['list']);
    expect(csv.stdout.trimEnd().split('\n')).toHaveLength(9);
    for (const row of (parse(csv.stdout) as string[][]).slice(1)) expect(row[6]).toMatch(/^'=cmd\|/);
    const piped = await harness.runShell('countermand list | countermand plan - --ledger piped.jsonl --json');
    expect(documentOf(piped.stdout)).toMatchObject({ rejected: {} });
    expect(
      only(await harness.records('piped.jsonl'), 'admit')
        .map((record) => record.id)
        .sort(),
    ).toEqual(ids(8));
  });
});
