import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { silentLog } from '../../../src/log.ts';
import type { Database } from '../../../src/store/postgres/database.ts';
import { PostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { openTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { begin, OPEN, processAt } from './harness.ts';

/** The store as it would be on another machine. */
function asElsewhere(database: Database): PostgresStore {
  const elsewhere: Database = {
    where: database.where,
    isHere: false,
    access: database.access,
    query: (text, values) => database.query(text, values),
    bytes: (text, values) => database.bytes(text, values),
    transaction: (work) => database.transaction(work),
    [Symbol.asyncDispose]: async () => {},
  };
  const self = { pid: 1, host: 'host-1' };
  return new PostgresStore({ database: elsewhere, clock: systemClock, log: silentLog, self, uuid: randomUUID });
}

function setTo(made: TestDatabase, setting: string): Promise<unknown> {
  return made.sql(`alter database ${new URL(made.url).pathname.slice(1)} set ${setting}`);
}

test('check says which server it is, how durable it is, and who works on what', async () => {
  await using made = await openTestDatabase();
  await using one = await processAt(made);
  const [server] = await made.sql(
    "select current_setting('server_version') as version, current_setting('fsync') as fsync",
  );
  const idle = await one.store.check('a', OPEN);
  expect(idle.text).toContain(`PostgreSQL ${server?.['version']}: fsync ${server?.['fsync']}, full_page_writes on`);
  expect(idle.text).not.toContain('held');
  await using a = await one.open('a');
  await begin(a, 1);
  await using b = await one.open('b');
  await begin(b, 1);
  const other = await one.store.check('c', OPEN);
  expect(other.text).toMatch(/held: a by process \d+ on host-1 \(since .*\), b by process \d+ on host-1/);
  expect(other.text).not.toContain('exit 11');
  expect(await one.store.check('b', OPEN)).toMatchObject({
    level: 'warning',
    text: expect.stringContaining('a second run of b would exit 11'),
  });
});

test('a place that may lose commits is a warning on this machine, and refused elsewhere', async () => {
  await using made = await openTestDatabase();
  await setTo(made, 'synchronous_commit = off');
  await using here = await processAt(made, { url: made.adminUrl, password: made.server.password });
  const advice = expect.stringContaining('synchronous_commit is off');
  expect((await here.store.init()).warnings).toContainEqual(advice);
  expect(await here.store.check('a', OPEN)).toMatchObject({ level: 'warning', text: advice });
  const elsewhere = asElsewhere(here.database);
  await expect(elsewhere.init()).rejects.toMatchObject({ exitCode: 2, message: advice });
  expect(await elsewhere.check('a', OPEN)).toMatchObject({ level: 'wrong', exitCode: 2, text: advice });
});

test('a clock that was set back under a sender is a warning, with the moment at which slots are given again', async () => {
  await using made = await openTestDatabase();
  await using one = await processAt(made);
  const options = { windows: [{ calls: 4, perMs: 60_000 }], share: 1, routes: 'shared' as const };
  const quota = await one.store.quota(OPEN, options, { log: silentLog });
  await made.shiftClock(3_600_000);
  (await quota.take('cancel')).settle();
  expect((await one.store.check('a', OPEN)).text).not.toContain('was set back');
  await made.shiftClock(0);
  const until = new Date(Date.now() + 3_590_000).toISOString().slice(0, 11);
  expect(await one.store.check('a', OPEN)).toMatchObject({
    level: 'warning',
    text: expect.stringMatching(new RegExp(`was set back: .* before ${until}`)),
  });
  // Of another sender nothing is known.
  expect((await one.store.check('a', { ...OPEN, client: 'another' })).text).not.toContain('was set back');
});
