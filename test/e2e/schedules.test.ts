import { expect, test } from 'vitest';
import type { RunningCommand } from '../support/command.ts';
import { COMMENT, type Harness, openHarness } from '../support/harness.ts';
import { openTestDatabase, type TestDatabase } from '../support/postgres.ts';

const JOB = `name: nightly
source:
  query:
    type: RunAntiVirusScan
comment: test
confirmFor: "0"
`;
const WAIT = { timeoutMs: 60_000 };
const NIGHTLY = ['submit', 'nightly.yaml', '--yes', '--cron', '0 2 * * *', '--tz', 'Europe/Zurich'];

/** A local Defender with open scans, and commands that keep their runs in this database. */
async function workAt(database: TestDatabase, count: number): Promise<Harness> {
  const env = { COUNTERMAND_STORE: database.url, ...database.passwordOf(database.url) };
  const mix = { statuses: { Pending: 1 }, types: { RunAntiVirusScan: 1 } };
  const work = await openHarness({ actions: { count, mix }, env });
  await work.file('nightly.yaml', JOB);
  return work;
}

const DAY_MS = 86_400_000;

/** The clock that the queue asks goes on from just behind a turn (epoch ms). */
async function setQueueClock(database: TestDatabase, turnMs: number): Promise<void> {
  const at = new Date(turnMs + 10_000).toISOString();
  await database.sql(`create or replace function countermand_queue.job_now() returns timestamptz language sql stable as
    $$ select pg_catalog.now() + (timestamptz '${at}' - timestamptz '${new Date().toISOString()}') $$`);
}

async function board(work: Harness) {
  const { code, stdout } = await work.run(['status', '--json'], WAIT);
  return { code, ...JSON.parse(stdout) };
}

/** A worker that begins to look for turns just behind this one. */
async function workerAt(work: Harness, database: TestDatabase, turnMs: number): Promise<RunningCommand> {
  await setQueueClock(database, turnMs);
  return work.start(['worker', '--places', '2'], { timeoutMs: 120_000 });
}

test('a job is made a run of at its turn, once by two workers, shown with its next turn, and no more once it was taken away', async () => {
  await using database = await openTestDatabase();
  await using work = await workAt(database, 5);
  const kept = await work.run(NIGHTLY, WAIT);
  expect(kept.stderr).toBe('');
  expect(kept.stdout).toMatch(
    /^nightly is scheduled, 0 2 \* \* \* in Europe\/Zurich: next at .* UTC \(02:00 .*\)\.\n$/,
  );
  const about = { name: 'nightly', tenant: work.env['AZURE_TENANT_ID'], cron: '0 2 * * *', tz: 'Europe/Zurich' };
  const before = await board(work);
  expect(before).toMatchObject({ code: 0, runs: [], schedules: [{ ...about, last: null }] });

  const turnMs = Date.parse(before.schedules[0].next);
  await setQueueClock(database, turnMs);
  const workers = [1, 2].map(() => work.start(['worker', '--places', '2'], { timeoutMs: 120_000 }));
  await Promise.race(workers.map((worker) => worker.says('"msg":"left"')));
  await Promise.all(workers.map((worker) => worker.says('this worker takes runs')));
  const after = await board(work);
  const [{ name: run }] = after.runs;
  expect(run).toContain(`nightly-${before.schedules[0].next.slice(0, 16).replace(/[-:]/g, '')}`);
  expect(after).toMatchObject({
    runs: [{ state: 'finished', admitted: 5 }],
    schedules: [{ ...about, last: { kind: 'made', run } }],
  });
  for (const worker of workers) worker.kill('SIGTERM');
  for (const worker of workers) expect((await worker.ended).code).toBe(0);

  const missing = await work.run(['stop', '--schedule', 'daily'], WAIT);
  expect(missing).toMatchObject({ code: 2 });
  expect(missing.stderr).toContain(
    'There is no schedule daily in the store: `countermand status` shows which there are.',
  );
  const taken = await work.run(['stop', '--schedule', 'nightly'], WAIT);
  expect(taken).toMatchObject({ code: 0 });
  expect(taken.stdout).toContain('The schedule nightly was taken away. Runs that it has made stay');
  const last = await workerAt(work, database, turnMs + DAY_MS);
  await last.says('this worker takes runs');
  expect(await board(work)).toMatchObject({ runs: [{ name: run }], schedules: [] });
});

test('a turn begins nothing beside a run of its job that is not over, or that somebody has to look at first', async () => {
  await using database = await openTestDatabase();
  await using work = await workAt(database, 5);
  await work.run(NIGHTLY, WAIT);
  const [{ next }] = (await board(work)).schedules;
  const turnMs = Date.parse(next);
  work.sandbox.latencyMs = 60_000;
  const first = await workerAt(work, database, turnMs);
  await first.says('"kind":"made"');
  first.kill('SIGTERM');
  expect((await first.ended).code).toBe(0);
  const waiting = "name = 'run' and state = 'created'";
  await database.sql(`update countermand_queue.job set start_after = now() + interval '9 days' where ${waiting}`);
  const second = await workerAt(work, database, turnMs + DAY_MS);
  await second.says('"kind":"under-way"');
  const beside = await board(work);
  const [{ name: run }] = beside.runs;
  expect(beside).toMatchObject({ runs: [{ state: 'waiting' }], schedules: [{ last: { kind: 'under-way', run } }] });
  const shown = (await work.run(['status'], WAIT)).stdout.replace(/\s+/g, ' ');
  expect(shown).toContain(
    `schedule nightly (0 2 * * *, Europe/Zurich): next ${next.slice(0, 10)} ${next.slice(11, 16)} UTC; `,
  );
  expect(shown).toContain(`UTC left out, because ${run} was not over`);
  second.kill('SIGTERM');
  expect((await second.ended).code).toBe(0);
  work.sandbox.latencyMs = 0;
  await database.sql(`update countermand_queue.job set start_after = now() where ${waiting}`);

  const refused = { env: work.sandbox.environment({ roles: ['Machine.Read.All'] }) };
  const third = work.start(['worker'], { ...refused, timeoutMs: 120_000 });
  await third.says('"next":"dead-letter"');
  third.kill('SIGTERM');
  await third.ended;
  const fourth = await workerAt(work, database, turnMs + 2 * DAY_MS);
  await fourth.says('"kind":"dead-letter"');
  expect(await board(work)).toMatchObject({
    ...{ code: 3, runs: [{ name: run, state: 'dead-letter' }] },
    schedules: [{ last: { kind: 'dead-letter', run } }],
  });
});

test('what no turn could be made of, or would need a person at each, is refused at once with what to do', async () => {
  await using database = await openTestDatabase();
  await using work = await workAt(database, 1);
  await work.file('list.yaml', 'name: list\nsource:\n  file: ids.csv\ncomment: test\n');
  await work.file('ids.csv', ['id']);
  const refusal = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await work.run(['submit', ...args], WAIT);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    return stderr;
  };
  const nightly = ['nightly.yaml', '--yes', '--cron', '0 2 * * *'];
  expect(await refusal('nightly.yaml', '--cron', '0 2 * * *')).toContain('give --yes');
  expect(await refusal('nightly.yaml', '--yes', '--cron', '0 2 * *')).toContain('--cron must be five fields');
  expect(await refusal(...nightly, '--tz', 'Europe/Zurch')).toContain('did you mean Europe/Zurich?');
  expect(await refusal('nightly.yaml', '--yes', '--tz', 'UTC')).toContain('give --cron too');
  expect(await refusal('ids.csv', ...nightly, ...COMMENT)).toContain('ids.csv is no job file');
  expect(await refusal('list.yaml', '--yes', '--cron', '0 2 * * *')).toContain('takes a job with a query');
  expect(await refusal(...nightly, '--ledger', 'mine')).toContain('leave out --ledger');
  expect(await refusal(...nightly, '--wait')).toContain('--wait is of one run');
  expect(await refusal(...nightly, '--auth', 'device-code')).toContain('give another --auth');
  await work.run(['submit', ...nightly], WAIT);
  const others = await refusal(...nightly, '--tenant', 'other.example');
  expect(others).toContain(
    'give this job another name, or take that one away with `countermand stop --schedule nightly`',
  );
  expect((await board(work)).schedules).toMatchObject([{ cron: '0 2 * * *', tz: 'UTC' }]);
});
