import { UsageError } from '../../errors.ts';
import { hasCode, troubleInWords } from '../../fs-errors.ts';
import { isIsoTime } from '../../ledger/field.ts';
import type { ListedRun } from '../store.ts';
import { type Disk, NO_FILE } from './disk.ts';
import { readHolder } from './held-lock.ts';
import type { Holder } from './holder.ts';

/** What can be told of a ledger and its lock by looking: nothing is opened that is no regular file, and nothing is written. */

/** What stands at a path, where a ledger may be; undefined when there is nothing. */
export async function listed(path: string, disk: Disk): Promise<ListedRun | undefined> {
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

export interface SeenLock {
  path: string;
  text: string;
  /** Undefined where there is no lock, or one that cannot be read as such. */
  holder: Holder | undefined;
}

/** The lock of the ledger that a path leads to. Throws a UsageError where it may not be read. */
export async function lockAt(name: string, disk: Disk): Promise<SeenLock> {
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
export function isNamed({ host, since }: Holder): boolean {
  return typeof host === 'string' && host.length <= 256 && isIsoTime(since);
}

function words(error: unknown): string {
  return error instanceof Error ? troubleInWords(error) : String(error);
}
