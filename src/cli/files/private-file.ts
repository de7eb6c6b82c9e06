import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { DiskError, UsageError } from '../../errors.ts';
import { troubleInWords } from '../../fs-errors.ts';
import type { FileIdentity } from '../../identity/session-secrets.ts';
import { FIRST_RECORD } from '../../ledger/line.ts';
import { isReleaseList } from '../../ledger/outcomes.ts';
import { HERE, whenNotInUse } from '../../platform.ts';
import type { Pieces } from '../../run/outputs.ts';

/** Bytes gathered before one write. */
const CHUNK = 1 << 18;

interface OutputOptions {
  /** Looked at again right before the file is replaced. */
  rules?: OutputRules;
  /** Others may read it, as the process's umask allows; one that is replaced keeps its permissions, and no folder is made for it. @default false: only its owner */
  shared?: boolean;
}

/**
 * The one way to an output: writes text piece by piece into a new file, which takes the place of the old one only once it is whole. Only its owner
 * can read it, since reports name devices and people. Returns the SHA-256 of its bytes, in hex. Throws a UsageError for a place that cannot be
 * written to or must not be ({@link checkOutput}), and a DiskError where there is no room.
 */
export async function writePrivate(path: string, pieces: Pieces, options: OutputOptions = {}): Promise<string> {
  try {
    return await write(path, pieces, options);
  } catch (error) {
    throw explain(error, path);
  }
}

const BROKEN_DISK = ['ENOSPC', 'EDQUOT', 'EIO'];

/** An error of the file system as a sentence; any other error as it is. */
function explain(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !('syscall' in error)) return error;
  if (HERE.isInUse(error)) {
    const message = `${path} cannot be replaced (${error.message}): close it where it is open (Excel, an editor), or name another file`;
    return new UsageError(message, { cause: error });
  }
  const what = `${path} cannot be written (${troubleInWords(error)})`;
  return BROKEN_DISK.includes(String((error as NodeJS.ErrnoException).code))
    ? new DiskError(`${what}: make room, then ask for it again`, { cause: error })
    : new UsageError(`${what}: name a file in a folder that you may write to`, { cause: error });
}

async function write(path: string, pieces: Pieces, { rules, shared = false }: OutputOptions): Promise<string> {
  await checkOutput(path, rules);
  // A folder that others should be able to read is theirs to make.
  if (!shared) await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  // A name that nobody else has: whatever lies beside the output stays.
  const part = join(dirname(path), `.countermand-${randomBytes(8).toString('hex')}.part`);
  const hash = createHash('sha256');
  const file = await open(part, 'wx', shared ? 0o666 : 0o600);
  try {
    let gathered: string[] = [];
    let length = 0;
    const flush = async () => {
      const bytes = Buffer.from(gathered.join(''), 'utf8');
      gathered = [];
      length = 0;
      hash.update(bytes);
      await file.writeFile(bytes);
    };
    for await (const piece of pieces) {
      gathered.push(piece);
      length += piece.length;
      if (length >= CHUNK) await flush();
    }
    await flush();
    await file.datasync();
    const mode = await checkOutput(path, rules);
    if (shared && mode !== undefined) await file.chmod(mode);
    await file.close();
    await whenNotInUse(() => rename(part, path));
  } catch (error) {
    await file.close().catch(() => {});
    await rm(part, { force: true });
    throw error;
  }
  return hash.digest('hex');
}

/** What must not be replaced by an output. */
export interface OutputRules {
  /** What a message calls it: `--html`, `the metrics file`. */
  shownAs: string;
  /** Throws a UsageError for a file that stays as it is; known by what it is, not by its name. */
  refuse(file: FileIdentity): void;
  /** The list of isolations to be released that belongs to this run, which this is. @default false */
  isReleaseList?: boolean;
  /** A copy of a ledger, which may be called as one. @default false */
  isLedger?: boolean;
}

const NO_RULES: OutputRules = { shownAs: 'the file', refuse: () => {} };

/**
 * Throws a UsageError for a place where no output goes: an output replaces a regular file or none. A symbolic link, folder, pipe, device or
 * socket stays, and so does whatever this command reads, a secret, any ledger, lock or job, and the release list of another run. Returns the
 * permissions of the file that is to be replaced; undefined where there is none.
 */
export async function checkOutput(path: string, rules: OutputRules = NO_RULES): Promise<number | undefined> {
  refuseName(path, rules);
  const there = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENAMETOOLONG') return ignoreMissing(error);
    throw new UsageError(`${rules.shownAs} cannot be ${path}, whose name is too long: give a shorter one`);
  });
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
  if ((ending === '.jsonl' && rules.isLedger !== true) || name.includes('.jsonl.replaced-'))
    throw overwrites(path, rules, 'a ledger');
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
