import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../src/clock.ts';
import { systemClock } from '../../../src/clock.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { silentLog } from '../../../src/log.ts';
import { type Database, openDatabase } from '../../../src/store/postgres/database.ts';
import { PostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import type { BeginSession, HoldRun } from '../../../src/store/store.ts';
import { FROZEN_JOB } from '../../support/frozen-job.ts';
import type { TestDatabase } from '../../support/postgres.ts';

export const OPEN = {
  tool: 'countermand 1.0.0',
  tenant: '11111111-1111-4111-8111-111111111111',
  client: '22222222-2222-4222-8222-222222222222',
  api: 'https://api.example.com',
  job: FROZEN_JOB,
};

/** The lease, and a little: after so long another may have the run. */
export const UNTIL_FREE_MS = 16_000;

export interface StoreOfProcess extends AsyncDisposable {
  store: PostgresStore;
  database: Database;
  open(name: string, more?: Partial<HoldRun & BeginSession>): Promise<Ledger>;
}

interface ProcessOptions {
  url?: string;
  clock?: Clock;
  password?: string;
  /** With one, what is asked later is answered later. @default 4 */
  connections?: number;
}

let lastPid = 0;

/** The store as one more process has it: with its own connections and clock. */
export async function processAt(
  made: TestDatabase,
  { url = made.url, clock = systemClock, password, connections = 4 }: ProcessOptions = {},
): Promise<StoreOfProcess> {
  const env = password === undefined ? made.passwordOf(url) : { COUNTERMAND_STORE_PASSWORD: password };
  const database = await openDatabase(url, { env, log: silentLog, connections });
  const self = { pid: ++lastPid, host: 'host-1' };
  const store = new PostgresStore({ database, clock, log: silentLog, self, uuid: randomUUID });
  return {
    ...{ store, database },
    open: async (name, more = {}) => {
      const held = await store.hold({ name, ...more });
      try {
        return await held.begin({ open: OPEN, ...more });
      } catch (error) {
        await held[Symbol.asyncDispose]();
        throw error;
      }
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

export function id(n: number): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
}

/** Admits `count` actions and starts. */
export async function begin(ledger: Ledger, count: number): Promise<void> {
  ledger.beginIntake();
  for (let n = 1; n <= count; n++) await ledger.admit({ id: id(n), line: n });
  await ledger.intake({ admitted: count, rejected: 0, bytes: 37 * count, sha256: 'ab'.repeat(32) });
  await ledger.start({ by: 'yes', count });
}

export async function bytesOf({ store }: Pick<StoreOfProcess, 'store'>, name: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of store.read(name)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
