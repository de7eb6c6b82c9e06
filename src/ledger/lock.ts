import { randomUUID } from 'node:crypto';
import { HeldError } from '../errors.ts';
import type { Disk } from './disk.ts';
import { hasCode } from './file-disk.ts';
import { contentOf, HeldLock, LOCK_TTL_MS, type LockOptions, momentOf, readHolder } from './held-lock.ts';
import { describe, type Holder, isDead } from './holder.ts';

/**
 * Takes a lock file, or throws a HeldError that names its holder and until when.
 *
 * The file is made exclusively, which works on network folders too. Whoever finds one asks whether its holder is dead (it ran on
 * this host, boot and pid namespace, and is gone): then it is taken over at once. Else it is held until it has not been renewed for
 * {@link LOCK_TTL_MS}. That age is the lock's modification time against that of a file made beside it just now: both come
 * from the file system's one clock, so that hosts whose clocks differ cannot misjudge each other.
 *
 * Only who holds the lock named after the old lock's nonce may remove the old lock, and only while it still carries that nonce. So
 * two processes that both saw a dead holder cannot both win, and neither removes the other's new lock.
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
    const old = await readHolder(disk, path);
    if (old.gone) continue;
    const leftMs = await leftUntilFree(old.holder, options);
    if (leftMs > 0) throw held(old.holder, leftMs, options);
    if (await removeOld(old.holder, options)) tookOver = old.holder;
  }
  throw new HeldError(`${capital(options.what)} is being taken by several runs at once: try again.`);
}

/** How long (ms) the lock still stands; 0 or less when it may be taken over. */
async function leftUntilFree(holder: Holder | undefined, { path, disk, processes }: LockOptions): Promise<number> {
  if (holder !== undefined && isDead(holder, processes)) return 0;
  const probe = `${path}.${randomUUID()}.now`;
  await disk.createExclusive(probe, '');
  try {
    const [now, lock] = [await disk.stat(probe), await disk.stat(path)];
    if (now === undefined || lock === undefined) return 0;
    return lock.modifiedMs + LOCK_TTL_MS - now.modifiedMs;
  } finally {
    await disk.remove(probe);
  }
}

/** Removes a lock that was judged free, unless somebody else did so meanwhile. */
async function removeOld(old: Holder | undefined, options: LockOptions): Promise<boolean> {
  const { path, disk } = options;
  await using guard = await acquire({ ...options, path: `${path}.${old?.nonce ?? 'unreadable'}` });
  const there = await readHolder(disk, path);
  if (there.gone || there.holder?.nonce !== old?.nonce) return false;
  if ((await leftUntilFree(there.holder, options)) > 0) return false;
  // Who stood still since it looked would remove the lock of whoever went on meanwhile.
  if (!guard.isFresh) return false;
  await disk.remove(path);
  return true;
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

function held(holder: Holder | undefined, leftMs: number, { what, path, clock }: LockOptions): HeldError {
  const until = new Date(clock.wallMs() + leftMs).toISOString();
  return new HeldError(
    `${capital(what)} is held by ${describe(holder)}: wait until that run ends. If it is gone, the lock ${path} runs out at ${until}.`,
  );
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
