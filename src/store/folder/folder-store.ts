import { dirname, join } from 'node:path';
import type { Clock } from '../../clock.ts';
import { UsageError } from '../../errors.ts';
import { hasCode, remedyFor, troubleInWords } from '../../fs-errors.ts';
import type { Job } from '../../job/job.ts';
import { isIsoTime } from '../../ledger/field.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { releaseListOf } from '../../ledger/outcomes.ts';
import { type ReadLedger, readLedger, throwIfDamaged } from '../../ledger/read-ledger.ts';
import type { SenderId } from '../../ledger/sender.ts';
import type { Logger } from '../../log.ts';
import { makeQuota } from '../../quota/local/local-quota.ts';
import { windowsLeft } from '../../quota/past-calls.ts';
import type { Quota, WindowLeft } from '../../quota/quota.ts';
import type {
  BeginSession,
  HeldRun,
  HoldRun,
  ListedRun,
  QuotaLook,
  QuotaMemory,
  RunEntry,
  RunHolder,
  RunStat,
  Store,
  StoreFinding,
} from '../store.ts';
import { beginSession, type OpenedLedger } from './begin.ts';
import { type Disk, type FileFacts, NO_FILE } from './disk.ts';
import type { SeenCalls } from './folder-calls.ts';
import { LOCK_TTL_MS } from './held-lock.ts';
import { holdLedger, refuseLinked, senderLockPath } from './hold.ts';
import { canBeAsked, describe, type Holder, isDead, type Processes, readHolder, systemProcesses } from './holder.ts';
import { acquireLock } from './lock.ts';
import { findPastCalls } from './past-calls.ts';
import { seriesOf } from './series.ts';

export interface FolderStoreParts {
  disk: Disk;
  clock: Clock;
  log: Logger;
  /** @default this machine's */
  processes?: Processes;
}

/** Ledgers as files, each in any folder; those of one folder share a quota. The right to send as somebody is a lock beside them. */
export class FolderStore implements Store {
  readonly keeps = 'files';
  readonly #parts: Required<FolderStoreParts>;
  readonly #opened = new WeakMap<Ledger, OpenedLedger>();
  /** Locks whose holders cannot be asked, by their paths: since when (monotonic) they say what they say. */
  readonly #seenLocks = new Map<string, { text: string; sinceMs: number }>();
  /** For who looks again and again: a ledger that was not written to since says the same. */
  readonly #seenCalls: SeenCalls = new Map();

  constructor(parts: FolderStoreParts) {
    this.#parts = { processes: systemProcesses(), ...parts };
  }

  async hold({ name, ...run }: HoldRun): Promise<HeldRun> {
    const held = await holdLedger({ ...this.#parts, ...run, path: name });
    const begin = async (session: BeginSession) => {
      const opened = await beginSession(held, session);
      this.#opened.set(opened.ledger, opened);
      return opened.ledger;
    };
    return { found: held.found, begin, [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() };
  }

  read(name: string, offset?: number): AsyncIterable<Uint8Array> {
    return this.#parts.disk.read(name, offset);
  }

  async stat(name: string): Promise<RunStat | undefined> {
    const facts = await this.#parts.disk.stat(name);
    return facts === undefined ? undefined : { size: facts.size, unfit: unfitness(facts, name) };
  }

  async list(place: string): Promise<readonly ListedRun[] | undefined> {
    const { disk } = this.#parts;
    if ((await disk.stat(place).catch(() => undefined))?.kind !== 'a folder') {
      const entry = await listed(place, disk);
      return entry === undefined ? undefined : [entry];
    }
    const names = (await this.#namesIn(place, 'ledgers')).filter((name) => name.endsWith('.jsonl')).sort();
    const entries: ListedRun[] = [];
    for (const name of names) entries.push(...[(await listed(join(place, name), disk)) ?? []].flat());
    return entries;
  }

  async holder(name: string): Promise<RunHolder | undefined> {
    const { disk, processes } = this.#parts;
    const lock = await lockAt(name, disk);
    const { holder } = lock;
    if (holder === undefined || isDead(holder, processes)) return undefined;
    if (!canBeAsked(holder, processes) && this.#seemsSilent(lock)) return undefined;
    const { pid, host, since } = holder;
    return isNamed(holder) ? { pid, host, since } : undefined;
  }

  async series(name: string): Promise<readonly RunEntry[]> {
    const { disk } = this.#parts;
    const found = seriesOf(name, await this.#namesIn(dirname(name), 'earlier ledgers of this job'));
    const entries: RunEntry[] = [];
    for (const each of found?.names ?? []) {
      const path = join(dirname(name), each);
      const [link, facts] = await Promise.all([disk.entry(path), disk.stat(path).catch(() => undefined)]);
      const { kind } = facts ?? {};
      const isOdd = kind === 'a named pipe' || kind === 'a socket' || kind === 'a device';
      // Of a link, its own time is not that of what it leads to, which is not of this series.
      const modifiedMs = link?.kind === 'a file' ? link.modifiedMs : Number.POSITIVE_INFINITY;
      entries.push({ name: path, modifiedMs, instead: isOdd ? kind : undefined });
    }
    return entries;
  }

  async remove(
    name: string,
    whyKept: (read: ReadLedger) => string | undefined,
  ): Promise<{ removed: ReadLedger } | { kept: string }> {
    const { disk, clock, log, processes } = this.#parts;
    const what = `the ledger ${name}`;
    // Another day will do, so a lock is not waited for.
    const wanted = { path: `${name}.lock`, what, ledger: name, disk, clock, log, processes, wait: false };
    await using _lock = await acquireLock(wanted);
    const read = await readLedger(name, this);
    throwIfDamaged(name, read.fault);
    const kept = whyKept(read);
    if (kept !== undefined) return { kept };
    await disk.remove(name);
    const releases = releaseListOf(name);
    if ((await disk.stat(releases)) !== undefined) await disk.remove(releases);
    return { removed: read };
  }

  async quota(sender: SenderId, options: Job['quota'], memory: QuotaMemory): Promise<Quota> {
    const { disk, clock } = this.#parts;
    const { ledger, log, measureSkew } = memory;
    if (ledger === undefined) return makeQuota({ ...options, clock });
    const opened = this.#opened.get(ledger);
    if (opened === undefined) throw new Error('a ledger of another store');
    await opened.holdSender(sender);
    const wanted = { windows: options.windows, path: ledger.name, opened, sender, disk, measureSkew };
    return makeQuota({ ...options, past: await findPastCalls(wanted, { clock, log }), clock });
  }

  async quotaLeft(sender: SenderId, options: Job['quota'], look: QuotaLook): Promise<WindowLeft[]> {
    const { disk, clock } = this.#parts;
    const { name, log, measureSkew } = look;
    const seen = this.#seenCalls;
    const wanted = { windows: options.windows, path: name, opened: undefined, sender, disk, measureSkew, seen };
    return windowsLeft(options, await findPastCalls(wanted, { clock, log }), clock.monotonicMs());
  }

  async putPlanBack(ledger: Ledger): Promise<string | undefined> {
    return await this.#opened.get(ledger)?.putPlanBack();
  }

  async check(name: string, sender: SenderId): Promise<StoreFinding> {
    const { disk, processes } = this.#parts;
    const folder = dirname(name);
    const place = `the ledgers in ${folder}`;
    const obstacle = await disk.unwritable(folder);
    if (obstacle !== undefined) {
      const text = `${obstacle} cannot be written, so no ledger can be made in ${folder}; change its permissions, or give --ledger`;
      return { level: 'wrong', exitCode: 2, text, place };
    }
    const lock = await readHolder(disk, senderLockPath(folder, sender)).catch(() => undefined);
    const isHeld = lock?.gone === false && (lock.holder === undefined || !isDead(lock.holder, processes));
    if (!isHeld) return { level: 'ok', text: `ledgers can be written in ${folder}`, place };
    const text = `already running as this application from ${folder}: ${describe(lock.holder)}. A second run would exit 11; wait for it to finish`;
    return { level: 'warning', text, place };
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** Whether a lock was not renewed for its whole life while it was looked at. No date tells, only what is seen. */
  #seemsSilent({ path, text }: { path: string; text: string }): boolean {
    const nowMs = this.#parts.clock.monotonicMs();
    const seen = this.#seenLocks.get(path);
    if (seen?.text === text) return nowMs - seen.sinceMs >= LOCK_TTL_MS;
    this.#seenLocks.set(path, { text, sinceMs: nowMs });
    return false;
  }

  /** A folder that is not there yet holds nothing; one that cannot be listed may hold work left. */
  async #namesIn(folder: string, what: string): Promise<string[]> {
    try {
      return await this.#parts.disk.list(folder);
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return [];
      if (!(error instanceof Error)) throw error;
      const remedy = remedyFor(error) ?? 'name a folder that this user may read, with --ledger';
      throw new UsageError(
        `the folder ${folder} cannot be searched for ${what} (${troubleInWords(error)}): ${remedy}`,
        { cause: error },
      );
    }
  }
}

function unfitness(facts: FileFacts, name: string): string | undefined {
  try {
    refuseLinked(facts, name);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** What stands at a path, where a ledger may be; undefined when there is nothing. */
async function listed(path: string, disk: Disk): Promise<ListedRun | undefined> {
  const facts = await disk.stat(path).catch((error: unknown) => {
    if (hasCode(error, 'ELOOP')) return undefined;
    throw new UsageError(`${path} cannot be looked at (${words(error)}): name what this user may read.`, {
      cause: error,
    });
  });
  if (facts === undefined) {
    const isLink = (await disk.entry(path))?.kind === 'a symbolic link';
    const instead = 'a symbolic link that leads to nothing';
    return isLink ? { name: path, modifiedMs: 0, instead, version: '' } : undefined;
  }
  const { kind, size, modifiedMs, identity } = facts;
  const instead = kind === 'a file' ? undefined : kind;
  return { name: path, modifiedMs, instead, version: `${identity} ${size} ${modifiedMs}` };
}

interface SeenLock {
  path: string;
  text: string;
  /** Undefined where there is no lock, or one that cannot be read as such. */
  holder: Holder | undefined;
}

/** The lock of the ledger that a path leads to. Throws a UsageError where it may not be read. */
async function lockAt(name: string, disk: Disk): Promise<SeenLock> {
  try {
    const path = `${await disk.realPath(name)}.lock`;
    const isFile = (await disk.entry(path))?.kind === 'a file';
    return { path, ...(isFile ? await readHolder(disk, path) : { text: '', holder: undefined }) };
  } catch (error) {
    // Its ledger is gone by now.
    if (hasCode(error, 'ENOENT') || hasCode(error, NO_FILE)) return { path: name, text: '', holder: undefined };
    throw new UsageError(`The lock of ${name} cannot be read (${words(error)}), so nobody can tell whether it runs.`, {
      cause: error,
    });
  }
}

/** Whether a lock names its holder as we write it; it may be anybody's file. */
function isNamed({ host, since }: Holder): boolean {
  return typeof host === 'string' && host.length <= 256 && isIsoTime(since);
}

function words(error: unknown): string {
  return error instanceof Error ? troubleInWords(error) : String(error);
}
