import { UsageError } from '../../errors.ts';
import type { Database, Session } from './database.ts';
import { runs } from './migrations/001-runs.ts';
import { quota } from './migrations/002-quota.ts';

interface Migration {
  version: number;
  name: string;
  sql: string;
}

/** In their order. Those of a released version are never changed: what comes later is a migration of its own, and only adds. */
export const MIGRATIONS: readonly Migration[] = [
  { version: 1, name: 'runs', sql: runs },
  { version: 2, name: 'quota', sql: quota },
];

/** What this program reads and writes. */
const SCHEMA_VERSION = Math.max(...MIGRATIONS.map(({ version }) => version));

/** Any number that no other program of this database would take. */
const MIGRATION_LOCK = 7_402_155;

/**
 * Roles are the server's, not the database's: two databases may make them at once. Who makes them must be able to become the owner. From then on
 * nobody may run a function but who was told so. What stands in the queue's schema is pg-boss's, and made by src/fleet.
 */
// What is there is looked for first: a member of countermand_owner, who brings a store up to date, may make neither roles nor schemas, and PostgreSQL asks
// for that right even where there is nothing to be made.
const BOOTSTRAP = `
do $$ begin
  if to_regrole('countermand_owner') is null then
    begin create role countermand_owner nologin; exception when duplicate_object or unique_violation then null; end;
  end if;
  if to_regrole('countermand_worker') is null then
    begin create role countermand_worker nologin; exception when duplicate_object or unique_violation then null; end;
  end if;
  if not pg_has_role(current_user, 'countermand_owner', 'member') then
    execute format('grant countermand_owner to %I', current_user);
  end if;
  if to_regnamespace('countermand') is null then
    create schema if not exists countermand authorization countermand_owner;
  end if;
  if to_regnamespace('countermand_queue') is null then
    create schema if not exists countermand_queue authorization countermand_owner;
  end if;
end $$;
set local role countermand_owner;
alter default privileges for role countermand_owner revoke execute on functions from public;
grant usage on schema countermand to countermand_worker;
create table if not exists countermand.schema_version (
  version int primary key,
  name text not null,
  applied_at timestamptz not null default now()
);
grant select on countermand.schema_version to countermand_worker;
`;

/**
 * Brings the database to this program's schema: for `store init` alone. Safe to be run by several at once. Returns the names of what was applied.
 * Throws a UsageError for a schema newer than this program, and for a user without the rights.
 */
export async function applyMigrations(database: Database): Promise<string[]> {
  await locked(database, (session) => session.query(BOOTSTRAP));
  const applied: string[] = [];
  for (const { version, name, sql } of MIGRATIONS) {
    await locked(database, async (session) => {
      const there = (await versionIn(session)) ?? 0;
      if (there > SCHEMA_VERSION) throw otherSchema(database.where, there);
      if (there >= version) return;
      await session.query('set local role countermand_owner');
      await session.query('set local search_path = countermand, pg_temp');
      await session.query(sql);
      await session.query('insert into countermand.schema_version (version, name) values ($1, $2)', [version, name]);
      applied.push(name);
    });
  }
  return applied;
}

/** Throws a UsageError that names `store init` when the database has another schema than this program's, or none. */
export async function checkSchema(database: Database): Promise<void> {
  const version = await versionIn(database);
  if (version !== SCHEMA_VERSION) throw otherSchema(database.where, version ?? 0);
}

async function versionIn(session: Session): Promise<number | undefined> {
  const [row] = await session.query<{ version: number | null }>(
    'select max(version) as version from countermand.schema_version',
  );
  return row?.version ?? undefined;
}

function otherSchema(where: string, there: number): UsageError {
  const advice =
    there > SCHEMA_VERSION
      ? 'use the version of countermand that ran countermand store init there, or a newer one'
      : 'run countermand store init';
  return new UsageError(
    `The store ${where} has version ${there} of the schema, and this program needs version ${SCHEMA_VERSION}: ${advice}.`,
  );
}

function locked<T>(database: Database, work: (session: Session) => Promise<T>): Promise<T> {
  return database.transaction(async (session) => {
    await session.query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    return await work(session);
  });
}
