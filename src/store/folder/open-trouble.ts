import { CountermandError, DiskError, UsageError } from '../../errors.ts';
import { hasCode, remedyFor, troubleInWords } from '../../fs-errors.ts';
import { NO_FILE } from './disk.ts';

const UNWRITABLE = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENAMETOOLONG', 'ENOENT', 'EEXIST'];

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
