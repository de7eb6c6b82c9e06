import { expect, test } from 'vitest';
import { DEAD_LETTERS, QUEUES, RUNS, TURNS } from '../../src/fleet/boss.ts';
import { prepareQueue } from '../../src/fleet/prepare-queue.ts';
import { type Claim, RunQueue, type Settlement } from '../../src/fleet/queue.ts';
import type { Submission } from '../../src/fleet/standing.ts';
import { silentLog } from '../../src/log.ts';
import { makeEmptyDatabase, openTestDatabase, storeOf, type TestDatabase } from '../support/postgres.ts';

async function queueAt(made: TestDatabase, as: 'worker' | 'client' = 'client'): Promise<RunQueue> {
  return await RunQueue.open(storeOf(await made.connect()), silentLog, as);
}

function submission(run: string, more: Partial<Submission> = {}): Submission {
  return { run, tenant: 'tenant-1', takeovers: 0, idleTakeovers: 0, done: 0, waits: 0, ...more };
}

/** Hands out what is taken, one after the other, and settles each as the test says. */
function makePlaces(): {
  next(): Promise<{ claim: Claim; settle(as: Settlement): void }>;
  work(claim: Claim): Promise<Settlement>;
} {
  const taken: { claim: Claim; settle(as: Settlement): void }[] = [];
  const waiting: ((one: { claim: Claim; settle(as: Settlement): void }) => void)[] = [];
  return {
    next: () =>
      new Promise((resolve) => {
        const one = taken.shift();
        if (one === undefined) waiting.push(resolve);
        else resolve(one);
      }),
    work: (claim) =>
      new Promise((settle) => {
        const next = waiting.shift();
        if (next === undefined) taken.push({ claim, settle });
        else next({ claim, settle });
      }),
  };
}

test('store init makes the queues as they were measured, as the owner, and again changes nothing', async () => {
  await using made = await makeEmptyDatabase();
  const store = storeOf(await made.connect(made.adminUrl));
  await store.init();
  await prepareQueue(store);
  const tables = "select tablename from pg_tables where schemaname = 'countermand_queue' order by 1";
  const before = await made.sql(tables);
  await prepareQueue(store);
  expect(await made.sql(tables)).toEqual(before);
  expect(
    await made.sql(
      "select 1 from pg_tables where schemaname = 'countermand_queue' and tableowner <> 'countermand_owner'",
    ),
  ).toEqual([]);
  expect(
    await made.sql(
      'select name, policy, heartbeat_seconds, retry_delay, expire_seconds, dead_letter, notify from countermand_queue.queue order by 1',
    ),
  ).toMatchObject([
    { name: DEAD_LETTERS, policy: 'standard', dead_letter: null },
    {
      ...{ name: RUNS, policy: 'exclusive', heartbeat_seconds: 10, retry_delay: 0, notify: true },
      ...{ expire_seconds: QUEUES[RUNS].expireInSeconds, dead_letter: DEAD_LETTERS },
    },
    { name: TURNS, policy: 'exclusive', heartbeat_seconds: 10, dead_letter: null, notify: true },
  ]);
});

test('a store without a queue is exit 2 and names store init, and no worker makes one', async () => {
  await using made = await openTestDatabase();
  await made.sql('drop schema countermand_queue cascade');
  const store = storeOf(await made.connect());
  for (const as of ['client', 'worker'] as const) {
    await expect(RunQueue.open(store, silentLog, as)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('run countermand store init'),
    });
  }
  await made.sql('create schema countermand_queue authorization countermand_owner');
  await expect(prepareQueue(store)).rejects.toMatchObject({ exitCode: 2 });
  expect(await made.sql("select 1 from pg_tables where schemaname = 'countermand_queue'")).toEqual([]);
});

test('a run stands in the queue once, is taken at once, and is forgotten by the places when it is done', async () => {
  await using made = await openTestDatabase();
  await using worker = await queueAt(made, 'worker');
  await using client = await queueAt(made);
  const places = makePlaces();
  await worker.take({ places: 2, work: places.work });
  expect(await client.standings()).toEqual([]);
  expect(await client.submit(submission('one'))).toBe(true);
  const one = await places.next();
  expect(one.claim).toMatchObject({ submission: submission('one'), deaths: 0 });
  expect(await client.submit(submission('one'))).toBe(false);
  expect(await client.standings(['one', 'none'])).toMatchObject([{ kind: 'at-work', submission: { run: 'one' } }]);
  one.settle({ kind: 'done', exitCode: 3 });
  await expect.poll(() => client.standings(['one'])).toMatchObject([{ kind: 'ended', exitCode: 3 }]);
  expect(await client.submit(submission('one'))).toBe(true);
  (await places.next()).settle({ kind: 'done', exitCode: 0 });
});

test('what ended with work left waits as long as it was told, and remembers how often', async () => {
  await using made = await openTestDatabase();
  await using worker = await queueAt(made, 'worker');
  const places = makePlaces();
  await worker.take({ places: 1, work: places.work });
  await worker.submit(submission('one'));
  (await places.next()).settle({ kind: 'again', afterMs: 60_000, submission: submission('one', { waits: 1 }) });
  const [now] = await made.sql('select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms');
  await expect.poll(() => worker.standings()).toMatchObject([{ kind: 'waiting', submission: { waits: 1 } }]);
  const [standing] = await worker.standings();
  const waitsMs = (standing?.kind === 'waiting' ? standing.notBeforeMs : 0) - Number(now?.['ms']);
  expect(waitsMs).toBeGreaterThan(55_000);
  expect(waitsMs).toBeLessThan(65_000);
  await worker.submit(submission('two'));
  (await places.next()).settle({ kind: 'again', afterMs: 0, submission: submission('two', { takeovers: 1 }) });
  const again = await places.next();
  expect(again.claim).toMatchObject({ submission: { run: 'two', takeovers: 1 }, deaths: 0 });
  again.settle({ kind: 'done', exitCode: 0 });
});

test('a dead letter keeps its reason, is not taken, and is taken up again once', async () => {
  await using made = await openTestDatabase();
  await using worker = await queueAt(made, 'worker');
  const places = makePlaces();
  await worker.take({ places: 1, work: places.work });
  await worker.submit(submission('one', { waits: 3, idleTakeovers: 2, takeovers: 4 }));
  (await places.next()).settle({ kind: 'dead-letter', exitCode: 4, reason: 'the sign-in was refused' });
  await expect
    .poll(() => worker.standings())
    .toMatchObject([{ kind: 'dead-letter', exitCode: 4, reason: 'the sign-in was refused' }]);
  expect(await worker.revive('two')).toBe(false);
  expect(await worker.revive('one')).toBe(true);
  expect(await worker.revive('one')).toBe(false);
  const again = await places.next();
  expect(again.claim.submission).toEqual(submission('one', { takeovers: 4 }));
  again.settle({ kind: 'done', exitCode: 0 });
  await expect.poll(() => worker.standings()).toMatchObject([{ kind: 'ended', exitCode: 0 }]);
});

test('what is taken out of the queue is not taken any more, and not put back by who was at it', async () => {
  await using made = await openTestDatabase();
  await using worker = await queueAt(made, 'worker');
  await using client = await queueAt(made);
  const places = makePlaces();
  await client.submit(submission('early'));
  expect(await client.takeOut('early')).toBe(true);
  expect(await client.takeOut('early')).toBe(false);
  expect(await client.standings()).toMatchObject([{ kind: 'ended', exitCode: 130 }]);
  await worker.take({ places: 1, work: places.work });
  await client.submit(submission('one'));
  const one = await places.next();
  expect(await client.takeOut('one')).toBe(true);
  await new Promise((resolve) => one.claim.signal.addEventListener('abort', resolve));
  one.settle({ kind: 'again', afterMs: 0, submission: submission('one') });
  await client.submit(submission('two'));
  (await places.next()).settle({ kind: 'done', exitCode: 0 });
  expect(await client.standings(['one'])).toMatchObject([{ kind: 'ended', exitCode: 130 }]);
});

test('those who take runs are seen with their places', async () => {
  await using made = await openTestDatabase();
  await using client = await queueAt(made);
  expect(await client.workers()).toEqual([]);
  await using worker = await queueAt(made, 'worker');
  await worker.take({ places: 7, work: makePlaces().work });
  await expect
    .poll(() => client.workers(), { timeout: 15_000 })
    .toMatchObject([{ pid: process.pid, places: 7, busy: 0 }]);
});

test('many are put into the queue together, and a plan that was made is told with its sums and head', async () => {
  await using made = await openTestDatabase();
  await using worker = await queueAt(made, 'worker');
  const places = makePlaces();
  const plan = {
    ...{ head: 'a'.repeat(32), madeAtMs: 1, maxAgeMs: 2, admitted: 3, toCancel: 2, types: [{ name: 'Isolate', n: 2 }] },
    ...{ oldest: null, notFound: 1, unseen: 0, rejected: 0, needsRelease: 0, calls: 4, takesMs: 5 },
  };
  await worker.submit(submission('two'));
  const all = ['one', 'two', 'three'].map((run) => submission(run, { step: 'plan' }));
  expect(await worker.submitAll(all)).toEqual(['two']);
  const settings = 'state, priority, retry_limit, retry_delay, retry_backoff, expire_seconds, dead_letter, policy';
  const beats = 'heartbeat_seconds, keep_until - start_after as kept, deletion_seconds';
  // They are as those that come one by one.
  const distinct = await made.sql(`select distinct ${settings}, ${beats} from countermand_queue.job`);
  expect(distinct).toHaveLength(1);
  // As far as the database: what it refuses of one of them, it refuses of all.
  const tooLong = [submission('four'), submission('\0')];
  await expect(worker.submitAll(tooLong)).rejects.toThrow();
  expect((await worker.standings()).map((each) => each.submission.run).sort()).toEqual(['one', 'three', 'two']);
  await worker.take({ places: 3, work: places.work });
  for (let n = 0; n < 3; n++) {
    const { claim, settle } = await places.next();
    const isPlan = claim.submission.step === 'plan';
    settle({ kind: 'done', exitCode: 3, ...(isPlan ? { plan } : {}) });
  }
  await expect
    .poll(() => worker.standings(['one', 'two']))
    .toMatchObject([
      { kind: 'ended', exitCode: 3, plan, submission: { step: 'plan' } },
      { kind: 'ended', exitCode: 3, plan: undefined },
    ]);
});
