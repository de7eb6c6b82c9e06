import { randomUUID } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { homedir, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { systemClock } from '../clock.ts';
import { makeTransport } from '../defender/transport.ts';
import { makeDispatcher } from '../http/dispatcher.ts';
import { credentialSource } from '../identity/credential-source.ts';
import type { SessionSecrets } from '../identity/session-secrets.ts';
import { openSource, readStdin, sourceAt } from '../intake/open-source.ts';
import { readJobText } from '../job/job-text.ts';
import { byOurClock } from '../ledger/call-age.ts';
import type { LedgerSource } from '../ledger/scan-ledger.ts';
import type { SenderId } from '../ledger/sender.ts';
import type { Logger } from '../log.ts';
import { HERE } from '../platform.ts';
import type { Redact } from '../redact.ts';
import type { Context } from '../run/console.ts';
import type { Connection, Interrupts, Machine, Sources } from '../run/machine.ts';
import { fileDisk } from '../store/folder/file-disk.ts';
import { callsElsewhere } from '../store/folder/folder-calls.ts';
import { FolderStore } from '../store/folder/folder-store.ts';
import { putLedgerFile } from '../store/folder/ledger-file.ts';
import type { CallsElsewhere } from '../store/network-store.ts';
import type { Store } from '../store/store.ts';
import { userAgent } from '../version.ts';
import { makeOutputs } from './files/outputs.ts';
import type { StoreAsked } from './flags/store-flag.ts';
import { processConsole } from './terminal/console.ts';
import { type LogWish, makeLog } from './terminal/log.ts';
import type { Guard } from './without-context.ts';

export interface MachineParts {
  log: Logger;
  secrets: SessionSecrets;
  redact: Redact;
  interrupts: Interrupts;
  /** A database; undefined for files. */
  store: StoreAsked | undefined;
}

/** The machine that this process runs on. Throws a UsageError for a store's URL that is refused. */
async function processMachine({ log, secrets, redact, interrupts, store }: MachineParts): Promise<Machine> {
  const { env } = process;
  const cwd = process.cwd();
  return {
    ...{ env, cwd, log, secrets, redact, interrupts, sources },
    clock: systemClock,
    random: Math.random,
    uuid: randomUUID,
    store:
      store === undefined
        ? new FolderStore({ disk: fileDisk, clock: systemClock, log })
        : await databaseAt(store.url, log),
    storeWords: store?.words ?? [],
    outputs: () => makeOutputs({ cwd, secrets }),
    connect: ({ apiUrl }) => connectionTo(apiUrl, env),
  };
}

/** Ledgers as files, beside whatever the store is: what is imported, and where exports go. */
export const ledgerFiles = {
  /** By paths from this folder. */
  at: (cwd: string): LedgerSource => ({ read: (path, offset) => fileDisk.read(resolve(cwd, path), offset) }),
  /** Of the ledgers of a folder, the calls of one sender that may count yet. */
  calls: async (
    folder: string,
    sender: SenderId,
    { withinMs, clock, log }: Pick<Context, 'clock' | 'log'> & { withinMs: number },
  ): Promise<CallsElsewhere[]> => {
    if ((await fileDisk.stat(folder))?.kind !== 'a folder') return [];
    // Neither Defender nor the file system is asked for the time: whoever imports may have no way to the one, and has written nothing to the other.
    const clocks = () => Promise.resolve(byOurClock(clock.wallMs()));
    const store = new FolderStore({ disk: fileDisk, clock, log });
    const held = new Set<string>();
    for (const { name } of (await store.list(folder)) ?? []) {
      if ((await store.holder(name)) !== undefined) held.add(name);
    }
    return await callsElsewhere({ ...sender, folder, disk: fileDisk, log, clocks, withinMs, held });
  },
  put: (path: string, bytes: AsyncIterable<Uint8Array>) => putLedgerFile(fileDisk, path, bytes),
};

/** Loaded only where there is one: its client takes longer to load than many commands to run. */
async function databaseAt(url: string, log: Logger): Promise<Store> {
  const [{ openDatabase }, { PostgresStore }] = await Promise.all([
    import('../store/postgres/database.ts'),
    import('../store/postgres/postgres-store.ts'),
  ]);
  const passwordFile = await readPasswordFile(log);
  const database = await openDatabase(url, { env: process.env, passwordFile, log });
  const self = { pid: process.pid, host: hostname() };
  return new PostgresStore({ database, clock: systemClock, log, self, uuid: randomUUID });
}

/** PostgreSQL's, where there is one that only this user can read: as its own programs do it, another is passed over. */
async function readPasswordFile(log: Logger): Promise<string | undefined> {
  const path = process.env['PGPASSFILE'] ?? join(homedir(), '.pgpass');
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || !found.isFile()) return undefined;
  if (HERE.hasModes && (found.mode & 0o077) !== 0) {
    log.warn(`${path} can be read by others, so no password is taken from it: run chmod 600 ${path}`);
    return undefined;
  }
  return await readFile(path, 'utf8').catch(() => undefined);
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

/** What a command wants of its surroundings. */
export interface ContextWish extends LogWish {
  /** A database; undefined for files. */
  store: StoreAsked | undefined;
}

/** Throws a UsageError for a store's URL that is refused. */
export async function processContext(wish: ContextWish, guard: Guard, interrupts: Interrupts): Promise<Context> {
  const log = await makeLog(wish, process.env);
  const machine = await processMachine({ ...guard, log, interrupts, store: wish.store });
  return { ...machine, ...processConsole({ env: process.env, log }) };
}
