import { expect, test } from 'vitest';
import { checkLedger, readLedger } from '../../../src/ledger/read-ledger.ts';
import { appendLines, type HeldRun, renewRuns } from '../../../src/store/postgres/run-functions.ts';
import { ManualClock } from '../../support/clock/manual-clock.ts';
import { startCuttingProxy } from '../../support/cutting-proxy.ts';
import { makeTestDatabase, openTestDatabase } from '../../support/postgres.ts';
import { startPostgres } from '../../support/postgres-server.ts';
import { begin, bytesOf, id, processAt, UNTIL_FREE_MS } from './harness.ts';

const CANCEL = { route: 'cancel', id: id(1), attempt: 1 } as const;

test('a holder that stood still for longer than its lease neither sends nor writes, and its successor goes on', async () => {
  await using database = await openTestDatabase();
  const clock = new ManualClock();
  await using slept = await processAt(database, { clock });
  await using other = await processAt(database);
  const ledger = await slept.open('a');
  await begin(ledger, 2);
  await ledger.assertHeld();
  const call = await ledger.intent(CANCEL);
  const before = await bytesOf(other, 'a');
  await expect(other.open('a')).rejects.toMatchObject({ exitCode: 11 });

  clock.stand(UNTIL_FREE_MS);
  await database.setClock(Date.now() + UNTIL_FREE_MS);
  await using next = await other.open('a');
  expect(next.state.lastCall).toBe(call);
  await expect(ledger.assertHeld()).rejects.toMatchObject({ exitCode: 11 });
  await expect(ledger.intent(CANCEL)).rejects.toMatchObject({ exitCode: 11 });
  await expect(ledger.reply({ call, ms: 1, http: 200 })).rejects.toMatchObject({ exitCode: 11 });
  await ledger[Symbol.asyncDispose]().catch(() => undefined);
  // Its end gave nothing back that is not its own.
  await next.assertHeld();
  await next.intent(CANCEL);
  expect((await bytesOf(other, 'a')).subarray(0, before.length)).toEqual(before);
  expect((await checkLedger('a', other.store)).fault).toBeUndefined();
});

test('a send is allowed for ten seconds from the beginning of the last append, and not a moment longer', async () => {
  await using database = await openTestDatabase();
  const clock = new ManualClock();
  await using one = await processAt(database, { clock });
  const ledger = await one.open('a');
  await begin(ledger, 1);
  clock.stand(10_000);
  await ledger.assertHeld();
  clock.stand(1);
  await expect(ledger.assertHeld()).rejects.toMatchObject({ exitCode: 11 });
  // Once lost, it is lost.
  await expect(ledger.intent(CANCEL)).rejects.toMatchObject({ exitCode: 11 });
});

test('a machine that slept, whose monotonic clock stood still meanwhile, sends nothing', async () => {
  await using database = await openTestDatabase();
  const clock = new ManualClock();
  await using one = await processAt(database, { clock });
  const ledger = await one.open('a');
  clock.moveWall(UNTIL_FREE_MS);
  await expect(ledger.assertHeld()).rejects.toMatchObject({ exitCode: 6, message: expect.stringContaining('slept') });
});

test('the database refuses a holder that has been taken over, whatever its own clock says', async () => {
  await using database = await openTestDatabase();
  await using frozen = await processAt(database, { clock: new ManualClock() });
  await using other = await processAt(database);
  const ledger = await frozen.open('a');
  await begin(ledger, 1);
  await database.setClock(Date.now() + UNTIL_FREE_MS);
  await using next = await other.open('a');
  const before = await bytesOf(other, 'a');
  await expect(ledger.intent(CANCEL)).rejects.toMatchObject({ exitCode: 11 });
  await expect(ledger.assertHeld()).rejects.toMatchObject({ exitCode: 11 });
  expect(await bytesOf(other, 'a')).toEqual(before);
  await next.assertHeld();
});

test('the leases of a process are renewed together every five seconds, and what does not come back is lost', async () => {
  await using database = await openTestDatabase();
  const clock = new ManualClock();
  await using one = await processAt(database, { clock, connections: 1 });
  const [a, b] = [await one.open('a'), await one.open('b')];
  const leases = async () =>
    (await database.sql('select lease_until > clock_timestamp() as holds from countermand.run order by name')).map(
      ({ holds }) => holds,
    );
  // Behind whatever the process has asked the database for.
  const settle = async () => void (await one.database.query('select 1'));
  for (let round = 0; round < 6; round++) await clock.advance(5_000, settle);
  await Promise.all([a.assertHeld(), b.assertHeld()]);
  expect(await leases()).toEqual([true, true]);
  await database.sql("update countermand.run set epoch = epoch + 1 where name = 'b'");
  await clock.advance(5_000, settle);
  await a.assertHeld();
  await expect(b.assertHeld()).rejects.toMatchObject({ exitCode: 11 });
  await a[Symbol.asyncDispose]();
  expect(clock.keepingAlive).toBe(0);
  await using other = await processAt(database);
  await using next = await other.open('a');
  expect(next.state.sessions).toHaveLength(2);
});

test('a renewal or an append that arrives behind the release of its run holds it for nobody, and writes nothing', async () => {
  await using database = await openTestDatabase();
  await using one = await processAt(database, { clock: new ManualClock() });
  await using other = await processAt(database);
  const ledger = await one.open('a');
  await begin(ledger, 1);
  const before = await bytesOf(other, 'a');
  const [{ run, epoch } = {}] = await database.sql('select run::text, epoch::float8 from countermand.run');
  const held: HeldRun = { run: String(run), epoch: Number(epoch) };
  await ledger[Symbol.asyncDispose]();
  const after = await bytesOf(other, 'a');
  expect(await renewRuns(one.database, [held], 15_000)).toEqual([]);
  const line = Buffer.from(`${JSON.stringify({ chain: '0'.repeat(32) })}\n`);
  expect(await appendLines(one.database, held, after.length, line, 15_000)).toMatchObject({ outcome: 'taken' });
  expect(await bytesOf(other, 'a')).toEqual(after);
  expect(after.subarray(0, before.length)).toEqual(before);
  await using next = await other.open('a');
  await next.assertHeld();
});

test.each(['after', 'before'] as const)(
  'an append whose answer is lost %s the server has heard of it is written once, and the run goes on',
  async (when) => {
    await using made = await openTestDatabase();
    await using proxy = await startCuttingProxy(made.server);
    await using one = await processAt(made, { url: made.url.replace(`:${made.server.port}/`, `:${proxy.port}/`) });
    await using other = await processAt(made);
    await using ledger = await one.open('a');
    await begin(ledger, 3);
    proxy.cut('ledger_append', when, 2);
    expect(await ledger.intent(CANCEL)).toBe(1);
    expect(proxy.cuts).toBe(2);
    await ledger.assertHeld();
    await ledger.reply({ call: 1, ms: 1, http: 200 });
    await ledger.intent({ ...CANCEL, attempt: 2 });
    const { state, records, fault } = await readLedger('a', other.store);
    expect(fault).toBeUndefined();
    expect(records).toBe(ledger.state.lastSeq);
    expect(state.lastCall).toBe(2);
  },
);

test('a run whose store stays away ends with exit 6 before its lease does, and nothing of it is sent', async () => {
  await using made = await openTestDatabase();
  await using proxy = await startCuttingProxy(made.server);
  const clock = new ManualClock();
  const url = made.url.replace(`:${made.server.port}/`, `:${proxy.port}/`);
  await using one = await processAt(made, { url, clock });
  await using other = await processAt(made);
  const ledger = await one.open('a');
  await begin(ledger, 1);
  const before = await bytesOf(other, 'a');
  proxy.close();
  const begunMs = clock.monotonicMs();
  const intent = expect(ledger.intent(CANCEL)).rejects.toMatchObject({ exitCode: 6 });
  let ended = false;
  void intent.then(() => {
    ended = true;
  });
  // Each attempt over a real socket fails at once; the pauses between them are the clock's.
  while (!ended) await Promise.race([intent, clock.asleep().then(() => clock.advance(100))]);
  expect(clock.monotonicMs() - begunMs).toBeLessThanOrEqual(10_000);
  await ledger[Symbol.asyncDispose]().catch(() => undefined);
  expect(await bytesOf(other, 'a')).toEqual(before);
});

test('a server that crashes and comes back within the lease loses nothing that was durable, and stops no run', async () => {
  await using server = await startPostgres();
  await using made = await makeTestDatabase(server);
  const clock = new ManualClock();
  await using one = await processAt(made, { clock });
  await using ledger = await one.open('a');
  await begin(ledger, 3);
  await ledger.intent(CANCEL);
  const before = await bytesOf(one, 'a');
  await server.crash();
  const intent = ledger.intent({ ...CANCEL, attempt: 2 });
  // It tries, is refused and waits.
  await clock.asleep();
  await server.restart();
  await clock.advance(200);
  expect(await intent).toBe(2);
  await ledger.assertHeld();
  const after = await bytesOf(one, 'a');
  expect(after.subarray(0, before.length)).toEqual(before);
  expect((await checkLedger('a', one.store)).fault).toBeUndefined();
});

test('a store that has lost the last commits is told apart, and nothing is written behind the gap', async () => {
  await using made = await openTestDatabase();
  await using one = await processAt(made);
  const ledger = await one.open('a');
  await begin(ledger, 3);
  await made.sql(`delete from countermand.ledger_chunk where first_byte = (select max(first_byte) from countermand.ledger_chunk);
    update countermand.run set bytes = (select sum(length(lines)) from countermand.ledger_chunk)`);
  await expect(ledger.intent(CANCEL)).rejects.toMatchObject({
    exitCode: 6,
    message: expect.stringContaining('ends at byte'),
  });
  await ledger[Symbol.asyncDispose]().catch(() => undefined);
});
