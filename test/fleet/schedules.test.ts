import { expect, test } from 'vitest';
import { RunQueue } from '../../src/fleet/queue.ts';
import type { DueTurn } from '../../src/fleet/schedules.ts';
import { jobOfTurn, type ScheduledJob, scheduledJob } from '../../src/job/scheduled-job.ts';
import { silentLog } from '../../src/log.ts';
import type { TurnEnd } from '../../src/report/facts/schedule-status.ts';
import { fromText } from '../support/job-file-of.ts';
import { openTestDatabase, storeOf, type TestDatabase } from '../support/postgres.ts';

const UTC = { cron: '0 2 * * *', tz: 'UTC' };
const HOUR_MS = 3_600_000;

function nightly(more = ''): ScheduledJob {
  const jobText = `name: nightly
source:
  query:
    type: Isolate
    createdBefore: 7d
comment: test
guards:
  createdBefore: 7d
${more}`;
  const env = { AZURE_TENANT_ID: 'contoso.com', AZURE_CLIENT_ID: '00000000-0000-4000-8000-000000000001' };
  const place = { cwd: '/', inStore: true, nowMs: 0 };
  // As it comes back from the database.
  return JSON.parse(
    JSON.stringify(scheduledJob(fromText({ sourceArg: 'job.yaml', jobText, flags: {}, env, ...place }))),
  );
}

async function queueAt(made: TestDatabase, as: 'worker' | 'client' = 'client'): Promise<RunQueue> {
  return await RunQueue.open(storeOf(await made.connect()), silentLog, as);
}

/** Takes one turn from the queue, and ends it so. */
async function takeOne(queue: RunQueue, end: TurnEnd = { kind: 'made', run: 'one' }): Promise<DueTurn> {
  return await new Promise((resolve) => {
    void queue.schedules.take((turn) => {
      resolve(turn);
      return Promise.resolve(end);
    });
  });
}

/** As if it had been submitted days ago. */
async function isOld(made: TestDatabase): Promise<void> {
  const then = "now() - interval '3 days'";
  await made.sql(`update countermand_queue.schedule set created_on = ${then}, updated_on = ${then}`);
}

/** As if a turn had just come due. */
async function turnIsDue(made: TestDatabase): Promise<void> {
  await made.sql(
    `insert into countermand_queue.job (name, data, singleton_key, policy) values ('turn', '{}', 'nightly', 'exclusive')`,
  );
}

test('the ages of a scheduled job count back from each turn, and its runs are named after it and the time', () => {
  const turnMs = Date.parse('2026-03-08T02:00:30Z');
  const job = jobOfTurn(nightly(), turnMs);
  expect(job).toMatchObject({
    ...{ name: 'nightly', ledger: 'nightly-20260308T020030Z', tenant: 'contoso.com', comment: 'test' },
    source: { kind: 'query', query: { type: ['Isolate'], createdBefore: '2026-03-01T02:00:30.000Z' } },
    guards: { createdBefore: '2026-03-01T02:00:30.000Z' },
  });
  expect(jobOfTurn(nightly(), turnMs + HOUR_MS).guards.createdBefore).toBe('2026-03-01T03:00:30.000Z');
});

test('a schedule keeps no address of a store, and what another version has kept and this one cannot read is refused', () => {
  const input = {
    sourceArg: 'job.yaml',
    jobText: 'source:\n  query:\n    type: Isolate\ncomment: test\n',
    flags: {},
    cwd: '/',
    nowMs: 0,
  };
  const who = { AZURE_TENANT_ID: 'contoso.com', AZURE_CLIENT_ID: '00000000-0000-4000-8000-000000000001' };
  const kept = scheduledJob(
    fromText({ ...input, inStore: true, env: { ...who, COUNTERMAND_STORE: 'postgres://user@db/runs' } }),
  );
  expect(JSON.stringify(kept)).not.toContain('postgres');
  const later = { ...kept, values: { ...kept.values, concurrency: 'auto' } } as unknown as ScheduledJob;
  expect(() => jobOfTurn(later, 0)).toThrow(/schedule job .*concurrency.*: submit it again with this version/);
});

test('a schedule is kept once under its name, in the place of an earlier one, until it is taken away', async () => {
  await using made = await openTestDatabase();
  await using client = await queueAt(made);
  await client.schedules.put(nightly(), UTC);
  await client.schedules.put(nightly('concurrency: 3\n'), { cron: '0 3 * * *', tz: 'Europe/Zurich' });
  const kept = await client.schedules.list();
  expect(kept).toMatchObject([
    { cron: '0 3 * * *', tz: 'Europe/Zurich', job: { name: 'nightly', values: { concurrency: 3 } }, last: undefined },
  ]);
  expect(await client.schedules.remove('daily')).toBe(false);
  expect(await client.schedules.remove('nightly')).toBe(true);
  expect(await client.schedules.list()).toEqual([]);
});

test('a turn is made of what stands there when it is taken, and nothing is made of one whose schedule was taken away or submitted after it', async () => {
  await using made = await openTestDatabase();
  await using client = await queueAt(made);
  await client.schedules.put(nightly('concurrency: 3\n'), UTC);
  await isOld(made);
  await turnIsDue(made);
  {
    await using worker = await queueAt(made, 'worker');
    const turn = await takeOne(worker, { kind: 'under-way', run: 'one' });
    expect(turn.schedule.job.values.concurrency).toBe(3);
    const last = async () => (await client.schedules.list())[0]?.last;
    await expect.poll(last).toEqual({ atMs: turn.atMs, end: { kind: 'under-way', run: 'one' } });
  }
  const ends = () =>
    made.sql("select output->>'kind' as kind from countermand_queue.job where name = 'turn' order by created_on");
  /** What becomes of a turn that is due now, of which nothing may be made. */
  const leftOut = async () => {
    await turnIsDue(made);
    await using worker = await queueAt(made, 'worker');
    await worker.schedules.take(() => Promise.reject(new Error('it was made')));
    await expect.poll(async () => (await ends()).at(-1)).not.toEqual({ kind: null });
    return (await ends()).at(-1);
  };
  await client.schedules.put(nightly(), UTC);
  expect(await leftOut()).toEqual({ kind: 'too-early' });
  await client.schedules.remove('nightly');
  expect(await leftOut()).toEqual({ kind: 'removed' });
  expect(await ends()).toHaveLength(3);
});

test('a turn that no worker was there for is made up, once however many there were', async () => {
  await using made = await openTestDatabase();
  await using client = await queueAt(made);
  await client.schedules.put(nightly(), { cron: '*/10 * * * *', tz: 'UTC' });
  await isOld(made);
  await made.sql("update countermand_queue.version set cron_on = now() - interval '2 days'");
  await using worker = await queueAt(made, 'worker');
  await takeOne(worker);
  const turns = async () => (await made.sql("select 1 from countermand_queue.job where name = 'turn'")).length;
  const sent = "select 1 from countermand_queue.job where name = '__pgboss__send-it' and state <> 'completed'";
  await expect.poll(() => made.sql(sent)).toEqual([]);
  // Where a turn has just come due besides, it is dropped while the other is being made.
  expect(await turns()).toBeLessThanOrEqual(2);
});

test('a turn that fails is told as refused once it was tried often enough, and is due again at its next time', async () => {
  await using made = await openTestDatabase();
  await using client = await queueAt(made);
  await client.schedules.put(nightly(), UTC);
  await isOld(made);
  await turnIsDue(made);
  await made.sql("update countermand_queue.job set retry_limit = 0 where name = 'turn'");
  await using worker = await queueAt(made, 'worker');
  await worker.schedules.take(() => Promise.reject(new Error('the store is away')));
  const last = async () => (await client.schedules.list())[0]?.last?.end;
  await expect.poll(last).toEqual({ kind: 'refused', exitCode: 1, reason: 'the store is away' });
});

test('a store that was set up before there were schedules lets no worker in, and names store init', async () => {
  await using made = await openTestDatabase();
  await made.sql("delete from countermand_queue.queue where name = 'turn'");
  const refusal = { exitCode: 2, message: expect.stringContaining('run countermand store init') };
  await expect(queueAt(made, 'worker')).rejects.toMatchObject(refusal);
  await using client = await queueAt(made);
  await expect(client.schedules.put(nightly(), UTC)).rejects.toMatchObject(refusal);
  expect(await client.schedules.list()).toEqual([]);
});
