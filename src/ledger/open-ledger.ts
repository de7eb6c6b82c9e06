import { createHash, randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import type { Clock } from '../clock.ts';
import { troubleInWords } from '../disk-trouble.ts';
import { CountermandError, DiskError, UsageError } from '../errors.ts';
import { type Logger, silentLog } from '../log.ts';
import { keepAll, type Redact } from '../redact.ts';
import { Appender } from './appender.ts';
import type { AppendFile, Disk } from './disk.ts';
import { FileLedger } from './file-ledger.ts';
import type { HeldLock } from './held-lock.ts';
import { type Processes, systemProcesses } from './holder.ts';
import { acquireLock } from './lock.ts';
import { Projection } from './projection.ts';
import { project, throwIfDamaged } from './read-ledger.ts';
import { LEDGER_FORMAT, type OpenFields } from './record.ts';
import { isBeginning } from './refuse-other-file.ts';

export interface OpenLedgerOptions {
  path: string;
  disk: Disk;
  clock: Clock;
  log?: Logger;
  /** Takes this session's secrets out of what is recorded. */
  redact?: Redact;
  /** Who works on it from now on: the next session's `open` record. */
  open: Pick<OpenFields, 'tool' | 'tenant' | 'client' | 'api' | 'job'>;
  /**
   * What may be there already. `any`: begun where there is none, else gone on with. `existing`: there must be one. `plan`: a plan that
   * was not started is replaced by a new ledger, anything started is refused.
   * @default 'any'
   */
  existing?: 'any' | 'existing' | 'plan';
  /** @default this machine's */
  processes?: Processes;
  /** UUID of a new run. @default a random one */
  run?: string;
}

/**
 * Opens a ledger to write: takes its lock and the lock of the one sender (tenant, client and host, per folder), reads and checks what is
 * there, cuts a torn tail, and begins the next session with a durable `open` record.
 *
 * Throws a HeldError (exit 11) when another process holds either lock; a DamageError (exit 12) when the ledger does not fit its chain; a
 * UsageError (exit 2) when it is no ledger, another tenant's or host's, of a newer format, started although a plan was to be replaced, or its folder
 * cannot be written; a DiskError (exit 6) when the disk is full or fails.
 */
export async function openLedger(options: OpenLedgerOptions): Promise<FileLedger> {
  const { path, disk, open } = options;
  const locks: HeldLock[] = [];
  let file: AppendFile | undefined;
  try {
    await disk.makeFolder(dirname(path));
    if (options.existing === 'existing' && (await disk.stat(path)) === undefined) {
      throw new UsageError(`There is no ledger ${path}: check the name.`);
    }
    locks.push(await lock(options, `${path}.lock`, `the ledger ${path}`));
    const folder = dirname(path);
    locks.push(
      await lock(options, senderLockPath(folder, open), `sending as ${open.client} from the folder ${folder}`),
    );
    const { book, head, size } = await readForWriting(options, locks);
    const modifiedMs = (await disk.stat(path))?.modifiedMs;
    const fileAheadMs = modifiedMs === undefined || book.lastSeq === 0 ? 0 : modifiedMs - book.lastAtMs;
    file = await disk.openAppend(path);
    if (file.size > size) {
      await assertHeld(locks);
      await cutTail(file, size, options);
    }
    if (size === 0) await disk.syncFolder(folder);
    await warnOfMode(options);
    const appender = new Appender(file, path, () => {
      for (const held of locks) held.assertFresh();
    });
    const ledger = new FileLedger({ ...partsOf(options), book, head, appender, locks, fileAheadMs });
    const run = book.run === '' ? (options.run ?? randomUUID()) : book.run;
    await ledger.open({ format: LEDGER_FORMAT, run, session: book.sessions.length + 1, ...openOf(open) });
    return ledger;
  } catch (error) {
    await file?.close().catch(() => undefined);
    for (const held of locks) await held[Symbol.asyncDispose]().catch(() => undefined);
    throw explain(error, path);
  }
}

/** The lock that all ledgers of one application, tenant and API host in a folder share. */
export function senderLockPath(folder: string, { tenant, client, api }: SenderId): string {
  const sender = createHash('sha256')
    .update(`${tenant}\n${client}\n${hostOf(api)}`.toLowerCase())
    .digest('hex');
  return join(folder, `.countermand-${sender.slice(0, 16)}.lock`);
}

export type SenderId = Pick<OpenFields, 'tenant' | 'client' | 'api'>;

/** Host and port of an API's base URL. */
export function hostOf(api: string): string {
  return URL.canParse(api) ? new URL(api).host : api;
}

/** Before anything of the file is taken away: a process that stood still while it read would take away what its successor wrote. */
async function assertHeld(locks: readonly HeldLock[]): Promise<void> {
  for (const held of locks) await held.assertHeld();
}

async function readForWriting(
  options: OpenLedgerOptions,
  locks: readonly HeldLock[],
): Promise<{ book: Projection; head: string; size: number }> {
  const { path, disk, open } = options;
  const fresh = { book: new Projection(), head: '', size: 0 };
  if ((await disk.stat(path)) === undefined) return fresh;
  const { book, scanned, torn } = await project(path, disk);
  throwIfDamaged(path, scanned.fault);
  if (scanned.records === 0) {
    if (!isBeginning(torn)) throwIfDamaged(path, { line: 1, what: 'is not a record of a ledger' });
    return fresh;
  }
  if (options.existing === 'plan') {
    await assertHeld(locks);
    await setAside(book, options);
    return fresh;
  }
  refuseOther(book, path, open);
  return { book, head: scanned.head, size: scanned.bytes };
}

/** Renamed, not removed: its lookups of the last hour still count against the quota, and the folder is searched for them. */
async function setAside(book: Projection, { path, disk, log }: OpenLedgerOptions): Promise<void> {
  if (book.start !== undefined) {
    throw new UsageError(
      `The ledger ${path} was started already, and only a plan can be replaced by a plan: resume it, or name another with --ledger.`,
    );
  }
  const kept = `${path}.replaced-${book.run.slice(0, 8)}`;
  await disk.rename(path, kept);
  log?.warn(
    { kept },
    `the plan that was at ${path} is kept as ${kept}: its lookups count against the quota for an hour, and then it can be deleted`,
  );
}

function refuseOther(book: Projection, path: string, open: SenderId): void {
  const old = book.sessions.at(-1)?.opened;
  if (old === undefined) return;
  if (old.tenant.toLowerCase() !== open.tenant.toLowerCase()) {
    throw new UsageError(
      `The ledger ${path} is of tenant ${old.tenant}, not of ${open.tenant}: give the right tenant, or another ledger with --ledger.`,
    );
  }
  if (old.api !== open.api) {
    throw new UsageError(
      `The ledger ${path} is of the API ${old.api}, not of ${open.api}: give the right host, or another ledger with --ledger.`,
    );
  }
}

async function cutTail(file: AppendFile, size: number, { path, log }: OpenLedgerOptions): Promise<void> {
  const bytes = file.size - size;
  await file.truncate(size);
  await file.datasync();
  log?.warn({ bytes }, `the last write to ${path} was cut off: its ${bytes} bytes were removed`);
}

async function warnOfMode({ path, disk, log }: OpenLedgerOptions): Promise<void> {
  const mode = (await disk.stat(path))?.mode;
  if (mode === undefined || (mode & 0o077) === 0) return;
  log?.warn(
    `the ledger ${path} can be read by others (mode ${mode.toString(8)}): it holds device names and users; keep its folder private`,
  );
}

function lock(options: OpenLedgerOptions, path: string, what: string): Promise<HeldLock> {
  const { disk, clock, processes = systemProcesses() } = options;
  return acquireLock({ path, what, disk, clock, processes, log: options.log ?? silentLog, ledger: options.path });
}

function partsOf({ path, clock, log = silentLog, redact = keepAll }: OpenLedgerOptions) {
  return { path, clock, log, redact };
}

function openOf({ tool, tenant, client, api, job }: OpenLedgerOptions['open']): OpenLedgerOptions['open'] {
  return { tool, tenant, client, api, job };
}

const UNWRITABLE = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG', 'ELOOP', 'ENOENT', 'EEXIST'];

/** A disk's error as a sentence; any other error as it is. */
function explain(error: unknown, path: string): unknown {
  if (error instanceof CountermandError || !(error instanceof Error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) return error;
  if (UNWRITABLE.includes(code)) {
    return new UsageError(
      `The ledger ${path} cannot be written (${troubleInWords(error)}): make its folder writable, or name another with --ledger.`,
      { cause: error },
    );
  }
  return new DiskError(
    `The ledger ${path} could not be opened (${troubleInWords(error)}): nothing was sent. Make room or repair the disk, then run again.`,
    { cause: error },
  );
}
