import pg from 'pg';
import { DiskError } from '../../../src/errors.ts';
import type { Database, Session, Value } from '../../../src/store/postgres/database.ts';
import { turn } from '../../support/clock/manual-clock.ts';
import { openTestDatabase, type TestDatabase } from '../../support/postgres.ts';

/** A real database whose clock shows the virtual time of the test, as each of its processes sees it. */
export interface VirtualDatabase extends AsyncDisposable {
  /** One more process: a connection of its own. */
  connect(): Promise<VirtualProcess>;
  /** Resolves when no process waits for an answer. */
  settled(): Promise<void>;
  /** The database's clock less the true time. */
  clockAheadMs: number;
  sql: TestDatabase['sql'];
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

export async function openVirtualDatabase(): Promise<VirtualDatabase> {
  const made = await openTestDatabase();
  await made.sql(VIRTUAL_CLOCK);
  const clients: pg.Client[] = [];
  let asked = 0;

  const connect = async (): Promise<VirtualProcess> => {
    const { host, port, user, password } = made.server;
    const database = new URL(made.url).pathname.slice(1);
    const client = new pg.Client({ host, port, user, password, database, ssl: false });
    await client.connect();
    await client.query('set role countermand_worker');
    clients.push(client);
    let last: Promise<unknown> = Promise.resolve();
    const ask = async <Row extends object>(text: string, values: readonly Value[]) => {
      const nowMs = Date.now() + opened.clockAheadMs;
      await client.query("select set_config('virtual.now_ms', $1, false)", [String(nowMs)]);
      return (await client.query<Row>(text, [...values])).rows;
    };
    const query: Session['query'] = async <Row extends object>(text: string, values: readonly Value[] = []) => {
      if (virtual.isCutOff) throw new DiskError('cut off');
      asked += 1;
      const answer = last.then(() => ask<Row>(text, values));
      last = answer.catch(() => {});
      return await answer.finally(() => {
        asked -= 1;
      });
    };
    const virtual: VirtualProcess = {
      isCutOff: false,
      isHere: true,
      where: 'the virtual database',
      query,
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
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) await client.end();
      await made[Symbol.asyncDispose]();
    },
  };
  return opened;
}
