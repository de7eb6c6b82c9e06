import { createHash, randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import type { Clock } from '../../clock.ts';
import { ChangedLedgerError, DiskError, UsageError } from '../../errors.ts';
import { Ledger } from '../../ledger/ledger.ts';
import { isBeginning, project, throwIfDamaged } from '../../ledger/read-ledger.ts';
import { LEDGER_FORMAT } from '../../ledger/record.ts';
import { type SenderId, senderName } from '../../ledger/sender.ts';
import { Projection } from '../../ledger/state/projection.ts';
import { silentLog } from '../../log.ts';
import { keepAll } from '../../redact.ts';
import type { OpenRun } from '../store.ts';
import { type AppendFile, type Disk, type FileFacts, noFile } from './disk.ts';
import { FolderTape } from './folder-tape.ts';
import type { HeldLock } from './held-lock.ts';
import { type Processes, systemProcesses } from './holder.ts';
import { acquireLock } from './lock.ts';
import { openTrouble, refuseLongName } from './open-trouble.ts';
import { OwnFile } from './own-file.ts';
import { refuseOther } from './refuse-other.ts';

/** One session that is to be begun on the ledger at `path`. */
export interface OpenLedgerOptions extends Omit<OpenRun, 'name'> {
  path: string;
  disk: Disk;
  clock: Clock;
  /** @default this machine's */
  processes?: Processes;
}

/** An open ledger, and what only its folder knows of it. */
export interface OpenedLedger {
  ledger: Ledger;
  /** The file's modification time before this session minus the time of the last record then. */
  fileAheadMs: number;
  /**
   * Takes the lock of this sender too: once a token shows who it is for, that is who we are, whatever we were called. To be called before anything is
   * sent. Throws a LockedError (exit 11) when another run sends as this one from the folder.
   */
  holdSender(sender: SenderId): Promise<void>;
}

/**
 * Opens a ledger to write, by its real path: takes its lock and the lock of the one sender (tenant, client and service, per folder), reads and
 * checks what is there through the one handle that is written to later, cuts a torn tail, and begins the next session with a durable `open` record.
 *
 * Throws a LockedError (exit 11) when another process holds either lock; a ChangedLedgerError when it is not as it was read; a DamageError
 * (exit 12) when the ledger does not fit its chain; a UsageError (exit 2) when it is no ledger, no regular file with one name, another tenant's or
 * host's, of a newer format, started although a plan was to be replaced, or its folder cannot be written; a DiskError (exit 6) when the disk is full
 * or fails; the signal's reason when that ended a wait.
 */
export async function openLedger(given: OpenLedgerOptions): Promise<OpenedLedger> {
  const { disk, open, signal } = given;
  const locks: HeldLock[] = [];
  let file: AppendFile | undefined;
  try {
    const options = { ...given, path: await placeOf(given) };
    const { path } = options;
    refuseLongName(path);
    const folder = dirname(path);
    const ledgerLock = await lock(options, `${path}.lock`, `the ledger ${path}`);
    locks.push(ledgerLock);
    const lockSender = senderLocks(options, folder);
    const senderLock = await lockSender(open, locks);
    if (senderLock !== undefined) locks.push(senderLock);

    const existed = await disk.stat(path);
    if (existed === undefined && (given.head ?? '') !== '') throw changed(path);
    file = await disk.openAppend(path);
    const read = await readForWriting(options, file, locks);
    const { state, head, size } = read;
    if (read.replaces) {
      await file.close();
      file = await disk.openAppend(path);
      if (file.size > 0) throw changed(path);
    }
    const { identity } = refuseLinked(await file.facts(), path);
    const own = new OwnFile({ path, disk, file, identity });
    // It may have grown since it was opened, or since it was read.
    await refusingChanges(own.assertUntouched(), path);
    if (file.size > size) {
      await assertHeld(locks);
      await cutTail(file, size, options);
    }
    if (size === 0) await disk.syncFolder(folder);
    await warnOfMode(options);
    ledgerLock.lookAlso(own);
    const { log = silentLog, clock, redact = keepAll } = options;
    const tape = new FolderTape({
      file,
      own,
      assertFresh: () => {
        for (const held of locks) held.assertFresh();
      },
      keptAs: () => `${state.run.slice(0, 8)}-${state.sessions.length}`,
      log,
    });
    const { trace } = options;
    const ledger = new Ledger({ name: path, clock, log, redact, trace, state, head, tape, holds: locks });
    const { modifiedMs } = existed ?? {};
    const fileAheadMs = modifiedMs === undefined || state.lastSeq === 0 ? 0 : modifiedMs - state.lastAtMs;
    const holdSender = async (sender: SenderId) => {
      const more = await lockSender(sender, locks);
      if (more === undefined) return;
      locks.push(more);
      ledger.alsoHold(more);
    };
    const run = state.run === '' ? (options.run ?? randomUUID()) : state.run;
    await refusingChanges(own.look(), path);
    const opened = ledger.open({ format: LEDGER_FORMAT, run, session: state.sessions.length + 1, ...openOf(open) });
    await opened.catch((error: unknown) => {
      throw own.isReplaced ? changed(path) : error;
    });
    return { ledger, fileAheadMs, holdSender };
  } catch (error) {
    await file?.close().catch(() => undefined);
    for (const held of locks) await held[Symbol.asyncDispose]().catch(() => undefined);
    throw signal?.aborted && error === signal.reason ? error : openTrouble(error, given.path);
  }
}

/** The one path of the ledger, and of its lock. Throws a UsageError where there is none although there must be one. */
async function placeOf({ path, disk, existing }: OpenLedgerOptions): Promise<string> {
  if (existing === 'existing' && (await disk.stat(path)) === undefined) {
    throw new UsageError(`There is no ledger ${path}: check the name.`);
  }
  await disk.makeFolder(dirname(path));
  const real = await disk.realPath(path);
  const there = await disk.stat(real);
  // Before any lock is waited for; the open handle is asked again.
  if (there !== undefined) refuseLinked(there, real);
  return real;
}

/** Throws a UsageError for what is no regular file with one name: with two names it would have two locks. */
export function refuseLinked(facts: FileFacts, path: string): FileFacts {
  if (facts.kind !== 'a file') throw noFile(path, facts.kind);
  if (facts.links > 1) {
    throw new UsageError(
      `The ledger ${path} has ${facts.links} names (hard links), and two runs could work on it at once: remove the others, or copy it to a file of its own.`,
    );
  }
  return facts;
}

/** What another program does to a ledger while it is being opened, before anything is written to it. */
async function refusingChanges(look: Promise<void>, path: string): Promise<void> {
  try {
    await look;
  } catch (error) {
    throw error instanceof DiskError ? changed(path) : error;
  }
}

function changed(path: string): ChangedLedgerError {
  return new ChangedLedgerError(
    `The ledger ${path} was changed by another program while it was being opened: nothing was sent. Run again once nobody else works on it.`,
  );
}

/** Takes locks of senders in the ledger's folder, each once. */
function senderLocks(
  options: OpenLedgerOptions,
  folder: string,
): (sender: SenderId, held: readonly HeldLock[]) => Promise<HeldLock | undefined> {
  return async (sender, held) => {
    const path = senderLockPath(folder, sender);
    if (held.some((each) => each.path === path)) return undefined;
    return await lock(options, path, `sending as ${sender.client} from the folder ${folder}`);
  };
}

/** The lock that all ledgers of one application, tenant and service in a folder share. */
export function senderLockPath(folder: string, sender: SenderId): string {
  const name = createHash('sha256').update(senderName(sender)).digest('hex');
  return join(folder, `.countermand-${name.slice(0, 16)}.lock`);
}

/** Before anything of the file is taken away: a process that stood still while it read would take away what its successor wrote. */
async function assertHeld(locks: readonly HeldLock[]): Promise<void> {
  for (const held of locks) await held.assertHeld();
}

interface ReadForWriting {
  state: Projection;
  head: string;
  /** Bytes of its whole records. */
  size: number;
  /** It was a plan that is set aside: a new file takes its place. */
  replaces: boolean;
}

/** What the open file says, and whether it may be gone on with. */
async function readForWriting(
  options: OpenLedgerOptions,
  file: AppendFile,
  locks: readonly HeldLock[],
): Promise<ReadForWriting> {
  const { path } = options;
  const fresh = { state: new Projection(), head: '', size: 0, replaces: false };
  const { state, scanned, torn } = await project(path, { read: () => file.read() }, options.trace);
  throwIfDamaged(path, scanned.fault);
  if (options.head !== undefined && scanned.head !== options.head) throw changed(path);
  if (scanned.records === 0) {
    if (!isBeginning(torn)) throwIfDamaged(path, { line: 1, what: 'is not a record of a ledger' });
    return fresh;
  }
  if (options.existing === 'plan') {
    await assertHeld(locks);
    await setAside(state, options);
    options.trace?.restart();
    return { ...fresh, replaces: true };
  }
  refuseOther(state, options);
  return { state, head: scanned.head, size: scanned.bytes, replaces: false };
}

/** Renamed, not removed: its lookups of the last hour still count against the quota, and the folder is searched for them. */
async function setAside(state: Projection, { path, disk, log }: OpenLedgerOptions): Promise<void> {
  if (state.start !== undefined) {
    throw new UsageError(
      `The ledger ${path} was started already, and only a plan can be replaced by a plan: resume it, or name another with --ledger.`,
    );
  }
  const kept = `${path}.replaced-${state.run.slice(0, 8)}`;
  await disk.rename(path, kept);
  log?.warn(
    { kept },
    `the plan that was at ${path} is kept as ${kept}: its lookups count against the quota for an hour, and then it can be deleted`,
  );
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
  const { disk, clock, say, signal, processes = systemProcesses() } = options;
  const log = options.log ?? silentLog;
  return acquireLock({ path, what, disk, clock, processes, log, ledger: options.path, say, signal });
}

function openOf({ tool, tenant, client, api, job }: OpenLedgerOptions['open']): OpenLedgerOptions['open'] {
  return { tool, tenant, client, api, job };
}
