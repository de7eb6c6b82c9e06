import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { systemClock } from '../clock.ts';
import { makeTransport } from '../defender/transport.ts';
import { makeDispatcher } from '../http/dispatcher.ts';
import { credentialSource } from '../identity/open-token-source.ts';
import type { SessionSecrets } from '../identity/session-secrets.ts';
import { openSource, readStdin, sourceAt } from '../intake/open-source.ts';
import { readJobText } from '../job/job-file.ts';
import type { LedgerSource } from '../ledger/read-ledger.ts';
import type { Logger } from '../log.ts';
import type { Redact } from '../redact.ts';
import type { Interrupts } from '../run/interrupts.ts';
import type { Connection, Machine, Sources } from '../run/machine.ts';
import { fileDisk } from '../store/folder/file-disk.ts';
import { FolderStore } from '../store/folder/folder-store.ts';
import { putLedgerFile } from '../store/folder/ledger-file.ts';
import type { Store } from '../store/store.ts';
import { userAgent } from '../version.ts';
import { makeOutputs } from './files/outputs.ts';

export interface MachineParts {
  log: Logger;
  secrets: SessionSecrets;
  redact: Redact;
  interrupts: Interrupts;
  /** Of a database; undefined for files. */
  storeUrl: string | undefined;
}

/** The machine that this process runs on. Throws a UsageError for a store's URL that is refused. */
export async function processMachine({ log, secrets, redact, interrupts, storeUrl }: MachineParts): Promise<Machine> {
  const { env } = process;
  const cwd = process.cwd();
  return {
    ...{ env, cwd, log, secrets, redact, interrupts, sources },
    clock: systemClock,
    random: Math.random,
    uuid: randomUUID,
    store:
      storeUrl === undefined
        ? new FolderStore({ disk: fileDisk, clock: systemClock, log })
        : await databaseAt(storeUrl, log),
    outputs: () => makeOutputs({ cwd, secrets }),
    connect: ({ apiUrl }) => connectionTo(apiUrl, env),
  };
}

/** Ledgers as files, beside whatever the store is: what is imported, and where exports go. */
export const ledgerFiles = {
  /** By paths from this folder. */
  at: (cwd: string): LedgerSource => ({ read: (path, offset) => fileDisk.read(resolve(cwd, path), offset) }),
  put: (path: string, bytes: AsyncIterable<Uint8Array>) => putLedgerFile(fileDisk, path, bytes),
};

/** Loaded only where there is one: its client takes longer to load than many commands to run. */
async function databaseAt(url: string, log: Logger): Promise<Store> {
  const [{ openDatabase }, { PostgresStore }] = await Promise.all([
    import('../store/postgres/database.ts'),
    import('../store/postgres/postgres-store.ts'),
  ]);
  const database = await openDatabase(url, { env: process.env, log });
  const self = { pid: process.pid, host: hostname() };
  return new PostgresStore({ database, clock: systemClock, log, self, uuid: randomUUID });
}

const sources: Sources = {
  at: sourceAt,
  open: openSource,
  stdin: () => readStdin(),
  job: readJobText,
};

function connectionTo(apiUrl: string, env: Machine['env']): Connection {
  const dispatcher = makeDispatcher({ env });
  return {
    transport: (how = {}) => makeTransport({ dispatcher, apiUrl, userAgent: userAgent(), ...how }),
    credential: (kind, parts) => credentialSource(kind, { ...parts, dispatcher }),
    end: () => dispatcher.end(),
  };
}
