import pg from 'pg';
import { DiskError } from '../../../src/errors.ts';
import type { Database, Session, Value } from '../../../src/store/postgres/database.ts';
import { quota } from '../../../src/store/postgres/migrations/002-quota.ts';
import { turn } from '../../support/clock/manual-clock.ts';
import { openTestDatabase, type TestDatabase } from '../../support/postgres.ts';

/** A real database whose clock shows the virtual time of the test, as each of its processes sees it. */
export interface VirtualDatabase extends AsyncDisposable {
  /** One more process. Those of the test share two connections. */
  connect(): VirtualProcess;
  /** Resolves when no process waits for an answer. */
  settled(): Promise<void>;
  /** The database's clock less the true time. */
  clockAheadMs: number;
  sql: TestDatabase['sql'];
  /** Puts another text in the place of one that stands in the functions of the quota exactly once, until it is disposed of. */
  plant(...changes: readonly (readonly [from: string, to: string])[]): Promise<AsyncDisposable>;
}

export interface VirtualProcess extends Database {
  /** Nothing gets through, for as long as this is set. */
  isCutOff: boolean;
}

/** The time is the connection's: nothing is written for it, and no transaction waits for another because of it. */
const VIRTUAL_CLOCK = `
create or replace function countermand.clock() returns timestamptz language sql volatile
  return pg_catalog.to_timestamp(pg_catalog.current_setting('virtual.now_ms')::float8 / 1000);
`;

function functionsIn(migration: string): string {
  const texts = migration.match(/^create function quota_[\s\S]*?^(?:end )?\$\$;/gm) ?? [];
  const replaced = texts.map((text) => text.replace('create function', 'create or replace function'));
  return ['set role countermand_owner', 'set search_path = countermand, pg_temp', ...replaced]
    .join(';\n')
    .replaceAll(';;', ';');
}

export async function openVirtualDatabase(): Promise<VirtualDatabase> {
  const made = await openTestDatabase();
  await made.sql(VIRTUAL_CLOCK);
  let asked = 0;

  const openClient = async (): Promise<pg.Client> => {
    const { host, port, user, password } = made.server;
    const database = new URL(made.url).pathname.slice(1);
    const client = new pg.Client({ host, port, user, password, database, ssl: false });
    await client.connect();
    await client.query('set role countermand_worker');
    return client;
  };
  const lines = await Promise.all([1, 2].map(async () => lineOf(await openClient())));
  let processes = 0;

  const connect = (): VirtualProcess => {
    const line = lines[processes++ % lines.length];
    const query: Session['query'] = async <Row extends object>(text: string, values: readonly Value[] = []) => {
      if (virtual.isCutOff || line === undefined) throw new DiskError('cut off');
      asked += 1;
      try {
        return await line.ask<Row>(Date.now() + opened.clockAheadMs, text, values);
      } finally {
        asked -= 1;
      }
    };
    const virtual: VirtualProcess = {
      isCutOff: false,
      isHere: true,
      where: 'the virtual database',
      access: { host: '', port: 0, user: '', database: '', ssl: false },
      query,
      bytes: async (text, values) =>
        (await query<Record<string, Buffer>>(text, values)).flatMap((row) => Object.values(row)),
      transaction: () => Promise.reject(new Error('one statement is enough for a quota')),
      [Symbol.asyncDispose]: async () => {},
    };
    return virtual;
  };

  const opened: VirtualDatabase = {
    connect,
    settled: async () => {
      await turn();
      while (asked > 0) await turn();
    },
    clockAheadMs: 0,
    sql: made.sql,
    plant: async (...changes) => {
      const changed = changes.reduce((text, [from, to]) => {
        if (text.split(from).length !== 2) throw new Error(`"${from}" does not stand there exactly once`);
        return text.replace(from, to);
      }, quota);
      await made.sql(functionsIn(changed));
      return { [Symbol.asyncDispose]: async () => void (await made.sql(functionsIn(quota))) };
    },
    [Symbol.asyncDispose]: async () => {
      for (const { client } of lines) await client.end();
      await made[Symbol.asyncDispose]();
    },
  };
  return opened;
}

/** A connection on which one question is asked after the other, each at a time of its own. */
function lineOf(client: pg.Client) {
  let last: Promise<unknown> = Promise.resolve();
  const ask = async <Row extends object>(nowMs: number, text: string, values: readonly Value[]): Promise<Row[]> => {
    await client.query("select set_config('virtual.now_ms', $1, false)", [String(nowMs)]);
    return (await client.query<Row>(text, [...values])).rows;
  };
  return {
    client,
    ask: <Row extends object>(nowMs: number, text: string, values: readonly Value[]): Promise<Row[]> => {
      const answer = last.then(() => ask<Row>(nowMs, text, values));
      last = answer.catch(() => {});
      return answer;
    },
  };
}
