import { stoppedBy, UsageError } from './errors.ts';

const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'disk quota exceeded',
  EIO: 'I/O error',
  EISDIR: 'is a directory',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'too many levels of symbolic links',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files on this machine',
  ENOMEM: 'out of memory',
  EBUSY: 'another program uses it',
};

/** What a person can do about a shortage that no file is at fault for, as an imperative. */
const REMEDIES: Readonly<Record<string, string>> = {
  EMFILE: 'raise the limit of open files (ulimit -n), then run again',
  ENFILE: 'close other programs or raise the limit of the machine (fs.file-max), then run again',
  ENOMEM: 'free some memory, then run again',
};

/** What to do about an error that is no fault of the file; undefined for any other. */
export function remedyFor(error: unknown): string | undefined {
  return error instanceof Error ? REMEDIES[String((error as NodeJS.ErrnoException).code)] : undefined;
}

/** What the file system's error says, for a sentence about the file that was to be written: why, and Node's code for whoever looks it up. */
export function troubleInWords(error: Error): string {
  const { code, path } = error as NodeJS.ErrnoException;
  if (code === undefined) return error.message;
  const inTheWay = code === 'EEXIST' || code === 'ENOTDIR';
  if (code === 'NO_FILE') return error.message;
  const words = inTheWay ? `${path ?? 'what stands there'} is a file and not a folder` : WORDS[code];
  return words === undefined ? error.message : `${words}, ${code}`;
}

/**
 * What the machine itself refuses, wherever that shows: no folder to work in, no files or memory left, or the program's own files gone. Undefined
 * for any other error.
 */
function systemTrouble(error: unknown): UsageError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall === 'uv_cwd') {
    const what = code === 'ENOENT' ? 'does not exist any more' : `cannot be used (${troubleInWords(error)})`;
    return new UsageError(`the current folder ${what}: change to another folder, then run again`, { cause: error });
  }
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') {
    const remedy = 'raise the limit of open files (ulimit -n 1024), or install it anew';
    // Below its first line stands which parts asked for it.
    const [what] = error.message.split('\n');
    return new UsageError(`a part of the program cannot be loaded (${what}): ${remedy}`, { cause: error });
  }
  const remedy = remedyFor(error);
  return remedy === undefined ? undefined : new UsageError(`${troubleInWords(error)}: ${remedy}`, { cause: error });
}

/** Whether an error is Node's, with this code. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}

/** What ended a command that threw: the first of several errors that matters, and a failure of the system as a sentence. */
export function endedBy(thrown: unknown): unknown {
  const stopped = stoppedBy(thrown);
  return systemTrouble(stopped) ?? stopped;
}
