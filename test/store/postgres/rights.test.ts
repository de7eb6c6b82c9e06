import { expect, test } from 'vitest';
import { readLedger } from '../../../src/ledger/read-ledger.ts';
import { silentLog } from '../../../src/log.ts';
import { openTestDatabase } from '../../support/postgres.ts';
import { begin, bytesOf, OPEN, processAt } from './harness.ts';

test('a worker reads what is written, and changes none of it but through the functions', async () => {
  await using made = await openTestDatabase();
  await using one = await processAt(made);
  {
    await using ledger = await one.open('a');
    await begin(ledger, 2);
  }
  const before = await bytesOf(one, 'a');
  const worker = await made.connect();
  const [row] = await worker.query<{ run: string; epoch: string }>('select run, epoch from countermand.run');
  for (const statement of [
    `insert into countermand.ledger_chunk values ('${row?.run}', 999999, 1, 'x', now())`,
    "update countermand.ledger_chunk set lines = 'x'",
    'delete from countermand.ledger_chunk',
    'truncate countermand.ledger_chunk',
    'drop table countermand.ledger_chunk',
    'update countermand.run set bytes = 0',
    'delete from countermand.run',
    "insert into countermand.run (run, name, tenant, created, modified) values (gen_random_uuid(), 'b', 't', now(), now())",
    `select countermand.run_remove('${row?.run}', ${row?.epoch})`,
    'alter function countermand.clock() owner to current_user',
    'create function countermand.clock(text) returns int language sql return 1',
  ]) {
    await expect(worker.query(statement), statement).rejects.toMatchObject({ exitCode: 2 });
  }
  await expect(one.store.remove('a', () => undefined)).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining('countermand_owner'),
  });
  expect(await bytesOf(one, 'a')).toEqual(before);
  // What could not be removed is nobody's any more.
  await using ledger = await one.open('a');
  expect(ledger.state.sessions).toHaveLength(2);
});

test('whoever only looks writes nothing, and sees of the quota what others left', async () => {
  await using made = await openTestDatabase();
  await using one = await processAt(made);
  const options = { windows: [{ calls: 4, perMs: 60_000 }], share: 1, routes: 'shared' as const };
  await using ledger = await one.open('a');
  await begin(ledger, 2);
  const quota = await one.store.quota(OPEN, options, { ledger, log: silentLog });
  (await quota.take('cancel')).settle();
  const here = new URL(made.url).pathname.slice(1);
  await made.sql(`alter role test_worker in database ${here} set default_transaction_read_only = on`);
  await using looking = await processAt(made);
  const { store } = looking;
  await expect(looking.open('b')).rejects.toMatchObject({ exitCode: 6, message: expect.stringContaining('read-only') });

  const left = async (sender: typeof OPEN) => (await store.quotaLeft(sender, options)).map((window) => window.left);
  expect(await left(OPEN)).toEqual([3]);
  expect(await left({ ...OPEN, client: 'of whom nobody has heard' })).toEqual([4]);
  expect(await left({ ...OPEN, tenant: OPEN.tenant.toUpperCase() })).toEqual([3]);
  expect(await store.list('')).toHaveLength(1);
  expect(await store.series('a.20260101T000000Z')).toEqual([]);
  expect(await store.holder('a')).toBeDefined();
  expect((await readLedger('a', store)).records).toBeGreaterThan(2);
  expect(await store.check('a', OPEN)).toMatchObject({ level: 'warning' });
  expect(await store.unknownCalls([])).toBe(0);
});

test('a user without a role of ours sees nothing', async () => {
  await using made = await openTestDatabase();
  await made.sql(
    "set role none; do $$ begin create role test_nobody login password 'nothing of ours'; exception when duplicate_object or unique_violation then null; end $$",
  );
  const url = made.url.replace('test_worker', 'test_nobody');
  await using nobody = await processAt(made, { url, password: 'nothing of ours' });
  await expect(nobody.open('a')).rejects.toMatchObject({ exitCode: 2 });
  await expect(nobody.database.query('select countermand.clock()')).rejects.toMatchObject({ exitCode: 2 });
});

test.each(["a'; drop table countermand.run; --", 'a"b', 'ünï/…', '%', '_', '\\', '$1', ':name', ' ', '{a,b}', 'null'])(
  'a run may be called %s, and is found by that name and by no other',
  async (name) => {
    await using made = await openTestDatabase();
    await using one = await processAt(made);
    {
      await using ledger = await one.open(name);
      await begin(ledger, 1);
    }
    await using other = await one.open('a');
    await begin(other, 1);
    expect(await one.store.stat(name)).toMatchObject({ unfit: undefined });
    expect((await one.store.list(''))?.map((run) => run.name).sort()).toEqual(['a', name].sort());
    expect((await one.store.list(name))?.map((run) => run.name)).toEqual([name]);
    expect(await one.store.series(name)).toEqual([]);
  },
);

test.each(['a\nb', 'a\0b', '\u001b[31m', 'x'.repeat(401)])('a run cannot be called %j', async (name) => {
  await using made = await openTestDatabase();
  await using one = await processAt(made);
  await expect(one.open(name)).rejects.toMatchObject({ exitCode: 2 });
  await expect(one.store.stat(name)).rejects.toMatchObject({ exitCode: 2 });
});

test('what is appended is durable, whatever the database is set to', async () => {
  await using made = await openTestDatabase();
  await made.sql(
    `alter role test_worker in database ${new URL(made.url).pathname.slice(1)} set synchronous_commit = off`,
  );
  await using one = await processAt(made);
  await using ledger = await one.open('a');
  await begin(ledger, 1);
  const durable = await one.database.transaction(async (session) => {
    const [before] = await session.query<{ synchronous_commit: string }>('show synchronous_commit');
    const [run] = await session.query<{ run: string; epoch: string; bytes: string }>(
      'select run, epoch, bytes from countermand.run',
    );
    const lines = Buffer.from(`{"chain":"${'0'.repeat(32)}"}\n`);
    await session.query("select countermand.ledger_append($1, $2, $3, $4, '15 s')", [
      run?.run ?? '',
      run?.epoch ?? '',
      run?.bytes ?? '',
      lines,
    ]);
    const [after] = await session.query<{ synchronous_commit: string }>('show synchronous_commit');
    return [before?.synchronous_commit, after?.synchronous_commit];
  });
  expect(durable).toEqual(['off', 'on']);
  await ledger[Symbol.asyncDispose]().catch(() => undefined);
});

test('bytes that are no whole lines of a ledger are not taken', async () => {
  await using made = await openTestDatabase();
  await using one = await processAt(made);
  await using _ledger = await one.open('a');
  for (const text of ['', '{}\n', `{"chain":"${'0'.repeat(32)}"}`, `{"chain":"${'g'.repeat(32)}"}\n`]) {
    const values = [Buffer.from(text)];
    const append = one.database.query(
      "select countermand.ledger_append(run, epoch, bytes, $1, '15 s') from countermand.run",
      values,
    );
    await expect(append).rejects.toThrow('no whole lines');
  }
});
