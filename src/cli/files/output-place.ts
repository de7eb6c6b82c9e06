import { constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { UsageError } from '../../errors.ts';
import type { FileIdentity } from '../../identity/session-secrets.ts';
import { FIRST_RECORD } from '../../ledger/line.ts';
import { isReleaseList } from '../../ledger/outcomes.ts';

/** What must not be replaced by an output. */
export interface OutputRules {
  /** What a message calls it: `--html`, `the metrics file`. */
  shownAs: string;
  /** Throws a UsageError for a file that stays as it is; known by what it is, not by its name. */
  refuse(file: FileIdentity): void;
  /** The list of isolations to be released that belongs to this run, which this is. @default false */
  isReleaseList?: boolean;
}

const NO_RULES: OutputRules = { shownAs: 'the file', refuse: () => {} };

/**
 * Throws a UsageError for a place where no output goes: an output replaces a regular file or none. A symbolic link, folder, pipe, device or
 * socket stays, and so does whatever this command reads, a secret, any ledger, lock or job, and the release list of another run. Returns the
 * permissions of the file that is to be replaced; undefined where there is none.
 */
export async function checkOutput(path: string, rules: OutputRules = NO_RULES): Promise<number | undefined> {
  refuseName(path, rules);
  const there = await lstat(path).catch(ignoreMissing);
  if (there === undefined) return undefined;
  const kind = there.isSymbolicLink()
    ? 'a symbolic link, and only a regular file is replaced: name the file itself'
    : there.isDirectory()
      ? 'a folder: name a file in it'
      : there.isFile()
        ? undefined
        : 'a pipe, device or socket, and only a regular file is replaced: name another';
  if (kind !== undefined) throw new UsageError(`${rules.shownAs} ${path} is ${kind}`);
  rules.refuse(there);
  const handle = await openAtOnce(path);
  if (handle === undefined) return there.mode & 0o777;
  try {
    // The same questions of what is open now: the name may lead elsewhere meanwhile.
    const opened = await handle.stat();
    rules.refuse(opened);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(FIRST_RECORD.length), 0, FIRST_RECORD.length, 0);
    if (buffer.toString('latin1', 0, bytesRead) === FIRST_RECORD) throw overwrites(path, rules, 'a ledger');
    return opened.mode & 0o777;
  } finally {
    await handle.close();
  }
}

/** The sentence for a file that stays. */
export function overwrites(path: string, { shownAs }: Pick<OutputRules, 'shownAs'>, what: string): UsageError {
  return new UsageError(`${shownAs} ${path} would overwrite ${what}: name another file`);
}

function refuseName(path: string, rules: OutputRules): void {
  const name = basename(path).toLowerCase();
  const ending = extname(name);
  if (ending === '.jsonl' || name.includes('.jsonl.replaced-')) throw overwrites(path, rules, 'a ledger');
  if (ending === '.lock') throw overwrites(path, rules, 'the lock of a run');
  if (ending === '.yaml' || ending === '.yml') throw overwrites(path, rules, 'a job file');
  if (isReleaseList(name) && rules.isReleaseList !== true) throw overwrites(path, rules, 'the release list of a run');
}

/** Nothing else may come of a file than its first bytes. One that may not be read may be replaced all the same. */
async function openAtOnce(path: string): Promise<FileHandle | undefined> {
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  return open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch(() => undefined);
}

/** A folder that is none is told when it is to be made. */
function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw error;
}
