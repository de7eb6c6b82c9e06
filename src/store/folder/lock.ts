import { createHash, randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { LockedError, UsageError } from '../../errors.ts';
import { hasCode } from '../../fs-errors.ts';
import type { Disk } from './disk.ts';
import { HeldLock, LOCK_RENEW_MS, LOCK_TTL_MS, type LockOptions, momentOf } from './held-lock.ts';
import { canBeAsked, contentOf, describe, type Holder, isDead, readHolder } from './holder.ts';

/** How often a lock that is watched is looked at. */
const WATCH_EVERY_MS = 500;
/**
 * A living process of this machine whose lock looks run out by its file's time must be silent for so long besides: one that works renews
 * its lock meanwhile, and the time may only look old because a clock was set.
 */
const STOPPED_SILENCE_MS = 2 * LOCK_RENEW_MS;

/**
 * Takes a lock file, or throws a LockedError that names its holder.
 *
 * The file is made exclusively, which works on network folders too. Whoever finds one asks whether its holder is dead (it ran on
 * this host, boot and pid namespace, and is gone): then it is taken over at once. One that lives here and has renewed its lock within
 * {@link LOCK_TTL_MS} holds it. Of any other nothing is known but what is seen from now on: its lock is watched by our monotonic clock, and
 * is taken over when it was not renewed for its whole life. No date frees a lock: clocks differ, jump, and can be set to the year 2099.
 * The wait is said, and ends with `signal`.
 *
 * Only who holds the lock named after the old lock's nonce may remove the old lock, and only while it still says what it said when it was
 * judged. So two processes that both saw a dead holder cannot both win, and neither removes the other's new lock.
 *
 * Throws a UsageError when what stands there is no regular file, and the signal's reason when that ends the wait.
 */
export async function acquireLock(options: LockOptions): Promise<HeldLock> {
  const lock = await acquire(options);
  lock.keep();
  const { tookOver } = lock;
  if (tookOver !== undefined)
    options.log.warn(`${options.what} was held by ${describe(tookOver)}, which is gone: taken over`);
  return lock;
}

async function acquire(options: LockOptions): Promise<HeldLock> {
  const { path, disk, clock, processes, ledger } = options;
  const nonce = randomUUID();
  let tookOver: Holder | undefined;
  for (let attempt = 0; attempt < 10; attempt++) {
    const begun = momentOf(clock);
    const now = new Date(begun.wallMs).toISOString();
    const holder: Holder = { nonce, ...processes.self, ledger, since: now, renewedAt: now };
    const content = contentOf(holder);
    if (await created(disk, path, content)) return new HeldLock(options, { holder, content, begun, tookOver });
    await refuseOtherKind(options);
    const old = await readHolder(disk, path);
    if (old.gone) continue;
    await untilFree(old, options);
    if (await removeOld(old, options)) tookOver = old.holder;
  }
  throw new LockedError(`${capital(options.what)} is being taken by several runs at once: try again.`);
}

/** Whatever stands there was not made by us: it can neither be held nor be judged. */
async function refuseOtherKind({ path, disk, what }: LockOptions): Promise<void> {
  const there = await disk.entry(path);
  if (there === undefined || there.kind === 'a file') return;
  throw new UsageError(
    `${capital(what)} cannot be locked: ${path} is ${there.kind} and not a lock of countermand. Remove it, then run again.`,
  );
}

interface Seen {
  text: string;
  holder: Holder | undefined;
}

/**
 * Resolves when the lock that was seen may be taken over, or is gone. Throws a LockedError as soon as it is known that its holder works on.
 */
async function untilFree({ text, holder }: Seen, options: LockOptions): Promise<void> {
  const { path, disk, clock, processes, signal } = options;
  const isFree = (now: Holder | undefined) => now !== undefined && isDead(now, processes);
  if (isFree(holder)) return;
  const silenceMs = await silenceNeeded(holder, options);
  if (options.wait === false) throw held(holder, options, 'this machine cannot tell whether that run still works');
  const untilMs = clock.monotonicMs() + silenceMs;
  options.say?.(waiting(holder, silenceMs, options));
  for (let leftMs = silenceMs; leftMs > 0; leftMs = untilMs - clock.monotonicMs()) {
    await clock.sleep(Math.min(WATCH_EVERY_MS, leftMs), { signal });
    const now = await readHolder(disk, path);
    if (now.gone || isFree(now.holder)) return;
    if (now.text !== text && now.holder !== undefined) {
      const whose = now.holder.nonce === holder?.nonce ? 'it renewed its lock' : 'it has just taken the lock';
      throw held(now.holder, options, whose);
    }
  }
}

/** How long (ms) the lock must be seen unrenewed before it may be taken over. Throws a LockedError for one that its holder certainly holds. */
async function silenceNeeded(holder: Holder | undefined, options: LockOptions): Promise<number> {
  if (holder === undefined || !canBeAsked(holder, options.processes)) return LOCK_TTL_MS;
  const ageMs = await ageOf(options);
  // Dated ahead of the file system's own clock.
  if (ageMs < 0) return LOCK_TTL_MS;
  if (ageMs >= LOCK_TTL_MS) return STOPPED_SILENCE_MS;
  const until = new Date(options.clock.wallMs() + LOCK_TTL_MS - ageMs).toISOString();
  throw held(holder, options, `that process lives; if it was stopped, its lock runs out at ${until}`);
}

/** Since the lock was written (ms), by the file system's one clock: of a file made beside it just now. */
async function ageOf({ path, disk }: LockOptions): Promise<number> {
  const probe = beside(path, `${randomUUID()}.now`);
  await disk.createExclusive(probe, '');
  try {
    const [now, lock] = [await disk.stat(probe), await disk.stat(path)];
    return now === undefined || lock === undefined ? 0 : now.modifiedMs - lock.modifiedMs;
  } finally {
    await disk.remove(probe);
  }
}

/** Removes a lock that was judged free, unless it says something else by now. */
async function removeOld(old: Seen, options: LockOptions): Promise<boolean> {
  const { path, disk } = options;
  await using guard = await acquire({ ...options, path: guardPath(path, old.holder) });
  const there = await readHolder(disk, path);
  if (there.gone || there.text !== old.text) return false;
  // Who stood still since it looked would remove the lock of whoever went on meanwhile.
  if (!guard.isFresh) return false;
  await disk.remove(path);
  return true;
}

/** Who judges a lock holds the lock that is named after its nonce. */
function guardPath(path: string, holder: Holder | undefined): string {
  const of = createHash('sha256')
    .update(`${path}\n${holder?.nonce ?? 'unreadable'}`)
    .digest('hex');
  return beside(path, `${of.slice(0, 32)}.lock`);
}

/** A file that stands beside a lock for a moment. The lock's own name is left out: a ledger's may be so long that nothing can be added to it. */
function beside(path: string, name: string): string {
  return join(dirname(path), `.countermand-${name}`);
}

async function created(disk: Disk, path: string, content: string): Promise<boolean> {
  try {
    await disk.createExclusive(path, content);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

function held(holder: Holder | undefined, { what }: LockOptions, why: string): LockedError {
  return new LockedError(`${capital(what)} is held by ${describe(holder)}, and ${why}: wait until that run ends.`);
}

function waiting(holder: Holder | undefined, silenceMs: number, { what, clock }: LockOptions): string {
  const until = new Date(clock.wallMs() + silenceMs).toISOString();
  return `waiting until ${until}: ${what} is held by ${describe(holder)}, and this machine cannot tell whether that run still works; its lock is taken over unless it is renewed by then\n`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
