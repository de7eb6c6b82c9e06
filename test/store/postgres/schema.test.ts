import { expect, test } from 'vitest';
import { prepareQueue } from '../../../src/fleet/prepare-queue.ts';
import { applyMigrations, checkSchema, MIGRATIONS } from '../../../src/store/postgres/schema.ts';
import { makeEmptyDatabase, openTestDatabase, storeOf } from '../../support/postgres.ts';

test('the schema is applied once, whoever and however many ask for it at the same time', async () => {
  await using made = await makeEmptyDatabase();
  const databases = await Promise.all([1, 2, 3].map(() => made.connect(made.adminUrl)));
  const applied = await Promise.all(databases.map(applyMigrations));
  expect(applied.flat().sort()).toEqual(MIGRATIONS.map(({ name }) => name).sort());
  for (const database of databases) await checkSchema(database);
});

test('a member of countermand_owner, who may make neither roles nor schemas, brings a store up to date', async () => {
  await using made = await openTestDatabase();
  const database = await made.connect(made.ownerUrl);
  await expect(database.query('create schema another')).rejects.toThrow(/permission denied/);
  expect(await applyMigrations(database)).toEqual([]);
  await prepareQueue(storeOf(await made.connect(made.ownerUrl)));
});

test('a database without the schema, or with that of another version, is refused by naming store init', async () => {
  await using empty = await makeEmptyDatabase();
  await expect(checkSchema(await empty.connect(empty.adminUrl))).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining('countermand store init'),
  });
  await using newer = await openTestDatabase();
  await newer.sql("insert into countermand.schema_version values (99, 'of a later release')");
  const database = await newer.connect();
  await expect(checkSchema(database)).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining('99') });
  await expect(applyMigrations(await newer.connect(newer.adminUrl))).rejects.toMatchObject({ exitCode: 2 });
});

test('a worker may not change the schema nor the clock, and a test may set the clock', async () => {
  await using database = await openTestDatabase();
  const worker = await database.connect();
  await expect(worker.query('create table countermand.mine (n int)')).rejects.toMatchObject({ exitCode: 2 });
  await expect(
    worker.query("create or replace function countermand.clock() returns timestamptz return '2026-01-01'::timestamptz"),
  ).rejects.toMatchObject({ exitCode: 2 });
  await expect(applyMigrations(worker)).rejects.toMatchObject({ exitCode: 2 });
  const atMs = Date.UTC(2026, 1, 2, 3, 4, 5, 6);
  await database.setClock(atMs);
  const [row] = await worker.query<{ now: Date }>('select countermand.clock() as now');
  expect(row?.now.getTime()).toBe(atMs);
});

test('a function that runs with the rights of the owner looks for names in our schema alone', async () => {
  await using made = await openTestDatabase();
  const functions = await made.sql(`select proname, proconfig from pg_proc
    where pronamespace = 'countermand'::regnamespace and prosecdef order by proname`);
  expect(functions.length).toBeGreaterThan(10);
  for (const { proname, proconfig } of functions) {
    expect(proconfig, String(proname)).toEqual(['search_path=countermand, pg_temp']);
  }
  // The others are parsed where they were made, or run within one of those.
  const open = await made.sql(`select proname from pg_proc
    where pronamespace = 'countermand'::regnamespace and has_function_privilege('public', oid, 'execute')`);
  expect(open).toEqual([]);
});
