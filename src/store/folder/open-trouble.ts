import { basename } from 'node:path';
import { CountermandError, DiskError, UsageError } from '../../errors.ts';
import { hasCode, remedyFor, troubleInWords } from '../../fs-errors.ts';
import { releaseListOf } from '../../ledger/release-list.ts';
import { NO_FILE } from './disk.ts';

const UNWRITABLE = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENAMETOOLONG', 'ENOENT', 'EEXIST'];

/** What file systems take for a name. */
const LONGEST_NAME_BYTES = 255;

/** Throws a UsageError for a ledger beside which its companions could not lie: found at the end of a run, that would lose its list of releases. */
export function refuseLongName(path: string): void {
  const longest = basename(releaseListOf(path));
  const bytes = Buffer.byteLength(longest);
  if (bytes <= LONGEST_NAME_BYTES) return;
  throw new UsageError(
    `The name of the ledger ${path} is too long: a file beside it would have a name of ${bytes} bytes (….needs-release.csv), and ` +
      `${LONGEST_NAME_BYTES} are the most. Name a shorter one with --ledger, or rename it.`,
  );
}

/** A disk's error at the opening of a ledger as a sentence; any other error as it is. */
export function openTrouble(error: unknown, path: string): unknown {
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
    return new UsageError(`The ledger ${path} cannot be used (${why}): name a regular file with --ledger.`, {
      cause: error,
    });
  }
  if (UNWRITABLE.includes(code)) {
    return new UsageError(
      `The ledger ${path} cannot be written (${why}): make its folder writable, or name another with --ledger.`,
      { cause: error },
    );
  }
  return new DiskError(
    `The ledger ${path} could not be opened (${why}): nothing was sent. Make room or repair the disk, then run again.`,
    { cause: error },
  );
}
