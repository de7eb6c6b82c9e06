import pg from 'pg';
import { expect, test } from 'vitest';
import { makeTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { startPostgres } from '../support/postgres-server.ts';
import {
  doubtInStore,
  endLease,
  expectOrderlyStoreEnd,
  expectWhole,
  openOwnStoreWork,
  outcomeOf,
  recordsIn,
  type StoreWork,
  type StoreWorkOptions,
  startInStore,
  unrecorded,
  untilFree,
} from './store-work.ts';

/* What happens to the database of a run, and to the way there: it crashes, is out of reach, does not answer, has no room, is set to another time or version. */

const workOf = (options: StoreWorkOptions = {}, given?: TestDatabase) =>
  openOwnStoreWork({ windows: '20/1s', ...options }, given);

test.concurrent('a server that crashes twice under a run and comes back has lost nothing that was durable', async () => {
  await using server = await startPostgres();
  await using work = await workOf({ count: 80 }, await makeTestDatabase(server));
  const { log } = work.sandbox;
  for (const wanted of [10, 40]) {
    await using command = await startInStore(work);
    await log.until(() => log.effective().length >= wanted);
    const before = await work.bytes('many');
    await server.crash();
    const crashedAt = log.count();
    await server.restart();
    const end = await command.ended;
    expect({ ...outcomeOf(end), stderr: end.stderr }).toMatchObject({ code: end.code === 0 ? 0 : 6, signal: null });
    const after = await work.bytes('many');
    expect(after.subarray(0, before.length).equals(before)).toBe(true);
    expect(unrecorded(work, recordsIn(after), work.ids)).toEqual([]);
    expect(log.count()).toBeGreaterThanOrEqual(crashedAt);
    await endLease(work);
  }
  await expectOrderlyStoreEnd(work);
});

test.concurrent('a run waits for a server that is started anew, and for one whose connections break, and ends as if nothing had been', async () => {
  await using server = await startPostgres();
  await using work = await workOf({ count: 80 }, await makeTestDatabase(server));
  const { log } = work.sandbox;
  await using command = await startInStore(work);
  for (const wanted of [10, 35]) {
    await log.until(() => log.effective().length >= wanted);
    await server.crash();
    await server.restart();
  }
  await log.until(() => log.effective().length >= 60);
  work.proxy.cut('quota_take', 'after', 2);
  const end = await command.ended;
  expect(outcomeOf(end), end.stderr).toEqual({ code: 0, signal: null });
  await expectWhole(work);
});

test.concurrent.for(['close', 'swallow'] as const)(
  'a run that reaches Defender and not its database (%s) stops before its lease runs out, and another machine goes on',
  async (how) => {
    await using work = await workOf();
    const { log } = work.sandbox;
    await using command = await startInStore(work);
    await log.until(() => log.effective().length >= 8);
    work.proxy[how]();
    const cutAtMs = performance.now();
    const doubt = await doubtInStore(work);
    const end = await command.ended;
    expect(outcomeOf(end), end.stderr).toEqual({ code: 6, signal: null });
    // Its last leave to send came from the database no later than the cut.
    expect(log.entries.filter(({ arrivedMs }) => arrivedMs > cutAtMs + 10_000)).toEqual([]);
    expect(log.count()).toBeLessThanOrEqual(doubt.requests + 4);
    const early = await work.run(['resume', 'many', '--yes'], work.direct);
    // A busy machine may have taken longer to end than its lease lasted.
    if (early.code !== 0) expect(early.code, early.stderr).toBe(11);
    await untilFree(work);
    await expectOrderlyStoreEnd(work, { options: work.direct });
  },
);

/** Holds a row of the database until it is let go. */
async function lockRow({ database }: StoreWork, select: string): Promise<AsyncDisposable> {
  const { host, port, user, password } = database.server;
  const client = new pg.Client({
    host,
    port,
    user,
    password,
    database: new URL(database.url).pathname.slice(1),
    ssl: false,
  });
  await client.connect();
  await client.query('begin');
  await client.query(`${select} for update`);
  let isLocked = true;
  return {
    [Symbol.asyncDispose]: async () => {
      if (isLocked) await client.end();
      isLocked = false;
    },
  };
}

const ROWS = [
  { what: 'the row of the run', select: 'select from countermand.run' },
  { what: 'the row of the sender', select: 'select from countermand.quota_scope' },
];

for (const { what, select } of ROWS) {
  test.concurrent(`a run whose statements time out, because ${what} is locked, ends with exit 6 and is gone on with`, async () => {
    await using work = await workOf();
    const { log } = work.sandbox;
    await using command = await startInStore(work);
    await log.until(() => log.effective().length >= 8);
    await using lock = await lockRow(work, select);
    const lockedAtMs = performance.now();
    const end = await command.ended;
    expect(outcomeOf(end), end.stderr).toEqual({ code: 6, signal: null });
    expect(end.stderr).toContain('statement timeout');
    expect(log.entries.filter(({ arrivedMs }) => arrivedMs > lockedAtMs + 10_000)).toEqual([]);
    expect(unrecorded(work, recordsIn(await work.bytes('many')), work.ids)).toEqual([]);
    await lock[Symbol.asyncDispose]();
    await endLease(work);
    await expectOrderlyStoreEnd(work);
  });
}

test.concurrent('a run whose commits come late, but within its lease, goes on by itself', async () => {
  await using work = await workOf();
  const { log } = work.sandbox;
  await using command = await startInStore(work);
  await log.until(() => log.effective().length >= 8);
  await using lock = await lockRow(work, 'select from countermand.run');
  const blocked = "select from pg_stat_activity where wait_event_type = 'Lock' and query like '%ledger_append%'";
  while ((await work.database.sql(blocked)).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await lock[Symbol.asyncDispose]();
  const end = await command.ended;
  expect(outcomeOf(end), end.stderr).toEqual({ code: 0, signal: null });
  await expectWhole(work);
});
