import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openTestDatabase } from '../support/postgres.ts';
import { expectExact, openBusyFleet, RUNS, until } from './fleet-work.ts';

/* The queue says who should work on a run, and may be wrong: the lease says who may. */

/** As after a failover to a copy that has not heard of the first fetch. */
const HANDED_OUT_AGAIN = "update countermand_queue.job set state = 'created', started_on = null where state = 'active'";
const AT_WORK = "select from countermand_queue.job where name = 'run' and state = 'active'";

test('a run that the queue hands out to a second worker as well is cancelled once, and both workers go on', async () => {
  const perRun = 40;
  await using database = await openTestDatabase();
  await using fleet = await openBusyFleet(database, perRun);
  const { first, second, allEnded } = fleet;
  // It cannot take them anew itself.
  first.kill('SIGSTOP');
  await database.sql(HANDED_OUT_AGAIN);
  await until(async () => (await database.sql(AT_WORK)).length === RUNS);
  first.kill('SIGCONT');
  expect(await allEnded).toMatchObject({ code: 0 });
  for (const worker of [first, second]) {
    worker.kill('SIGTERM');
    expect(await worker.ended).toMatchObject({ code: 0 });
  }
  await expectExact(fleet, perRun);
});

test('runs that the queue hands out again and again, to anybody, are each cancelled once and brought to their end', async () => {
  const perRun = 40;
  await using database = await openTestDatabase();
  await using fleet = await openBusyFleet(database, perRun);
  const { first, second, allEnded } = fleet;
  let times = 0;
  // Sooner and later than a worker looks whether a run is still its own.
  for (; times < 12 && second.child.exitCode === null; times++) {
    await database.sql(HANDED_OUT_AGAIN);
    await sleep(500 + times * 250);
  }
  expect(times).toBe(12);
  expect(await allEnded).toMatchObject({ code: 0 });
  for (const worker of [first, second]) {
    worker.kill('SIGTERM');
    expect(await worker.ended).toMatchObject({ code: 0 });
  }
  await expectExact(fleet, perRun);
});

test('a worker that stands still until its runs are another’s sends nothing of them when it goes on, and takes others', async () => {
  const perRun = 45;
  await using database = await openTestDatabase();
  await using fleet = await openBusyFleet(database, perRun);
  const { first, second, allEnded } = fleet;
  first.kill('SIGSTOP');
  const isOf = (pid: number | undefined) => async () => {
    const holders = [...(await fleet.holders()).values()];
    return holders.length === RUNS && holders.every((holder) => holder === pid);
  };
  await until(isOf(second.child.pid));
  first.kill('SIGCONT');
  await first.says('"msg":"left"');
  expect(await isOf(second.child.pid)()).toBe(true);
  second.kill('SIGTERM');
  expect(await second.ended).toMatchObject({ code: 0 });
  await until(isOf(first.child.pid));
  expect(await allEnded).toMatchObject({ code: 0 });
  first.kill('SIGTERM');
  expect(await first.ended).toMatchObject({ code: 0 });
  await expectExact(fleet, perRun);
});
