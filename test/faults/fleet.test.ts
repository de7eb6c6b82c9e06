import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { makeTestDatabase, openTestDatabase } from '../support/postgres.ts';
import { startPostgres } from '../support/postgres-server.ts';
import { portOf } from '../support/worker-port.ts';
import { expectExact, LONG, openBusyFleet, openFleet, RUNS, SLOWER, until } from './fleet-work.ts';

test('a worker that is killed is followed within half a minute, one that is drained within seconds, and nothing is sent twice', async () => {
  const perRun = 70;
  await using database = await openTestDatabase();
  await using fleet = await openBusyFleet(database, perRun);
  const { first, second, allEnded } = fleet;
  const lost = [...(await fleet.holders()).keys()];
  expect(lost.length).toBe(RUNS);
  const killedAt = Date.now();
  first.kill('SIGKILL');
  await first.ended;
  await until(() => fleet.cancels().some(({ at }) => at > killedAt + 1000));
  const followedMs = (fleet.cancels().find(({ at }) => at > killedAt + 1000)?.at ?? Number.NaN) - killedAt;
  expect(followedMs).toBeLessThan(30_000 * SLOWER);
  await until(async () => (await fleet.holders()).size === RUNS);
  const board = JSON.parse((await fleet.work.run(['status', '--json'], LONG)).stdout);
  expect(board.runs.map(({ takeovers }: { takeovers: number }) => takeovers)).toEqual(Array(RUNS).fill(1));

  const third = await fleet.startWorker();
  const drainedAt = Date.now();
  second.kill('SIGTERM');
  await until(async () => [...(await fleet.holders()).values()].some((pid) => pid === third.child.pid));
  const drainedMs = Date.now() - drainedAt;
  expect(drainedMs).toBeLessThan(4000 * SLOWER);
  expect((await second.ended).code).toBe(0);
  expect(await allEnded).toMatchObject({ code: 0 });
  console.log(`killed to the successor's first cancel: ${followedMs} ms; drained to the next holder: ${drainedMs} ms`);
  await expectExact(fleet, perRun);
});

test('a database that is away for 20 s ends no worker, and its runs go on exactly', async () => {
  const perRun = 40;
  await using server = await startPostgres();
  await using database = await makeTestDatabase(server);
  await using fleet = await openFleet(database, perRun);
  const worker = await fleet.startWorker();
  const { allEnded } = await fleet.submit();
  await until(() => fleet.cancels().length > 20);
  const port = portOf(worker);
  await port.untilReady();
  await server.crash();
  const goneAt = Date.now();
  const unready = port.untilReady(false).then(() => Date.now() - goneAt);
  const before = fleet.cancels().length;
  await sleep(20_000);
  await server.restart();
  const backAt = Date.now();
  const readyMs = port.untilReady().then(() => Date.now() - backAt);
  await until(() => fleet.cancels().some(({ at }) => at > backAt));
  const wentOnMs = Date.now() - backAt;
  console.log(
    `the database back to the next cancel: ${wentOnMs} ms, of ${fleet.cancels().length - before} since it went`,
  );
  expect(await unready).toBeLessThan(15_000 * SLOWER);
  expect(await readyMs).toBeLessThan(30_000 * SLOWER);
  expect((await allEnded).code).toBe(0);
  expect(worker.child.exitCode).toBe(null);
  worker.kill('SIGTERM');
  expect((await worker.ended).code).toBe(0);
  await expectExact(fleet, perRun);
});

test('a worker of sixteen places that has nothing to do costs its database ten transactions a second at most', async () => {
  await using database = await openTestDatabase();
  await using fleet = await openFleet(database, 1);
  const worker = fleet.work.start(['worker', '--places', '16', '--port', '0'], LONG);
  await worker.says('this worker takes runs');
  await portOf(worker).untilReady();
  const so = async () => {
    // What a session has counted is told when it ends its next transaction after a second.
    await sleep(2000);
    const [row] = await database.sql(
      'select (xact_commit + xact_rollback)::float8 as n from pg_stat_database where datname = current_database()',
    );
    return { transactions: Number(row?.['n']), atMs: performance.now() };
  };
  const before = await so();
  await sleep(20_000);
  const after = await so();
  const perSecond = ((after.transactions - before.transactions) / (after.atMs - before.atMs)) * 1000;
  console.log(`an idle worker: ${perSecond.toFixed(1)} transactions a second`);
  expect(perSecond).toBeLessThanOrEqual(10);
  worker.kill('SIGTERM');
  expect((await worker.ended).code).toBe(0);
});
