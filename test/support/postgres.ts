import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { prepareQueue } from '../../src/fleet/prepare-queue.ts';
import { silentLog } from '../../src/log.ts';
import { type Database, openDatabase } from '../../src/store/postgres/database.ts';
import { PostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { applyMigrations } from '../../src/store/postgres/schema.ts';
import { type OwnServer, startPostgres, type TestServer } from './postgres-server.ts';

/** A database of a test's own, removed in the end. */
export interface TestDatabase extends AsyncDisposable {
  readonly server: TestServer;
  /** For `--store`: as a user with a worker's rights and no more. */
  readonly url: string;
  /** For `--store`: as a user with the owner's rights and a worker's. */
  readonly ownerUrl: string;
  /** For `--store`: as a superuser. */
  readonly adminUrl: string;
  /** What all of these need in their environment. */
  passwordOf(url: string): { COUNTERMAND_STORE_PASSWORD: string };
  /** One more pool of connections to it, closed with the database. @default as `url` has it */
  connect(url?: string): Promise<Database>;
  /** Any SQL, as a superuser. */
  sql(text: string): Promise<Record<string, unknown>[]>;
  /** Sets the clock that the schema's functions ask: it stands at this moment (epoch ms) until it is set again. */
  setClock(atMs: number): Promise<void>;
  /** Sets the clock that the schema's functions ask so far (ms) from the true one, with which it then runs. */
  shiftClock(byMs: number): Promise<void>;
}

const WORKER = 'test_worker';
const OWNER = 'test_owner';
const PASSWORD = 'a password of the tests';

interface Shared {
  server: TestServer;
  own: OwnServer | undefined;
  /** A database with the schema, to copy from. */
  template: string;
}

let shared: Promise<Shared> | undefined;

afterAll(async () => {
  const { server, own, template } = (await shared?.catch(() => undefined)) ?? {};
  shared = undefined;
  if (own !== undefined) await own[Symbol.asyncDispose]();
  else if (server !== undefined) await asAdmin(server, 'postgres', `drop database ${template} with (force)`);
});

/**
 * A fresh database with the schema. Its server is one for the test file, started when the first is asked for and ended with the file; or the one that
 * COUNTERMAND_TEST_POSTGRES names (`postgres://user:password@host:port`, a superuser), which keeps nothing of ours but four roles.
 */
export async function openTestDatabase(): Promise<TestDatabase> {
  shared ??= share();
  const { server, template } = await shared;
  const name = newName();
  await asAdmin(server, 'postgres', `create database ${name} template ${template}`);
  return databaseOn(server, name);
}

/** A database with the schema on a server that a test has started itself. */
export async function makeTestDatabase(server: TestServer): Promise<TestDatabase> {
  const name = newName();
  await makeDatabase(server, name);
  return databaseOn(server, name);
}

/** A database without the schema. */
export async function makeEmptyDatabase(): Promise<TestDatabase> {
  shared ??= share();
  const { server } = await shared;
  const name = newName();
  await asAdmin(server, 'postgres', `create database ${name}`);
  return databaseOn(server, name);
}

async function share(): Promise<Shared> {
  const given = process.env['COUNTERMAND_TEST_POSTGRES'];
  // Nothing has to last: what fsync is for, the tests with servers of their own look at.
  const own = given === undefined ? await startPostgres(['-c', 'fsync=off']) : undefined;
  const server = own ?? serverAt(given ?? '');
  const template = newName();
  await makeDatabase(server, template);
  return { server, own, template };
}

function serverAt(url: string): TestServer {
  const { hostname: host, port, username, password } = new URL(url);
  return {
    host,
    port: Number(port || 5432),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
  };
}

function newName(): string {
  return `countermand_test_${randomUUID().replaceAll('-', '')}`;
}

async function makeDatabase(server: TestServer, name: string): Promise<void> {
  await asAdmin(server, 'postgres', `create database ${name}`);
  const env = { COUNTERMAND_STORE_PASSWORD: server.password };
  const database = await openDatabase(urlOf(server, server.user, name), { env, log: silentLog });
  await using store = storeOf(database);
  await applyMigrations(database);
  await prepareQueue(store);
  await asAdmin(server, name, LOGINS);
}

/** The store of a process that says nothing of itself. */
export function storeOf(database: Database): PostgresStore {
  const self = { pid: 1, host: 'host-1' };
  return new PostgresStore({ database, clock: systemClock, log: silentLog, self, uuid: randomUUID });
}

/** Roles are the server's: other test files make them at the same time. */
const LOGINS = `do $$ begin
  begin create role ${WORKER} login password '${PASSWORD}'; exception when duplicate_object or unique_violation then null; end;
  begin create role ${OWNER} login password '${PASSWORD}'; exception when duplicate_object or unique_violation then null; end;
  perform pg_advisory_xact_lock(1);
  grant countermand_worker to ${WORKER}, ${OWNER};
  grant countermand_owner to ${OWNER};
end $$`;

const SET_CLOCK = `
set role countermand_owner;
set search_path = countermand;
create table if not exists test_clock (one boolean primary key default true check (one), at timestamptz not null);
create or replace function clock() returns timestamptz language sql volatile return (select at from countermand.test_clock);
grant select on test_clock to countermand_worker;
insert into test_clock (at) values (to_timestamp(AT::numeric / 1000)) on conflict (one) do update set at = excluded.at;
`;

const SHIFT_CLOCK = `
set role countermand_owner;
create or replace function countermand.clock() returns timestamptz language sql volatile
  return pg_catalog.clock_timestamp() + BY * interval '1 ms';
`;

function databaseOn(server: TestServer, name: string): TestDatabase {
  const opened: Database[] = [];
  const [url, ownerUrl, adminUrl] = [WORKER, OWNER, server.user].map((user) => urlOf(server, user, name)) as [
    string,
    string,
    string,
  ];
  const passwordOf = (of: string) => ({
    COUNTERMAND_STORE_PASSWORD: new URL(of).username === server.user ? server.password : PASSWORD,
  });
  const sql = (text: string) => asAdmin(server, name, text);
  return {
    ...{ server, url, ownerUrl, adminUrl, passwordOf, sql },
    connect: async (as = url) => {
      const database = await openDatabase(as, { env: passwordOf(as), log: silentLog });
      opened.push(database);
      return database;
    },
    setClock: async (atMs) => void (await sql(SET_CLOCK.replace('AT', String(atMs)))),
    shiftClock: async (byMs) => void (await sql(SHIFT_CLOCK.replace('BY', String(byMs)))),
    [Symbol.asyncDispose]: async () => {
      for (const database of opened) await database[Symbol.asyncDispose]();
      await asAdmin(server, 'postgres', `drop database if exists ${name} with (force)`);
    },
  };
}

function urlOf({ host, port }: TestServer, user: string, name: string): string {
  return `postgres://${user}@${host}:${port}/${name}`;
}

async function asAdmin(server: TestServer, database: string, text: string): Promise<Record<string, unknown>[]> {
  const { host, port, user, password } = server;
  const client = new pg.Client({ host, port, user, password, database, ssl: false });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}
