import { expect, test } from 'vitest';
import { JSON_DOCUMENTS } from '../../src/report/json-schema.ts';
import type { RunningCommand } from '../support/command.ts';
import { type Harness, ids, open, openHarness } from '../support/harness.ts';
import { openTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { openTerminal } from './terminal.ts';

const WAIT = { timeoutMs: 120_000 };
const TENANTS = ['contoso.com', 'fabrikam.com', 'tailspin.com'] as const;

/** A local Defender, which takes one token for every tenant, and a table of three tenants with a list of actions each. */
async function openCampaign(database: TestDatabase): Promise<Harness> {
  const env = {
    ...{ COUNTERMAND_STORE: database.url, ...database.passwordOf(database.url) },
    // It says nothing of itself, so that it is nobody else's.
    ...{ COUNTERMAND_TOKEN: 'a-token-that-says-nothing-of-itself', AZURE_TENANT_ID: undefined },
  };
  const work = await openHarness({ actions: open(9), env });
  await work.file('job.yaml', ['source: { file: none.csv }', 'comment: "INC-4711: the rule misfired"']);
  for (const [index, tenant] of TENANTS.entries()) await work.file(`${tenant}.csv`, ['id', ...ids(3, 1 + 3 * index)]);
  await work.file('tenants.csv', ['tenant,source', ...TENANTS.map((tenant) => `${tenant},${tenant}.csv`)]);
  return work;
}

async function startWorker(work: Harness): Promise<RunningCommand> {
  const worker = work.start(['worker'], WAIT);
  await worker.says('this worker takes runs');
  return worker;
}

test('a table of tenants is checked whole before anything is submitted, and its plans are made by workers', async () => {
  await using database = await openTestDatabase();
  await using work = await openCampaign(database);
  await work.file('wrong.csv', [
    'tenant,source,guards.maxActions',
    'a b,,',
    'a.com,none.csv,x',
    'b.com,-,3',
    'c.com,,',
  ]);
  await work.file('job-2.yaml', ['source: { file: contoso.com.csv }']);
  const wrong = await work.run(['campaign', 'plan', 'wrong.csv', 'job-2.yaml', '--name', 'stuck'], WAIT);
  expect(wrong).toMatchObject({ code: 2, stdout: '' });
  for (const line of [
    'the table has 4 mistakes, nothing was planned:',
    'wrong.csv:2 tenant must be',
    'wrong.csv:3 guards.maxActions must be',
    'wrong.csv:4 source is stdin',
    'wrong.csv:5 --comment is required',
  ]) {
    expect(wrong.stderr).toContain(line);
  }
  expect(JSON.parse((await work.run(['status', '--json'], WAIT)).stdout)).toMatchObject({ runs: [] });

  const submitted = await work.run(['campaign', 'plan', 'tenants.csv', 'job.yaml', '--name', 'stuck'], WAIT);
  expect(submitted).toMatchObject({ code: 0 });
  expect(submitted.stdout).toContain('stuck is submitted: 3 plans.\n');
  expect(submitted.stdout).toContain('countermand campaign run stuck\n');
  // As it stands where the command is cut off before the runs come into the queue.
  await database.sql('delete from countermand_queue.job');
  await work.file('others.csv', ['tenant,source', 'contoso.com,contoso.com.csv']);
  const others = await work.run(['campaign', 'plan', 'others.csv', 'job.yaml', '--name', 'stuck'], WAIT);
  expect(others.stderr).toContain('There is a campaign stuck in the store, of 3 runs');
  const anew = await work.run(['campaign', 'plan', 'tenants.csv', 'job.yaml', '--name', 'stuck'], WAIT);
  expect(anew.stdout).toContain('stuck is submitted: 3 plans.\n');
  const taken = await work.run(['campaign', 'plan', 'tenants.csv', 'job.yaml', '--name', 'stuck'], WAIT);
  expect(taken).toMatchObject({ code: 2 });
  expect(taken.stderr).toContain('There is a campaign stuck in the store, of 3 runs');

  await using _worker = await startWorker(work);
  await work.file('more.csv', [
    'tenant,source,guards.maxActions,guards.onlyType',
    'contoso.com,contoso.com.csv,2,',
    `fabrikam.com,fabrikam.com.csv,,Isolate`,
  ]);
  const more = await work.run(['campaign', 'plan', 'more.csv', 'job.yaml', '--name', 'more', '--wait'], WAIT);
  expect(more).toMatchObject({ code: 5 });
  expect(more.stdout).toContain(
    'more/contoso.com: exit 5, dead letter: The source names 3 actions, and --max-actions allows 2',
  );
  expect(more.stdout).toContain('more/fabrikam.com: exit 0, planned: 3 of 3 actions to cancel');
  const status = JSON.parse((await work.run(['status', 'stuck', '--json'], WAIT)).stdout);
  expect(status.runs).toMatchObject(
    TENANTS.map((tenant) => ({ name: `stuck/${tenant}`, tenant, state: 'planned', admitted: 3 })),
  );
  expect(work.sandbox.log.entries.filter(({ route }) => route === 'cancel')).toEqual([]);
});

/** Damages the ledger of a run, or mends it again. */
async function flipLedger(database: TestDatabase, run: string): Promise<void> {
  await database.sql(
    `update countermand.ledger_chunk set lines = set_byte(lines, 100, get_byte(lines, 100) # 1)
      where first_byte = 0 and run = (select run from countermand.run where name = '${run}')`,
  );
}

async function statesOf(work: Harness, campaign: string): Promise<string[]> {
  const { runs } = JSON.parse((await work.run(['status', campaign, '--json'], WAIT)).stdout);
  return runs.map(({ state }: { state: string }) => state);
}

test('a campaign is started once, by its sums and its head, a damaged ledger is that tenant’s dead letter, and it is taken up where it died', async () => {
  await using database = await openTestDatabase();
  await using work = await openCampaign(database);
  const early = await work.run(['campaign', 'run', 'stuck'], WAIT);
  expect(early).toMatchObject({ code: 2 });
  expect(early.stderr).toContain('There is no campaign stuck in the store');
  await work.run(['campaign', 'plan', 'tenants.csv', 'job.yaml', '--name', 'stuck'], WAIT);
  const soon = await work.run(['campaign', 'run', 'stuck', '--yes'], WAIT);
  expect(soon).toMatchObject({ code: 2 });
  expect(soon.stderr).toContain('3 of the 3 plans of stuck are not made yet');
  await flipLedger(database, 'stuck/fabrikam.com');
  await using _worker = await startWorker(work);
  await expect.poll(() => statesOf(work, 'stuck'), { timeout: 60_000 }).toEqual(['planned', 'dead-letter', 'planned']);

  const unasked = await work.run(['campaign', 'run', 'stuck'], WAIT);
  expect(unasked).toMatchObject({ code: 2 });
  expect(unasked.stderr).toContain('no terminal to confirm on');
  expect(unasked.stdout).toMatch(/^Tenants +3: 2 to start, 1 left out$/m);
  expect(unasked.stdout).toMatch(/^Actions +6 of 6: Isolate 6$/m);
  expect(unasked.stdout).toMatch(/^Ends +\S.* for the longest; .* one after the other, \d+ calls$/m);
  expect(unasked.stdout).toMatch(/^stuck\/fabrikam\.com is left out: dead letter, exit 12: /m);
  const [, head = ''] = /^Head +([0-9a-f]{32})$/m.exec(unasked.stdout) ?? [];
  const shown = JSON.parse((await work.run(['status', 'stuck', '--json'], WAIT)).stdout);
  expect(JSON_DOCUMENTS.campaignStatus.parse(shown)).toMatchObject({
    ...{ campaign: 'stuck', head, next: `countermand campaign run stuck --head ${head}` },
    sums: { tenants: 3, admitted: 6, counts: {}, left: { notCalled: 6 } },
  });
  const other = await work.run(['campaign', 'run', 'stuck', '--head', 'f'.repeat(32), '--yes'], WAIT);
  expect(other).toMatchObject({ code: 2 });
  expect(other.stderr).toContain(`The head of the campaign stuck is ${head} and not ffff`);
  expect(work.sandbox.log.entries.filter(({ route }) => route === 'cancel')).toEqual([]);

  const started = await work.run(['campaign', 'run', 'stuck', '--head', head.toUpperCase(), '--yes'], WAIT);
  expect(started).toMatchObject({ code: 3 });
  expect(started.stdout).toContain(
    'Cancel 6 actions in 2 tenants? yes (--yes)\nstuck is started: 2 runs; 1 run is left out.\n',
  );
  await expect
    .poll(() => statesOf(work, 'stuck'), { timeout: 60_000 })
    .toEqual(['finished', 'dead-letter', 'finished']);

  await flipLedger(database, 'stuck/fabrikam.com');
  const again = await work.run(['submit', '--again', 'stuck/fabrikam.com', '--wait'], WAIT);
  expect(again).toMatchObject({ code: 0 });
  expect(again.stdout).toContain('stuck/fabrikam.com: exit 0, planned: 3 of 3 actions to cancel');
  const rest = await work.run(['campaign', 'run', 'stuck', '--yes'], WAIT);
  expect(rest).toMatchObject({ code: 0 });
  expect(rest.stdout).toMatch(/^Tenants +3: 1 to start, 2 over$/m);
  await expect.poll(() => statesOf(work, 'stuck'), { timeout: 60_000 }).toEqual(Array(3).fill('finished'));
  const sent = work.sandbox.log.entries.filter(({ route }) => route === 'cancel').flatMap((entry) => entry.ids);
  expect([...sent].sort()).toEqual(ids(9));
  const report = await work.run(['report', 'stuck', '--out', 'report', '--json'], WAIT);
  expect(report).toMatchObject({ code: 0 });
  const document = JSON_DOCUMENTS.campaign.parse(JSON.parse(report.stdout));
  expect(document).toMatchObject({ campaign: 'stuck', admitted: 9, counts: { cancelled: 9 }, unread: [] });
  expect(document.runs.map(({ ledger }) => ledger)).toEqual(TENANTS.map((tenant) => `stuck/${tenant}`));
  expect(JSON.parse(await work.read('report/campaign.json'))).toEqual(document);
  expect(await work.read('report/campaign.html')).toContain('<a href="fabrikam.com/report.html">');
  expect(await work.read('report/fabrikam.com/outcomes.csv')).toContain('cancelled');
  expect((await work.read('report/tenants.csv')).trim().split('\r\n')).toHaveLength(4);
  await flipLedger(database, 'stuck/contoso.com');
  const damaged = await work.run(['report', 'stuck', '--csv', 'all.csv'], WAIT);
  expect(damaged).toMatchObject({ code: 12 });
  expect(damaged.stdout).toContain('Campaign stuck, 3 tenants. Some runs were stopped or are damaged.');
  expect(await work.read('all.csv')).toContain('stuck/tailspin.com');
  await flipLedger(database, 'stuck/contoso.com');
  // What ended is forgotten by the queue after a week.
  await database.sql('delete from countermand_queue.job');
  const later = await work.run(['campaign', 'plan', 'tenants.csv', 'job.yaml', '--name', 'stuck'], WAIT);
  expect(later).toMatchObject({ code: 2 });
  expect(later.stderr).toContain('There is a campaign stuck in the store');
  const nothing = await work.run(['campaign', 'run', 'stuck', '--yes'], WAIT);
  expect(nothing).toMatchObject({ code: 0 });
  expect(nothing.stdout).toContain('Nothing is left to start.');
});

test('what was reviewed is what runs: a plan that was made anew since is a dead letter, and one that was stopped goes on', async () => {
  await using database = await openTestDatabase();
  await using work = await openCampaign(database);
  let worker = await startWorker(work);
  const plan = ['campaign', 'plan', 'tenants.csv', 'job.yaml', '--name', 'stuck', '--wait'];
  expect(await work.run(plan, WAIT)).toMatchObject({ code: 0 });
  worker.kill('SIGTERM');
  await worker.ended;
  expect(await work.run(['campaign', 'run', 'stuck', '--yes'], WAIT)).toMatchObject({ code: 0 });
  const stopped = await work.run(['stop', 'stuck'], WAIT);
  expect(stopped.stdout).toBe(
    TENANTS.map((tenant) => `Nobody works on stuck/${tenant}, and it was taken out of the queue.\n`).join(''),
  );
  expect((await work.run(['stop', 'stuck'], WAIT)).stdout).toBe('Nobody works on 3 runs of stuck.\n');
  expect(await statesOf(work, 'stuck')).toEqual(Array(3).fill('planned'));
  expect(await work.run(['campaign', 'run', 'stuck', '--yes'], WAIT)).toMatchObject({ code: 0 });
  const twice = await work.run(['campaign', 'run', 'stuck', '--yes'], WAIT);
  expect(twice.stdout).toMatch(/^Tenants +3: 3 under way$/m);
  const anew = [
    'plan',
    'contoso.com.csv',
    '--tenant',
    'contoso.com',
    '--ledger',
    'stuck/contoso.com',
    '--comment',
    'x',
  ];
  expect(await work.run(anew, WAIT)).toMatchObject({ code: 0 });
  await work.run(['stop', 'stuck/fabrikam.com'], WAIT);
  worker = await startWorker(work);
  await expect.poll(() => statesOf(work, 'stuck'), { timeout: 60_000 }).toEqual(['dead-letter', 'planned', 'finished']);
  const status = await work.run(['status', 'stuck'], WAIT);
  expect(status.stdout).toContain('it is not the ledger that was reviewed');
  for (const [answer, code] of [
    ['n', 2],
    ['y', 3],
  ] as const) {
    await using terminal = openTerminal('countermand campaign run stuck', { cwd: work.folder, env: work.env });
    await terminal.shows('Cancel 3 actions in 1 tenant? [y/N]');
    terminal.types(`${answer}\n`);
    expect(await terminal.ended).toBe(code);
  }
  await expect
    .poll(() => statesOf(work, 'stuck'), { timeout: 60_000 })
    .toEqual(['dead-letter', 'finished', 'finished']);
  const sent = work.sandbox.log.entries.filter(({ route }) => route === 'cancel').flatMap((entry) => entry.ids);
  expect([...sent].sort()).toEqual(ids(6, 4));
});

test('a tenant that refuses the sign-in is a dead letter, and the others are planned and run', async () => {
  await using database = await openTestDatabase();
  await using work = await openCampaign(database);
  // This token says whose it is.
  const env = { COUNTERMAND_TOKEN: work.sandbox.environment()['COUNTERMAND_TOKEN'] };
  const own = String(work.sandbox.environment()['AZURE_TENANT_ID']);
  const other = own.replace(/.$/, (last) => (last === '9' ? '8' : '9'));
  await work.file('mixed.csv', ['tenant,source', `${other},contoso.com.csv`, `${own},fabrikam.com.csv`]);
  const worker = work.start(['worker'], { ...WAIT, env });
  await worker.says('this worker takes runs');
  const planned = await work.run(['campaign', 'plan', 'mixed.csv', 'job.yaml', '--name', 'mixed', '--wait'], WAIT);
  expect(planned).toMatchObject({ code: 4 });
  expect(planned.stdout).toContain(`mixed/${other}: exit 4, dead letter: `);
  expect(planned.stdout).toContain(`mixed/${own}: exit 0, planned: 3 of 3 actions to cancel`);
  const started = await work.run(['campaign', 'run', 'mixed', '--yes'], WAIT);
  expect(started).toMatchObject({ code: 3 });
  expect(started.stdout).toContain(`mixed/${other} is left out: dead letter, exit 4: `);
  await expect
    .poll(async () => (await statesOf(work, 'mixed')).sort(), { timeout: 60_000 })
    .toEqual(['dead-letter', 'finished']);
  const sent = work.sandbox.log.entries.filter(({ route }) => route === 'cancel').flatMap((entry) => entry.ids);
  expect([...sent].sort()).toEqual(ids(3, 4));
});
