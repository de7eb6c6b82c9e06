import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../../clock.ts';
import {
  ChangedLedgerError,
  CountermandError,
  DiskError,
  LockedError,
  SenderHeldError,
  UsageError,
} from '../../errors.ts';
import { hasCode, remedyFor, troubleInWords } from '../../fs-errors.ts';
import { releaseListOf } from '../../ledger/outcomes.ts';
import { project, type Reading } from '../../ledger/read-ledger.ts';
import { isBeginning } from '../../ledger/scan-ledger.ts';
import { type SenderId, senderName } from '../../ledger/sender.ts';
import { silentLog } from '../../log.ts';
import type { HoldRun } from '../store.ts';
import { type AppendFile, type Disk, type FileFacts, NO_FILE, noFile } from './disk.ts';
import type { HeldLock } from './held-lock.ts';
import { type Processes, systemProcesses } from './holder.ts';
import { acquireLock } from './lock.ts';
import { OwnFile } from './own-file.ts';

/** The ledger at `path` that is to be held. */
export interface HoldLedgerOptions extends Omit<HoldRun, 'name'> {
  path: string;
  disk: Disk;
  clock: Clock;
  /** @default this machine's */
  processes?: Processes;
}

/** A ledger under its lock, and what it said when it was read. Disposed of, its file is as it was found. */
export interface HeldLedger extends AsyncDisposable {
  /** Without symbolic links. */
  readonly path: string;
  readonly options: HoldLedgerOptions;
  readonly locks: Locks;
  /** The one handle by which it was read and is written to; undefined where there is no file. */
  readonly opened: OwnedFile | undefined;
  readonly found: Reading;
  /** The file's modification time minus the time of its last record. */
  readonly fileAheadMs: number;
  /** From now on file and locks are a ledger's, and disposing of this gives nothing back. */
  handOver(): void;
}

/** A file that is open to be written to, and watched for what others do to it. */
export interface OwnedFile {
  file: AppendFile;
  own: OwnFile;
}

/**
 * Takes the lock of a ledger, by its real path, and reads and checks what is there. Makes no file but the lock.
 * Throws what `Store.hold` does.
 */
export async function holdLedger(options: HoldLedgerOptions): Promise<HeldLedger> {
  const { disk, existing, head, trace, signal } = options;
  let locks: Locks | undefined;
  let file: AppendFile | undefined;
  try {
    const path = await placeOf(options);
    refuseLongName(path);
    locks = new Locks(path, options);
    await locks.take(`${path}.lock`, `the ledger ${path}`);
    file = await openIfThere(disk, path);
    if (file === undefined && existing === 'existing') throw noLedger(options.path);
    const modifiedMs = (await file?.facts())?.modifiedMs;
    const bytes = { read: () => file?.read() ?? NOTHING };
    const found = await project(path, bytes, { trace, head, signal });
    const { fault, torn, records, state } = found;
    if (fault === undefined && records === 0 && !isBeginning(torn)) {
      found.fault = { line: 1, what: 'is not a record of a ledger' };
    }
    if (existing === 'none' && records > 0) throw changed(path);
    // It may have grown since it was opened, or since it was read.
    const opened = file === undefined ? undefined : await ownedFile(path, file, disk);
    const fileAheadMs = modifiedMs === undefined || records === 0 ? 0 : modifiedMs - state.lastAtMs;
    const held = { path, options, locks, opened, found, fileAheadMs };
    let isOurs = true;
    const handOver = () => {
      isOurs = false;
    };
    const dispose = async () => {
      if (isOurs) await giveBack(opened?.file, held.locks);
      isOurs = false;
    };
    return { ...held, handOver, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await giveBack(file, locks);
    throw signal?.aborted && error === signal.reason ? error : openTrouble(error, options.path, existing);
  }
}

const NOTHING: AsyncIterable<Uint8Array> = {
  [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: true, value: undefined }) }),
};

async function giveBack(file: AppendFile | undefined, locks: Locks | undefined): Promise<void> {
  await file?.close().catch(() => undefined);
  await locks?.[Symbol.asyncDispose]();
}

/** The locks of a session: its ledger's, then its senders', each once. */
export class Locks implements AsyncDisposable {
  readonly #path: string;
  readonly #options: HoldLedgerOptions;
  readonly #held: HeldLock[] = [];

  constructor(path: string, options: HoldLedgerOptions) {
    this.#path = path;
    this.#options = options;
  }

  get all(): readonly HeldLock[] {
    return this.#held;
  }

  /** `what` is held, for messages. Undefined for one that is held already. Throws as `acquireLock` does. */
  async take(path: string, what: string): Promise<HeldLock | undefined> {
    if (this.#held.some((each) => each.path === path)) return undefined;
    const { disk, clock, say, signal, log = silentLog, processes = systemProcesses() } = this.#options;
    const lock = await acquireLock({ path, what, disk, clock, processes, log, ledger: this.#path, say, signal });
    this.#held.push(lock);
    return lock;
  }

  /** Throws a SenderHeldError where another run has it. */
  async takeSender(sender: SenderId): Promise<HeldLock | undefined> {
    const folder = dirname(this.#path);
    try {
      return await this.take(senderLockPath(folder, sender), `sending as ${sender.client} from the folder ${folder}`);
    } catch (error) {
      throw error instanceof LockedError ? new SenderHeldError(error.message, { cause: error }) : error;
    }
  }

  assertFresh(): void {
    for (const lock of this.#held) lock.assertFresh();
  }

  /** Looks at each: a process that stood still would write beside its successor, or take away what that wrote. */
  async assertHeld(): Promise<void> {
    for (const lock of this.#held) await lock.assertHeld();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const lock of this.#held) await lock[Symbol.asyncDispose]().catch(() => undefined);
  }
}

/** The lock that all ledgers of one application, tenant and service in a folder share. */
export function senderLockPath(folder: string, sender: SenderId): string {
  const name = createHash('sha256').update(senderName(sender)).digest('hex');
  return join(folder, `.countermand-${name.slice(0, 16)}.lock`);
}

/** The one path of the ledger, and of its lock. Throws a UsageError where there is none although there must be one. */
async function placeOf({ path, disk, existing }: HoldLedgerOptions): Promise<string> {
  if (existing === 'existing' && (await disk.stat(path)) === undefined) throw noLedger(path);
  await disk.makeFolder(dirname(path));
  const real = await disk.realPath(path);
  const there = await disk.stat(real);
  // Before any lock is waited for; the open handle is asked again.
  if (there !== undefined) refuseLinked(there, real);
  return real;
}

async function openIfThere(disk: Disk, path: string): Promise<AppendFile | undefined> {
  try {
    return await disk.openAppend(path, false);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Throws a ChangedLedgerError for a file that is not as it was opened and read by this handle. */
export async function ownedFile(path: string, file: AppendFile, disk: Disk): Promise<OwnedFile> {
  const { identity } = refuseLinked(await file.facts(), path);
  const own = new OwnFile({ path, disk, file, identity });
  await refusingChanges(own.assertUntouched(), path);
  return { file, own };
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

/** What another program does to a ledger while it is held, before anything is written to it. */
export async function refusingChanges(look: Promise<void>, path: string): Promise<void> {
  try {
    await look;
  } catch (error) {
    throw error instanceof DiskError ? changed(path) : error;
  }
}

export function changed(path: string): ChangedLedgerError {
  return new ChangedLedgerError(
    `The ledger ${path} was changed by another program while it was being opened: nothing was sent. Run again once nobody else works on it.`,
  );
}

/** What file systems take for a name. */
const MAX_NAME_BYTES = 255;

/** Throws a UsageError for a ledger beside which its companions could not lie: found at the end of a run, that would lose its list of releases. */
function refuseLongName(path: string): void {
  const longest = basename(releaseListOf(path));
  const bytes = Buffer.byteLength(longest);
  if (bytes <= MAX_NAME_BYTES) return;
  throw new UsageError(
    `The name of the ledger ${path} is too long: a file beside it would have a name of ${bytes} bytes (….needs-release.csv), and ` +
      `${MAX_NAME_BYTES} are the most. Name a shorter one with --ledger, or rename it.`,
  );
}

function noLedger(path: string): UsageError {
  return new UsageError(`There is no ledger ${path}: check the name.`);
}

const UNWRITABLE = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENAMETOOLONG', 'ENOENT', 'EEXIST'];

/** A disk's error at the opening of a ledger as a sentence, which ends with what to do about one that may lie elsewhere or not; any other error as it is. */
export function openTrouble(error: unknown, path: string, existing: HoldRun['existing']): unknown {
  if (error instanceof CountermandError || !(error instanceof Error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code !== 'string') return error;
  const why = troubleInWords(error);
  const remedy = remedyFor(error);
  if (remedy !== undefined) {
    return new UsageError(`The ledger ${path} could not be opened (${why}): nothing was sent; ${remedy}.`, {
      cause: error,
    });
  }
  if (hasCode(error, NO_FILE) || hasCode(error, 'EISDIR') || hasCode(error, 'ELOOP')) {
    const instead = existing === 'existing' ? 'a ledger that plan or run has written' : 'a regular file with --ledger';
    return new UsageError(`The ledger ${path} cannot be used (${why}): name ${instead}.`, { cause: error });
  }
  if (UNWRITABLE.includes(code)) {
    const remedies =
      existing === 'existing'
        ? 'make it and its folder writable'
        : 'make its folder writable, or name another with --ledger';
    return new UsageError(`The ledger ${path} cannot be written (${why}): ${remedies}.`, { cause: error });
  }
  return new DiskError(
    `The ledger ${path} could not be opened (${why}): nothing was sent. Make room or repair the disk, then run again.`,
    { cause: error },
  );
}
