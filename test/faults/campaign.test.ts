import { expect, test } from 'vitest';
import { ids, open, openHarness } from '../support/harness.ts';
import { openTestDatabase } from '../support/postgres.ts';

const LONG = { timeoutMs: 240_000 };
const TENANTS = ['contoso.com', 'fabrikam.com', 'tailspin.com'] as const;

test('a worker that is killed while it makes plans is followed by another, and each plan is whole and is run once', async () => {
  await using database = await openTestDatabase();
  const env = {
    ...{ COUNTERMAND_STORE: database.url, ...database.passwordOf(database.url) },
    ...{ COUNTERMAND_TOKEN: 'a-token-that-says-nothing-of-itself', AZURE_TENANT_ID: undefined },
  };
  await using work = await openHarness({ actions: open(9), env });
  await work.file('job.yaml', ['source: { file: none.csv }', 'comment: "INC-4711: the rule misfired"']);
  for (const [index, tenant] of TENANTS.entries()) await work.file(`${tenant}.csv`, ['id', ...ids(3, 1 + 3 * index)]);
  await work.file('tenants.csv', ['tenant,source', ...TENANTS.map((tenant) => `${tenant},${tenant}.csv`)]);
  const startWorker = async () => {
    const worker = work.start(['worker'], LONG);
    await worker.says('this worker takes runs');
    return worker;
  };
  const held = async () => {
    const [row] = await database.sql(
      'select count(*)::int as n from countermand.run where lease_until > countermand.clock()',
    );
    return row?.['n'];
  };

  await work.run(['campaign', 'plan', 'tenants.csv', 'job.yaml', '--name', 'stuck'], LONG);
  // Its lookups are on their way for as long as it lives.
  work.sandbox.latencyMs = 60_000;
  const first = await startWorker();
  await expect.poll(held, { timeout: 60_000 }).toBe(3);
  first.kill('SIGKILL');
  await first.ended;
  work.sandbox.latencyMs = 0;
  const second = await startWorker();
  const board = async () => JSON.parse((await work.run(['status', 'stuck', '--json'], LONG)).stdout);
  const states = async () => (await board()).runs.map(({ state }: { state: string }) => state);
  await expect.poll(states, { timeout: 120_000 }).toEqual(Array(3).fill('planned'));
  const { runs, head } = await board();
  expect(runs.map(({ takeovers }: { takeovers: number }) => takeovers)).toEqual(Array(3).fill(1));
  expect(work.sandbox.log.entries.filter(({ route }) => route === 'cancel')).toEqual([]);

  const started = await work.run(['campaign', 'run', 'stuck', '--head', head, '--yes'], LONG);
  expect(started).toMatchObject({ code: 0 });
  await expect.poll(states, { timeout: 60_000 }).toEqual(Array(3).fill('finished'));
  const sent = work.sandbox.log.entries.filter(({ route }) => route === 'cancel').flatMap((entry) => entry.ids);
  expect([...sent].sort()).toEqual(ids(9));
  for (const tenant of TENANTS) {
    expect((await work.run(['verify', `stuck/${tenant}`, '--offline'], LONG)).code).toBe(0);
  }
  second.kill('SIGTERM');
  expect((await second.ended).code).toBe(0);
});
