import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DiskError, UsageError } from '../../errors.ts';
import { troubleInWords } from '../../fs-errors.ts';
import type { Pieces } from '../../run/outputs.ts';
import { checkOutput, type OutputRules } from './output-place.ts';

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
    await rename(part, path);
  } catch (error) {
    await file.close().catch(() => {});
    await rm(part, { force: true });
    throw error;
  }
  return hash.digest('hex');
}
