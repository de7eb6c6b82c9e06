import { expect, test } from 'vitest';
import type { RunningCommand } from '../support/command.ts';
import { type Harness, ids, open, openHarness } from '../support/harness.ts';
import { openTestDatabase, type TestDatabase } from '../support/postgres.ts';

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
