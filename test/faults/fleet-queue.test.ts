import { expect, test } from 'vitest';
import { openTestDatabase } from '../support/postgres.ts';
import { expectExact, openBusyFleet, RUNS, until } from './fleet-work.ts';

/* The queue says who should work on a run, and may be wrong: the lease says who may. */

test('a run that the queue hands out twice is cancelled once, and both workers go on', async () => {
  const perRun = 40;
  await using database = await openTestDatabase();
  await using fleet = await openBusyFleet(database, perRun);
  const { first, second, allEnded } = fleet;
  const taken = () => (second.stderr.match(/"name":"run-/g) ?? []).length;
  // As after a failover to a copy that has not heard of the first fetch.
  await database.sql("update countermand_queue.job set state = 'created', started_on = null where state = 'active'");
  await until(() => taken() > 0 || first.child.exitCode !== null);
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
