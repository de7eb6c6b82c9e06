import pg from 'pg';
import { RefusedError, UsageError } from '../../errors.ts';
import { readSecret } from '../../identity/secret-value.ts';
import type { Logger } from '../../log.ts';
import type { DatabaseAccess } from '../network-store.ts';
import { passwordIn } from './password-file.ts';
import { parseStoreUrl, type StoreUrl } from './store-url.ts';
import { storeTrouble } from './trouble.ts';

/** What a statement may hand over; always as parameters, never in its text. */
export type Value = string | number | boolean | null | Uint8Array | readonly string[] | readonly number[];

export interface Session {
  /** Rows of one statement. Numbers of the type bigint and times come as text: let SQL say what they should be. */
  query<Row extends object>(text: string, values?: readonly Value[]): Promise<Row[]>;
}

/**
 * A PostgreSQL database, over a few connections. Errors are sentences: a UsageError (exit 2) for a wrong password, missing rights or another schema, a
 * DiskError (exit 6) for a server that cannot be reached, fails or does not answer in time. Their `cause` is what PostgreSQL said.
 */
export interface Database extends Session, AsyncDisposable {
  /** For messages, without secrets. */
  readonly where: string;
  /** It is on this machine. */
  readonly isHere: boolean;
  /** The first column of each row, a bytea, exactly as it is: several times as fast as `query` hands it over. There is at least one value. */
  bytes(text: string, values: readonly Value[]): Promise<Buffer[]>;
  readonly access: DatabaseAccess;
  /** Runs `work` on one connection between BEGIN and COMMIT; ROLLBACK when it throws. */
  transaction<T>(work: (session: Session) => Promise<T>): Promise<T>;
}

export interface DatabaseOptions {
  /** Where the password is looked for. */
  env: Readonly<Record<string, string | undefined>>;
  /** What stands in PostgreSQL's password file, where the environment has no password. @default nothing */
  passwordFile?: string | undefined;
  log: Logger;
  /** Shown in the server's list of sessions. @default countermand */
  application?: string;
  /** Connections at most. @default 4 */
  connections?: number;
  /** Until the server has let us in. @default 10_000 */
  connectTimeoutMs?: number;
  /** A statement that takes longer is ended by the server. @default 5_000 */
  statementTimeoutMs?: number;
}

/** Behind the server's own limit: a server that is gone ends nothing. */
const ANSWER_GRACE_MS = 2_000;
const IDLE_IN_TRANSACTION_MS = 10_000;

/** The driver takes whatever comes for UTF-8. This stands for what is none, or for itself. */
const NOT_UTF8 = '\uFFFD';
const AS_SENT: pg.CustomTypesConfig = { getTypeParser: () => (value: unknown) => value };

/** Opens the database of a `--store` URL. Connects only when something is asked. Throws a UsageError for a URL that is refused. */
export async function openDatabase(text: string, options: DatabaseOptions): Promise<Database> {
  const url = parseStoreUrl(text);
  const { log, application = 'countermand', connections = 4 } = options;
  const { connectTimeoutMs = 10_000, statementTimeoutMs = 5_000 } = options;
  const password = (await passwordOf(options.env)) ?? passwordIn(options.passwordFile ?? '', url);
  const access: DatabaseAccess = {
    ...{ host: url.host, port: url.port, user: url.user, database: url.database, ssl: tlsOf(url) },
    ...(password === undefined ? {} : { password }),
  };
  const pool = new pg.Pool({
    ...access,
    application_name: application,
    max: connections,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + ANSWER_GRACE_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    keepAlive: true,
    allowExitOnIdle: true,
  });
  // An idle connection that breaks: the next statement takes a new one.
  // Its error holds the connection with all that it was opened with, which is for no log.
  pool.on('error', ({ message }) => log.debug(`a connection to ${url.where} broke (${message})`));
  return new PoolDatabase(pool, url, access);
}

class PoolDatabase implements Database {
  readonly where: string;
  readonly isHere: boolean;
  readonly access: DatabaseAccess;
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool, { where, isHere }: StoreUrl, access: DatabaseAccess) {
    this.#pool = pool;
    this.access = access;
    this.where = where;
    this.isHere = isHere;
  }

  async query<Row extends object>(text: string, values: readonly Value[] = []): Promise<Row[]> {
    try {
      return (await this.#pool.query<Row>(text, [...values])).rows;
    } catch (error) {
      throw storeTrouble(error, this.where);
    }
  }

  async bytes(text: string, values: readonly Value[]): Promise<Buffer[]> {
    try {
      // Asked for in text, bytes come as hex digits: twice as many, for both sides to convert.
      const wanted: pg.QueryArrayConfig & { binary: true } = {
        ...{ text, values: [...values], rowMode: 'array', binary: true, types: AS_SENT },
      };
      const parts = (await this.#pool.query<[string]>(wanted)).rows.map(([part]) => Buffer.from(part));
      if (!parts.some((part) => part.includes(NOT_UTF8))) return parts;
      const exact = await this.#pool.query<[Buffer]>({ text, values: [...values], rowMode: 'array' });
      return exact.rows.map(([part]) => part);
    } catch (error) {
      throw storeTrouble(error, this.where);
    }
  }

  async transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw storeTrouble(error, this.where);
    });
    let broken: Error | boolean = false;
    // Without a listener, a connection that breaks between two statements would end the process.
    client.on('error', (error) => {
      broken = error;
    });
    try {
      await client.query('begin');
      const result = await work({
        query: async <Row extends object>(text: string, values: readonly Value[] = []) =>
          (await client.query<Row>(text, [...values])).rows,
      });
      await client.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback').catch(() => {
        broken = true;
      });
      throw storeTrouble(error, this.where);
    } finally {
      client.release(broken);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#pool.ended) await this.#pool.end();
  }
}

function tlsOf({ tls }: StoreUrl): DatabaseAccess['ssl'] {
  if (tls === 'none') return false;
  // Said here, it is not for NODE_TLS_REJECT_UNAUTHORIZED or PGSSLMODE to say.
  return { rejectUnauthorized: tls === 'verified' };
}

/** Undefined where the environment has none. Throws a UsageError for a file that cannot be read. */
async function passwordOf(env: DatabaseOptions['env']): Promise<string | undefined> {
  try {
    return (await readSecret(env, 'COUNTERMAND_STORE_PASSWORD'))?.value ?? (env['PGPASSWORD'] || undefined);
  } catch (error) {
    // Of a credential it would be a refusal; here it is a variable to correct.
    throw error instanceof RefusedError ? new UsageError(error.message, { cause: error }) : error;
  }
}
