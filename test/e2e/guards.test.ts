import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { sandboxToken } from '../../src/sandbox/access.ts';
import { COMMENT, documentOf, id, ids, only, open, openHarness, outcomesOf } from '../support/harness.ts';
import { chainLedger } from '../support/ledger-lines.ts';

describe.concurrent('--only-type Isolate cancels no other type', () => {
  const actions = ids(60).map((each, index) => ({ id: each, type: index % 4 === 1 ? 'Offboard' : 'Isolate' }));
  const isolations = actions.flatMap((each) => (each.type === 'Isolate' ? [each.id] : []));
  const args = ['run', 'ids.txt', ...COMMENT, '--only-type', 'Isolate', '--yes', '--confirm-for', '0'];

  const scenes = {
    'from answers in order': {},
    'from slow answers': { latencyMs: [50, 400] as const },
    'from answers in small pages': { list: { pageSize: 7 } },
    'from lists that forget some': {
      behaviours: {
        byId: Object.fromEntries(
          ids(60)
            .filter((_, n) => n % 9 === 0)
            .map((each) => [each, { missingFromList: true }]),
        ),
      },
    },
    'from lists that take ten IDs at most': { list: { maxIds: 10, maxIdsStatus: 414 } as const },
    'when half of the lookups fail': {
      faults: { seed: 2, rates: [{ rate: 0.5, fault: { kind: 'reset' } as const, routes: ['list' as const] }] },
    },
  };
  for (const [how, options] of Object.entries(scenes)) {
    it(`--only-type Isolate cancels no other type ${how}`, async () => {
      await using harness = await openHarness({ actions, ...options });
      await harness.file('ids.txt', ids(60));
      const { code, stderr } = await harness.run(args);
      // Nobody waits for what becomes of them here.
      expect(code, stderr).toBe(3);
      expect(harness.sandbox.log.effective().sort()).toEqual(isolations);
      expect(outcomesOf(await harness.records('ledgers/ids.jsonl')).get(id(2))).toBe('excluded');
    });
  }

  it('--only-type cancels nothing at all when nobody may look: exit 4, naming the permission', async () => {
    await using harness = await openHarness({ actions, token: { roles: ['Machine.Isolate'] } });
    await harness.file('ids.txt', ids(60));
    const { code, stderr } = await harness.run(args);
    expect(code).toBe(4);
    expect(stderr).toContain('Machine.Read.All');
    expect(harness.sandbox.log.count('cancel')).toBe(0);
  });
});

describe.concurrent('what was reviewed is what runs', () => {
  it('a plan runs as it was reviewed, and tells what changed since', async () => {
    await using harness = await openHarness({ actions: open(5) });
    await harness.file('ids.txt', ids(5));
    const plan = await harness.run(['plan', 'ids.txt', '--json']);
    expect(plan.code, plan.stderr).toBe(0);
    const { head, ledger, forecast } = documentOf(plan.stdout);
    expect(ledger).toBe(harness.path('ledgers/ids.plan.jsonl'));
    expect(forecast?.quarters.map(({ part }) => part)).toEqual([0.25, 0.5, 0.75, 1]);
    harness.sandbox.store.update(id(2), { status: 'Succeeded', type: 'RunAntiVirusScan' });

    const run = await harness.run(['run', ledger, ...COMMENT, '--head', head, '--yes', '--confirm-for', '0']);

    expect(run.code, run.stderr).toBe(3);
    expect(run.stderr).toMatch(new RegExp(`${id(2)}.*was Pending \\(Isolate\\), now Succeeded \\(RunAntiVirusScan\\)`));
    expect(harness.sandbox.log.effective().sort()).toEqual([id(1), id(3), id(4), id(5)]);
    expect(harness.sandbox.log.of(id(2), 'cancel')).toEqual([]);
  });

  it('a plan for one tenant cannot be run on another, nor on another host', async () => {
    await using harness = await openHarness({ actions: open(2) });
    await harness.file('ids.txt', ids(2));
    await harness.run(['plan', 'ids.txt']);
    harness.sandbox.log.clear();
    const run = ['run', 'ledgers/ids.plan.jsonl', ...COMMENT, '--yes'];
    const tenant = await harness.run([...run, '--tenant', '11111111-2222-4333-8444-555555555555']);
    expect(tenant).toMatchObject({ code: 2, stdout: '' });
    expect(tenant.stderr).toMatch(/tenant/);
    const host = await harness.run([...run, '--api-url', 'http://127.0.0.1:9']);
    expect(host).toMatchObject({ code: 2, stdout: '' });
    expect(harness.sandbox.log.count()).toBe(0);
    const other = sandboxToken({ tenant: '11111111-2222-4333-8444-555555555555' });
    const signedIn = await harness.run(run, { env: { COUNTERMAND_TOKEN: other } });
    expect(signedIn.code, signedIn.stderr).toBe(4);
    expect(harness.sandbox.log.effective()).toEqual([]);
  });

  const tampering: Record<string, { change: (text: string) => string; code: number; says: RegExp }> = {
    'edited by hand': { change: (text) => text.replace(id(2), id(4)), code: 12, says: /damaged/ },
    'edited and chained anew': { change: (text) => chainLedger(text.replaceAll(id(2), id(4))), code: 2, says: /head/ },
    'cut after its admissions': { change: (text) => upTo(text, '"kind":"intake"'), code: 2, says: /head/ },
    'short of its last line': { change: (text) => upTo(text, '"kind":"close"', false), code: 2, says: /head/ },
  };
  for (const [how, { change, code, says }] of Object.entries(tampering)) {
    it(`a plan that was ${how} is refused with --head`, async () => {
      await using harness = await openHarness({ actions: open(4) });
      await harness.file('ids.txt', ids(3));
      const { head, ledger } = documentOf((await harness.run(['plan', 'ids.txt', '--json'])).stdout);
      const text = await readFile(ledger, 'utf8');
      const changed = change(text);
      expect(changed).not.toBe(text);
      await writeFile(ledger, changed);
      harness.sandbox.log.clear();

      const run = await harness.run(['run', ledger, ...COMMENT, '--head', head, '--yes']);

      expect(run).toMatchObject({ code, stdout: '' });
      expect(run.stderr).toMatch(says);
      expect(harness.sandbox.log.count()).toBe(0);
    });
  }

  it('a plan older than --plan-max-age is refused', async () => {
    await using harness = await openHarness({ actions: open(1) });
    await harness.file('ids.txt', ids(1));
    await harness.run(['plan', 'ids.txt']);
    const run = await harness.run(['run', 'ledgers/ids.plan.jsonl', ...COMMENT, '--yes', '--plan-max-age', '1ms']);
    expect(run).toMatchObject({ code: 2, stdout: '' });
    expect(run.stderr).toContain('--plan-max-age');
    expect(harness.sandbox.log.count('cancel')).toBe(0);
  });
});

describe.concurrent('guards that stop a run', () => {
  it('--max-actions lets nothing start, exit 5', async () => {
    await using harness = await openHarness({ actions: open(6) });
    await harness.file('ids.txt', ids(6));
    const run = await harness.run(['run', 'ids.txt', ...COMMENT, '--yes', '--max-actions', '5']);
    expect(run.code).toBe(5);
    expect(run.stderr).toContain('--max-actions 5');
    const plan = await harness.run(['plan', 'ids.txt', '--max-actions', '5', '--json']);
    expect(plan.code).toBe(5);
    expect(harness.sandbox.log.entries.filter(({ route }) => route !== 'other')).toEqual([]);
  });

  it('--max-failures lets no new work begin, exit 5, and a resume takes up the rest', async () => {
    await using harness = await openHarness({
      actions: open(40),
      behaviours: { default: { onCancel: { kind: 'refused', http: 409, code: 'Conflict' } } },
    });
    await harness.file('ids.txt', ids(40));
    const flags = ['--concurrency', '1', '--json', '--confirm-for', '0'];
    const run = await harness.run(['run', 'ids.txt', ...COMMENT, '--yes', '--max-failures', '3', ...flags]);
    expect(run.code, run.stderr).toBe(5);
    expect(harness.sandbox.log.count('cancel')).toBe(4);
    expect(documentOf(run.stdout)).toMatchObject({ counts: { failed: 4 }, exitCode: 5 });
    expect(only(await harness.records('ledgers/ids.jsonl'), 'close').at(-1)?.reason).toBe('halted');

    for (const each of ids(40)) harness.sandbox.store.behave(each, {});
    const resume = await harness.run([
      'resume',
      'ledgers/ids.jsonl',
      '--retry',
      'failed',
      '--max-failures',
      '50',
      ...flags,
    ]);
    expect(resume.code, resume.stderr).toBe(3);
    expect(harness.sandbox.log.effective().sort()).toEqual(ids(40));
  });

  it('--first with --yes goes on when all of them were cancelled', async () => {
    await using harness = await openHarness({ actions: open(8) });
    await harness.file('ids.txt', ids(8));
    const { code, stderr } = await harness.run(['run', 'ids.txt', ...COMMENT, '--yes', '--first', '3']);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('The first 3: 3 cancelled');
    const { entries } = harness.sandbox.log;
    const fourth = entries.findIndex(({ ids: [each], route }) => route === 'cancel' && each === id(4));
    const confirmed = entries.findIndex(
      ({ route }, n) => route === 'list' && n > entries.findIndex((e) => e.route === 'cancel'),
    );
    expect(confirmed).toBeGreaterThan(0);
    expect(fourth).toBeGreaterThan(confirmed);
    expect(harness.sandbox.log.effective()).toHaveLength(8);
  });

  it('--first with --yes stops when one of them was not, exit 5', async () => {
    await using harness = await openHarness({
      actions: open(8),
      behaviours: { byId: { [id(2)]: { onCancel: { kind: 'refused', http: 409, code: 'Conflict' } } } },
    });
    await harness.file('ids.txt', ids(8));
    const { code, stderr } = await harness.run(['run', 'ids.txt', ...COMMENT, '--yes', '--first', '3']);
    expect(code, stderr).toBe(5);
    expect(stderr).toMatch(new RegExp(`${id(2)}.*failed`));
    expect(harness.sandbox.log.effective()).toEqual([id(1), id(3)]);
  });

  it('--max-duration ends the run with exit 6 and what is in flight answered, then a resume finishes', async () => {
    await using harness = await openHarness({ actions: open(30), windows: '10/2s', latencyMs: 20 });
    await harness.file('ids.txt', ids(30));
    const run = await harness.run(['run', 'ids.txt', ...COMMENT, '--yes', '--json', '--max-duration', '2s']);
    expect(run.code, run.stderr).toBe(6);
    const records = await harness.records('ledgers/ids.jsonl');
    expect(only(records, 'close').at(-1)?.reason).toBe('deadline');
    expect(only(records, 'reply')).toHaveLength(only(records, 'intent').length);
    expect(harness.sandbox.log.effective().length).toBeGreaterThan(0);
    expect(harness.sandbox.log.effective().length).toBeLessThan(30);

    const resume = await harness.run(['resume', 'ledgers/ids.jsonl', '--max-duration', '1h', '--confirm-for', '0']);
    expect(resume.code, resume.stderr).toBe(3);
    expect(harness.sandbox.log.effective().sort()).toEqual(ids(30));
    expect(harness.sandbox.log.overQuota()).toBe(0);
  });

  it('--patience ends the run with exit 6 when nothing succeeds for so long', async () => {
    await using harness = await openHarness({ actions: open(3), faults: () => ({ kind: 'html', status: 503 }) });
    await harness.file('ids.txt', ids(3));
    const args = ['run', 'ids.txt', ...COMMENT, '--yes', '--json', '--patience', '2s'];
    const { code, stderr } = await harness.run(args);
    expect(code).toBe(6);
    expect(stderr).toContain('--patience');
    expect(only(await harness.records('ledgers/ids.jsonl'), 'close').at(-1)?.reason).toBe('unreachable');
  });

  it('twenty unknown IDs at the start end the run with exit 5, and device IDs are named as what they are', async () => {
    await using harness = await openHarness({ actions: open(1, 5000) });
    await harness.file('ids.txt', ids(25));
    const unknown = await harness.run(['run', 'ids.txt', ...COMMENT, '--yes']);
    expect(unknown.code).toBe(5);
    expect(unknown.stderr).toMatch(/none of the first 20/);
    expect(harness.sandbox.log.count('cancel')).toBe(0);
  });

  it('a plan or run without permission to read is refused (exit 4) before anything is sent', async () => {
    await using harness = await openHarness({ actions: open(2), token: { roles: ['Machine.Isolate'] } });
    await harness.file('ids.txt', ids(2));
    for (const args of [
      ['plan', 'ids.txt'],
      ['run', 'ids.txt', ...COMMENT, '--yes'],
    ]) {
      const { code, stderr } = await harness.run(args);
      expect(code, stderr).toBe(4);
      expect(stderr).toMatch(/Machine\.Read\.All .*--screen never/);
    }
    expect(harness.sandbox.log.entries.filter(({ route }) => route !== 'other')).toEqual([]);
  });

  it('a plan is refused as its run is where a guard needs the lookups that --screen never disables', async () => {
    await using harness = await openHarness({ actions: open(2) });
    await harness.file('ids.txt', ids(2));
    for (const command of ['plan', 'run']) {
      const { code, stderr } = await harness.run([
        command,
        'ids.txt',
        '--screen',
        'never',
        '--only-type',
        'Isolate',
        ...COMMENT,
      ]);
      expect(code, stderr).toBe(2);
      expect(stderr).toMatch(/--only-type needs lookups, and --screen never disables them/);
    }
    await expect(readFile(harness.path('ledgers/ids.plan.jsonl'))).rejects.toThrow('ENOENT');
  });

  it('plan, run, log and reports say with --screen never that types were not seen', async () => {
    await using harness = await openHarness({ actions: [{ id: id(1), type: 'Unisolate' }, { id: id(2) }] });
    await harness.file('ids.txt', ids(2));
    const says = /types of 2 actions were not seen: releases may be among them \(Unisolate, UnrestrictCodeExecution\)/i;
    const flat = (text: string) => text.replace(/\s+/g, ' ');
    const plan = await harness.run(['plan', 'ids.txt', '--screen', 'never', '--html', 'plan.html']);
    expect(flat(plan.stdout)).toMatch(says);
    expect(plan.stderr).toMatch(says);
    const page = await readFile(harness.path('plan.html'), 'utf8');
    expect(page).toMatch(says);
    expect(page).toContain('This is a plan: nothing was cancelled.');
    const run = await harness.run(['run', 'ids.txt', ...COMMENT, '--yes', '--screen', 'never']);
    expect(flat(run.stdout)).toMatch(says);
    expect(run.stderr).toMatch(/^warning: the types of 2 actions/m);
    expect(run.stderr).toMatch(/"msg":"the types of 2 actions/);
    const report = await harness.run(['report', 'ledgers/ids.jsonl', '--html', 'run.html']);
    expect(flat(report.stdout)).toMatch(says);
    expect(await readFile(harness.path('run.html'), 'utf8')).toMatch(says);
  });

  it('a run without permission to read goes by its answers alone with --screen never, and says so', async () => {
    await using harness = await openHarness({
      actions: [{ id: id(1) }, { id: id(2) }, { id: id(3), status: 'Succeeded', type: 'RunAntiVirusScan' }],
      behaviours: { byId: { [id(2)]: { onCancel: { kind: 'later', becomes: 'Cancelled' } } } },
      token: { roles: ['Machine.Isolate'] },
    });
    await harness.file('ids.txt', ids(3));
    const args = ['run', 'ids.txt', ...COMMENT, '--yes', '--json', '--screen', 'never'];
    const { code, stderr } = await harness.run(args);
    expect(code, stderr).toBe(3);
    expect(harness.sandbox.log.count('list') + harness.sandbox.log.count('get')).toBe(0);
    const outcomes = only(await harness.records('ledgers/ids.jsonl'), 'outcome');
    const told = Object.fromEntries(outcomes.map((each) => [each.id, [each.outcome, each.detail]]));
    expect(told[id(1)]).toEqual(['cancelled', 'by its answer']);
    expect(told[id(2)]?.[0]).toBe('unconfirmed');
    expect(told[id(3)]).toEqual(['failed', expect.stringContaining('may be over')]);
  });
});

/** The lines up to the first that holds the text, with it or without. */
function upTo(text: string, holds: string, including = true): string {
  const lines = text.trimEnd().split('\n');
  const at = lines.findIndex((line) => line.includes(holds));
  return `${lines.slice(0, including ? at + 1 : at).join('\n')}\n`;
}
