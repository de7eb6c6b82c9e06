import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { silentLog } from '../../../src/log.ts';
import { DOCUMENTED_WINDOWS } from '../../../src/quota/quota.ts';
import { applyMigrations } from '../../../src/store/postgres/schema.ts';
import { ManualClock } from '../../support/clock/manual-clock.ts';
import { makeEmptyDatabase, openTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { begin, bytesOf, OPEN, processAt } from './harness.ts';

const PASSWORD = 'a password of a customer';
const CONTOSO = '11111111-1111-4111-8111-111111111111';
const FABRIKAM = '22222222-2222-4222-8222-222222222222';
const TABLES = ['run', 'ledger_chunk', 'quota_scope', 'quota_call', 'quota_session'];

/** The SQL of docs/security.md: databases and logins, and the rules by tenant. */
async function documented(): Promise<{ databases: string; rules: string }> {
  const page = await readFile(new URL('../../../docs/security.md', import.meta.url), 'utf8');
  const [databases = '', rules = '', ...more] = [...page.matchAll(/^```sql\n(.*?)^```$/gms)].map(([, sql]) => sql);
  expect([databases, rules, more.length].map(Boolean)).toEqual([true, true, false]);
  return { databases: databases.replaceAll('…', PASSWORD), rules };
}

/** Logins and databases are the server's: they go with the test. */
async function asDocumented(made: TestDatabase, sql: string): Promise<AsyncDisposable> {
  // A database is made by a statement of its own.
  for (const statement of sql.split(/;\n/)) if (statement.trim() !== '') await made.sql(statement);
  return {
    [Symbol.asyncDispose]: async () => {
      for (const name of ['contoso', 'fabrikam']) await made.sql(`drop database if exists ${name}_runs with (force)`);
      await made.sql('drop owned by contoso, fabrikam; drop role contoso, fabrikam');
    },
  };
}

function codeOf(error: unknown): unknown {
  const { code, cause } = error as { code?: string; cause?: { code?: string } };
  return code ?? cause?.code;
}

function as(made: TestDatabase, login: string, database = new URL(made.url).pathname.slice(1)) {
  const url = `postgres://${login}@${made.server.host}:${made.server.port}/${database}`;
  // Time stands still: nothing is renewed while what is written is compared.
  return processAt(made, { url, password: PASSWORD, clock: new ManualClock() });
}

test('with rules by tenant, a customer works as ever, and neither reads nor changes what is of another', async () => {
  const { databases, rules } = await documented();
  await using made = await openTestDatabase();
  await using _made = await asDocumented(made, databases);
  await made.sql(rules);
  const shown = await made.sql(`select relname from pg_class join pg_namespace n on n.oid = relnamespace
    where nspname = 'countermand' and relkind = 'r' and relforcerowsecurity order by relname`);
  const readable = await made.sql(`select table_name as relname from information_schema.role_table_grants
    where table_schema = 'countermand' and grantee = 'countermand_worker' and table_name <> 'schema_version' order by 1`);
  expect(shown, 'a table that a worker reads has no rules').toEqual(readable);

  await using contoso = await as(made, 'contoso');
  await using fabrikam = await as(made, 'fabrikam');
  const windows = { windows: DOCUMENTED_WINDOWS, share: 1, routes: 'shared' as const };
  await using ledger = await contoso.open('contoso/a', { open: { ...OPEN, tenant: CONTOSO } });
  await begin(ledger, 2);
  const memory = { ledger, log: silentLog };
  const quota = await contoso.store.quota({ ...OPEN, tenant: CONTOSO }, windows, memory);
  const slot = await quota.take('cancel');
  const bytes = await bytesOf(contoso, 'contoso/a');
  await using own = await fabrikam.open('fabrikam/a', { open: { ...OPEN, tenant: FABRIKAM } });
  await begin(own, 1);
  const state = () =>
    made.sql(`select (select jsonb_agg(r order by r.name) from countermand.run r) as runs,
      (select jsonb_agg(c order by c.id) from countermand.quota_call c) as calls,
      (select jsonb_agg(s order by s.scope) from countermand.quota_scope s) as scopes`);
  const before = await state();

  // What the program does for a person.
  expect((await fabrikam.store.list(''))?.map(({ name }) => name)).toEqual(['fabrikam/a']);
  expect(await fabrikam.store.stat('contoso/a')).toBeUndefined();
  for (const work of [
    () => bytesOf(fabrikam, 'contoso/a'),
    () => fabrikam.open('contoso/a'),
    () => fabrikam.store.stop('contoso/a'),
    () => fabrikam.store.export('contoso/a', async () => undefined),
    () => fabrikam.store.quota({ ...OPEN, tenant: CONTOSO }, windows, { log: silentLog }),
    () => fabrikam.open('fabrikam/b', { open: { ...OPEN, tenant: CONTOSO } }),
  ]) {
    await expect(work(), String(work)).rejects.toMatchObject({ exitCode: 2 });
  }

  // What somebody does who has the login, and knows every number.
  for (const table of TABLES) {
    const rows = `select count(*)::int as n from countermand.${table}`;
    const [all] = await made.sql(rows);
    const [seen] = await fabrikam.database.query<{ n: number }>(rows);
    expect(seen?.n, table).toBeLessThan(Number(all?.['n']));
  }
  const [{ run, epoch, scope, call } = {}] = (await made.sql(`select run, epoch,
    (select scope from countermand.quota_scope where tenant = '${CONTOSO}') as scope,
    (select min(id) from countermand.quota_call) as call from countermand.run where name = 'contoso/a'`)) as {
    run: string;
    epoch: string;
    scope: string;
    call: string;
  }[];
  const line = `'{"chain":"${'0'.repeat(32)}"}' || E'\\n'`;
  for (const tried of [
    `countermand.ledger_append('${run}', ${epoch}, ${bytes.length}, convert_to(${line}, 'UTF8'), '15 s')`,
    `countermand.run_renew(array['${run}'::uuid], array[${epoch}], '1 day')`,
    `countermand.run_release('${run}', ${epoch})`,
    `countermand.run_tenant('${run}', ${epoch}, '${FABRIKAM}')`,
    `countermand.run_stop('contoso/a')`,
    `countermand.run_hold('contoso/a', gen_random_uuid(), true, '{}', '15 s')`,
    `countermand.run_replace('${run}', ${epoch}, 'gone', gen_random_uuid(), '${FABRIKAM}', '15 s')`,
    `countermand.quota_fill(${scope}, 'x', array[1], array['cancel'], array[0])`,
    `countermand.quota_take(${scope}, gen_random_uuid(), array['cancel'], null, array[1], array[1], 1, 1, null)`,
    `countermand.quota_settle(${scope}, array[${call}]::bigint[], '{}', '{}', '{}')`,
    `countermand.quota_settle(${scope}, '{}', '{}', '{}', array[${call}]::bigint[])`,
    `countermand.quota_keep(${scope}, array[${call}]::bigint[], 1e9)`,
    `countermand.quota_pause(${scope}, 1e9)`,
    `countermand.quota_set_back(${scope}, 1e9, 0, 1, 1)`,
    'set_config($$role$$, $$countermand_owner$$, false)',
  ]) {
    // Nothing is found, or nothing is allowed; a mistake of this test would be another error.
    const code = await fabrikam.database.query(`select ${tried}`).then(() => 'P0002', codeOf);
    expect(code, tried).toMatch(/^(P0002|42501)$/);
    expect(await state(), tried).toEqual(before);
  }
  await expect(fabrikam.database.query('select * from countermand.customer')).rejects.toMatchObject({ exitCode: 2 });
  const [looked] = await fabrikam.database.query(`select * from countermand.quota_look(${scope}, null, 1e9)`);
  expect(looked).toEqual({ ids: [], ages: [] });

  // Nothing of that was in the way of whom it belongs to, nor of the owner.
  slot.settle();
  await ledger.close('interrupted');
  await using owner = await processAt(made, { url: made.ownerUrl });
  expect((await owner.store.list(''))?.map(({ name }) => name)).toEqual(['contoso/a', 'fabrikam/a']);
  await ledger[Symbol.asyncDispose]();
  expect(await owner.store.remove('contoso/a', () => undefined)).toHaveProperty('removed');
});

test('with a database a customer, a login comes into its own and into no other', async () => {
  const { databases } = await documented();
  await using made = await makeEmptyDatabase();
  await applyMigrations(await made.connect(made.adminUrl));
  await using _made = await asDocumented(made, databases);
  const { host, port, user } = made.server;
  for (const name of ['contoso_runs', 'fabrikam_runs']) {
    await using admin = await processAt(made, {
      url: `postgres://${user}@${host}:${port}/${name}`,
      password: made.server.password,
    });
    await applyMigrations(admin.database);
  }
  await using contoso = await as(made, 'contoso', 'contoso_runs');
  await using ledger = await contoso.open('a');
  await begin(ledger, 1);
  await using other = await as(made, 'contoso', 'fabrikam_runs');
  await expect(other.store.list('')).rejects.toMatchObject({ exitCode: 2 });
  await using fabrikam = await as(made, 'fabrikam', 'fabrikam_runs');
  expect(await fabrikam.store.list('')).toEqual([]);
});
