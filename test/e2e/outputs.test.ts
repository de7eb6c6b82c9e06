import { appendFile, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { COMMENT, documentOf, id, ids, only, open, openHarness, outcomesOf } from '../support/harness.ts';

const QUICK = ['--yes', '--confirm-for', '0'];

describe.concurrent('--json', () => {
  it('--json is one document on stdout, of the shape that is promised, and nothing else', async () => {
    await using harness = await openHarness({
      actions: [{ id: id(1) }, { id: id(2), status: 'Succeeded' }, { id: id(3), status: 'Failed' }],
    });
    await harness.file('ids.csv', ['id', ...ids(3), id(1), 'see ticket 4711']);

    const { code, stdout } = await harness.run(['run', 'ids.csv', ...COMMENT, '--yes', '--json']);

    expect(code).toBe(3);
    const document = documentOf(stdout);
    const records = await harness.records('ledgers/ids.jsonl');
    const [opened] = only(records, 'open');
    const [start] = only(records, 'start');
    const head = records.at(-1)?.chain;
    const { log } = harness.sandbox;
    expect(document).toEqual({
      run: opened?.run,
      tenant: opened?.tenant,
      ledger: harness.path('ledgers/ids.jsonl'),
      comment: COMMENT[1],
      startedAt: start?.at,
      endedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      head,
      integrity: { intact: true, records: records.length },
      admitted: 3,
      left: { accepted: 0, inDoubt: 0, again: 0, notCalled: 0 },
      forecast: null,
      next: null,
      counts: { cancelled: 1, 'already-final': 2 },
      rejected: { 'not-an-id': 1, duplicate: 1 },
      calls: { cancel: log.count('cancel'), get: log.count('get'), list: log.count('list'), machines: 0 },
      // The isolation that had succeeded before.
      needsRelease: 1,
      durationMs: expect.any(Number),
      exitCode: 3,
    });
    const release = await readFile(harness.path('ledgers/ids.jsonl.needs-release.csv'), 'utf8');
    expect(release).toContain(id(2));
    expect((await stat(harness.path('ledgers/ids.jsonl'))).mode & 0o777).toBe(0o600);
  });

  it('--json of a plan has forecast and decisions, and no outcomes', async () => {
    await using harness = await openHarness({ actions: open(2) });
    await harness.file('ids.txt', ids(2));
    const { code, stdout } = await harness.run(['run', 'ids.txt', '--dry-run', '--json']);
    expect(code).toBe(0);
    const document = documentOf(stdout);
    expect(Object.keys(document).sort()).toEqual([
      'admitted',
      'calls',
      'comment',
      'counts',
      'decisions',
      'durationMs',
      'endedAt',
      'exitCode',
      'forecast',
      'head',
      'integrity',
      'ledger',
      'left',
      'needsRelease',
      'next',
      'rejected',
      'run',
      'startedAt',
      'tenant',
    ]);
    expect(document.decisions).toEqual({ cancel: 2, 'already-final': 0, excluded: 0, 'not-found': 0, unscreened: 0 });
    expect(document.counts).toEqual({});
  });

  it('--json of a plan comes as files too, from plan and run --dry-run alike; a run refuses what only a plan writes', async () => {
    await using harness = await openHarness({ actions: open(2) });
    await harness.file('ids.txt', ids(2));
    for (const command of [['plan'], ['run', '--dry-run']]) {
      const name = command.join('');
      const written = await harness.run([...command, 'ids.txt', '--html', `${name}.html`, '--csv', `${name}.csv`]);
      expect(written.code).toBe(0);
      expect(await readFile(harness.path(`${name}.html`), 'utf8')).toContain('Head to approve');
      expect(await readFile(harness.path(`${name}.csv`), 'utf8')).toContain(id(2));
    }
    const end = await harness.run(['run', 'ids.txt', ...COMMENT, '--yes', '--html', 'a.html']);
    expect(end.code).toBe(2);
    expect(end.stderr).toContain('--html is for the plan that --dry-run makes');
    expect(harness.sandbox.log.count('cancel')).toBe(0);
  });
});

describe.concurrent('reports from a ledger', () => {
  it('reports from a ledger come in every format, also while the run goes on', async () => {
    await using harness = await openHarness({ actions: open(6), windows: '5/10m' });
    await harness.file('ids.txt', ids(6));
    const running = harness.start(['run', 'ids.txt', ...COMMENT, '--yes', '--screen', 'never']);
    await harness.sandbox.log.until((log) => log.count('cancel') === 5);

    const ledger = 'ledgers/ids.jsonl';
    const json = await harness.run(['report', ledger, '--json']);
    expect(json.code, json.stderr).toBe(0);
    expect(documentOf(json.stdout)).toMatchObject({ exitCode: null, counts: {} });
    const out = await harness.run(['report', ledger, '--csv', 'rows.csv', '--html', 'page.html', '--out', 'folder']);
    expect(out.code, out.stderr).toBe(0);
    for (const name of [
      'report.html',
      'summary.json',
      'outcomes.csv',
      'failed.csv',
      'needs-release.csv',
      'SHA256SUMS',
    ]) {
      expect((await stat(harness.path(`folder/${name}`))).isFile()).toBe(true);
    }
    expect(await readFile(harness.path('rows.csv'), 'utf8')).toContain(id(6));
    expect(await readFile(harness.path('page.html'), 'utf8')).toMatch(/^<!doctype html>/i);
    running.kill('SIGTERM');
    expect((await running.ended).code).toBe(143);
  });

  it('reports from a ledger leave a ledger that is being written as it is, and take its unfinished line for what it is', async () => {
    await using harness = await openHarness({ actions: open(6), windows: '5/10m' });
    await harness.file('ids.txt', ids(6));
    const running = harness.start(['run', 'ids.txt', ...COMMENT, '--yes', '--screen', 'never']);
    await harness.sandbox.log.until((log) => log.count('cancel') === 5);
    // It stands still in the middle of a line, and cannot answer for its lock.
    running.kill('SIGSTOP');
    const path = harness.path('ledgers/ids.jsonl');
    await appendFile(path, '{"seq":4711,"at":"2026-');
    const before = await readFile(path, 'utf8');
    const files = await readdir(harness.path('ledgers'));

    const report = await harness.run(['report', 'ledgers/ids.jsonl', '--json']);
    expect(report.code, report.stderr).toBe(0);
    expect(documentOf(report.stdout)).toMatchObject({ exitCode: null });
    const verified = await harness.run(['verify', '--offline', 'ledgers/ids.jsonl']);
    expect(verified.code, verified.stderr).toBe(0);
    expect(verified.stdout).toContain('intact');
    expect(await readFile(path, 'utf8')).toBe(before);
    expect(await readdir(harness.path('ledgers'))).toEqual(files);
    running.kill('SIGKILL');
    await running.ended;
  });

  it.runIf(process.platform === 'linux')(
    'reports that cannot be written are told in one sentence, and the run itself is none the worse',
    async () => {
      await using harness = await openHarness({ actions: open(1) });
      await harness.file('ids.txt', ids(1));
      const ledger = 'ledgers/ids.jsonl';
      const toFullDisk = await harness.runShell(
        `countermand run ids.txt --comment INC-4711 --yes --confirm-for 0 --json > /dev/full`,
      );
      expect(toFullDisk.code).toBe(3);
      expect(toFullDisk.stderr).toMatch(/results cannot be written to stdout \(the disk is full, ENOSPC\)/);
      expect(only(await harness.records(ledger), 'close').at(-1)?.reason).toBe('finished');
      const logOnFullDisk = await harness.runShell(`countermand report ${ledger} --json 2> /dev/full`);
      expect(documentOf(logOnFullDisk.stdout).exitCode).toBe(3);
      const head = await harness.runShell(`countermand report ${ledger} | head -n 1`);
      expect(head).toMatchObject({ code: 0, stderr: '' });
      const nowhere = await harness.run(['report', ledger, '--html', '/proc/report.html']);
      expect(nowhere).toMatchObject({ code: 2, stdout: '' });
      expect(nowhere.stderr).toMatch(/^countermand: \/proc\/report\.html cannot be written .*\n$/);
    },
  );

  it('verify --offline tells whole from changed and cut, and sends nothing', async () => {
    await using harness = await openHarness({ actions: open(3) });
    await harness.file('ids.txt', ids(3));
    const { head, ledger } = documentOf((await harness.run(['run', 'ids.txt', ...COMMENT, ...QUICK, '--json'])).stdout);
    harness.sandbox.log.clear();
    const offline = (...more: string[]) => harness.run(['verify', ledger, '--offline', ...more]);

    expect((await offline('--head', head)).code).toBe(0);
    const text = await readFile(ledger, 'utf8');
    await writeFile(ledger, `${text}{"seq":`);
    expect((await offline('--head', head)).code).toBe(0);
    const lines = text.trimEnd().split('\n');
    await writeFile(ledger, `${lines.slice(0, -1).join('\n')}\n`);
    const cut = await offline('--head', head);
    expect(cut.code).toBe(12);
    expect((await offline()).code).toBe(0);
    await writeFile(ledger, text.replace('"attempts":1', '"attempts":2'));
    const changed = await offline();
    expect(changed.code).toBe(12);
    expect(changed.stderr).toMatch(/line \d+/);
    const resumed = await harness.run(['resume', ledger]);
    expect(resumed).toMatchObject({ code: 12, stdout: '' });
    expect(harness.sandbox.log.count()).toBe(0);
  });
});

describe.concurrent('a file that is no ledger', () => {
  it('a file that is no ledger is said to be none wherever a ledger is asked for, exit 2', async () => {
    await using harness = await openHarness({ actions: open(1) });
    await harness.file('ids.csv', ['id', ...ids(1)]);
    await harness.file('notes.jsonl', ['{"note":1}']);
    const commands = [
      ['verify', 'ids.csv', '--offline'],
      ['verify', 'ids.csv'],
      ['resume', 'ids.csv'],
      ['report', 'ids.csv'],
      ['run', 'ids.csv', ...COMMENT, '--yes', '--ledger', 'notes.jsonl'],
      ['run', 'notes.jsonl', '--yes'],
    ];
    for (const command of commands) {
      const { code, stderr, stdout } = await harness.run(command);
      expect(stderr).toMatch(/^countermand: \S*(ids\.csv|notes\.jsonl) is not a ledger: .*\n$/);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    }
    expect(harness.sandbox.log.count()).toBe(0);
  });
});

describe.concurrent('a run that is gone on with', () => {
  it('resume --dry-run says what is left and writes nothing; --retry tries the refused ones after looking', async () => {
    await using harness = await openHarness({
      actions: open(4),
      behaviours: { byId: { [id(2)]: { onCancel: { kind: 'refused', http: 409, code: 'Conflict' } } } },
    });
    await harness.file('ids.txt', ids(4));
    const run = await harness.run(['run', 'ids.txt', ...COMMENT, ...QUICK]);
    expect(run.code, run.stderr).toBe(3);
    const ledger = harness.path('ledgers/ids.jsonl');
    const before = await readFile(ledger, 'utf8');
    harness.sandbox.log.clear();

    const left = await harness.run(['resume', ledger, '--dry-run', '--retry', 'failed']);
    expect(left.code).toBe(0);
    expect(left.stdout).toMatch(/1 +look up again/);
    expect(await readFile(ledger, 'utf8')).toBe(before);
    expect(harness.sandbox.log.count()).toBe(0);

    // As nothing is new, it ends as it did.
    const same = await harness.run(['run', 'ids.txt', ...COMMENT, '--yes']);
    expect(same.code).toBe(3);
    expect(harness.sandbox.log.count('cancel')).toBe(0);

    harness.sandbox.store.behave(id(2), {});
    const retried = await harness.run(['resume', ledger, '--retry', 'failed', '--confirm-for', '10s']);
    expect(retried.code, retried.stderr).toBe(0);
    const { log } = harness.sandbox;
    expect(log.of(id(2), 'cancel')).toHaveLength(1);
    expect(log.of(id(2))[0]?.method).toBe('GET');
    expect(log.effective()).toEqual([id(2)]);
  });

  it('a run that is gone on with asks what to do with open actions that a changed source no longer names: exit 2, withdrawn or kept', async () => {
    for (const [flag, effective] of [
      ['--withdraw-missing', [id(1), id(3)]],
      ['--keep-missing', [id(1), id(2), id(3)]],
    ] as const) {
      await using harness = await openHarness({ actions: open(3) });
      await harness.file('ids.txt', [id(1), id(2)]);
      const args = ['run', 'ids.txt', ...COMMENT, ...QUICK];
      // Interrupted before its first cancel.
      harness.sandbox.latencyMs = 300;
      const first = harness.start([
        ...args,
        '--screen',
        'never',
        '--first',
        '0',
        '--quota',
        '1/10m',
        '--concurrency',
        '1',
      ]);
      await harness.sandbox.log.until((log) => log.count('cancel') === 1);
      first.kill('SIGINT');
      expect((await first.ended).code).toBe(130);
      harness.sandbox.latencyMs = 0;
      await harness.file('ids.txt', [id(1), id(3)]);

      const refused = await harness.run(args);
      expect(refused.code, refused.stderr).toBe(2);
      expect(refused.stderr).toMatch(/--withdraw-missing.*--keep-missing/);
      // Nor does a resume take the old list for approved.
      const resumed = await harness.run(['resume', 'ledgers/ids.jsonl', '--yes', ...QUICK]);
      expect(resumed.code, resumed.stderr).toBe(2);
      expect(harness.sandbox.log.count('cancel')).toBe(1);
      const done = await harness.run([...args, flag]);
      expect(done.code, done.stderr).toBe(3);
      expect(harness.sandbox.log.effective().sort()).toEqual(effective);
      const outcomes = outcomesOf(await harness.records('ledgers/ids.jsonl'));
      expect(outcomes.get(id(2))).toBe(flag === '--keep-missing' ? 'unconfirmed' : 'withdrawn');
    }
  });

  it('a run that is gone on with refuses a stdin that died in the middle: its unread rest is gone', async () => {
    await using harness = await openHarness({ actions: open(3) });
    const first = harness.start(['run', '-', ...COMMENT, '--yes', '--ledger', 'stdin.jsonl'], { openInput: true });
    first.child.stdin?.write(`${id(1)}\n${id(2)}\n`);
    await expect
      .poll(async () => only(await harness.records('stdin.jsonl').catch(() => []), 'open').length, { timeout: 10_000 })
      .toBe(1);
    first.kill('SIGKILL');
    await first.ended;
    const resumed = await harness.run(['resume', 'stdin.jsonl', '--yes']);
    expect(resumed).toMatchObject({ code: 2, stdout: '' });
    expect(resumed.stderr).toMatch(/stdin/);
    expect(harness.sandbox.log.count('cancel')).toBe(0);
  });
});

describe.concurrent('lists as programs write them', () => {
  const guids = ids(3);
  const braces = guids.map((each) => `{${each.toUpperCase()}}`);
  const utf16 = (text: string) => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]);
  const dialects: Record<string, { content: string | Uint8Array; flags?: string[] }> = {
    'plain lines with CRLF and blank ones': { content: `\r\n${guids.join('\r\n\r\n')}\r\n` },
    'GUIDs in capitals and braces': { content: `Machine Action ID\n${braces.join('\n')}\n` },
    'semicolons, quotes and a BOM': {
      content: `\ufeff"Name";"actionId"\r\n${guids.map((each) => `"a;b";"${each}"`).join('\r\n')}\r\n`,
    },
    'tabs in UTF-16LE, as Excel writes it': {
      content: utf16(`Computer\tID\r\n${guids.map((each) => `pc\t${each}`).join('\r\n')}\r\n`),
    },
    'a #TYPE line, as PowerShell 5 writes it': {
      content: `#TYPE System.Management.Automation.PSCustomObject\r\n"Id"\r\n${guids.map((each) => `"${each}"`).join('\r\n')}\r\n`,
    },
    'a column of another name': {
      content: `what,ref\n${guids.map((each) => `scan,${each}`).join('\n')}\n`,
      flags: ['--column', 'ref'],
    },
  };
  for (const [what, { content, flags = [] }] of Object.entries(dialects)) {
    it(`a list is read with ${what}`, async () => {
      await using harness = await openHarness({ actions: open(3) });
      await writeFile(harness.path('list.csv'), content);
      const run = await harness.run(['run', 'list.csv', ...COMMENT, ...QUICK, '--json', ...flags]);
      expect(run.code, run.stderr).toBe(3);
      expect(documentOf(run.stdout)).toMatchObject({ counts: { unconfirmed: 3 }, rejected: {} });
      expect(harness.sandbox.log.effective().sort()).toEqual(guids);
    });
  }

  it('a comment column beats --comment in its row, and each begins with the stamp of the run', async () => {
    await using harness = await openHarness({ actions: open(2) });
    await harness.file('list.csv', ['id,comment', `${id(1)},Released by case 12`, `${id(2)},`]);
    const { stdout } = await harness.run(['run', 'list.csv', ...COMMENT, ...QUICK, '--json']);
    const stamp = `[countermand ${documentOf(stdout).run.slice(0, 8)}] `;
    const comments = ids(2).map((each) => harness.sandbox.log.of(each, 'cancel')[0]?.comment);
    expect(comments).toEqual([`${stamp}Released by case 12`, `${stamp}${COMMENT[1]}`]);
  });
});
