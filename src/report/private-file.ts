import { createHash } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { troubleInWords } from '../disk-trouble.ts';
import { DiskError, UsageError } from '../errors.ts';

/** Bytes gathered before one write. */
const CHUNK = 1 << 18;

/**
 * Writes text piece by piece into a file that only its owner can read, since reports name devices and people. It stands
 * under its name only once it is whole. Returns the SHA-256 of its bytes, in hex. Throws a UsageError for a place that
 * cannot be written to, and a DiskError where there is no room.
 */
export async function writePrivate(path: string, pieces: Iterable<string> | AsyncIterable<string>): Promise<string> {
  try {
    return await write(path, pieces);
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

async function write(path: string, pieces: Iterable<string> | AsyncIterable<string>): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const part = `${path}.part`;
  const hash = createHash('sha256');
  await rm(part, { force: true });
  const file = await open(part, 'wx', 0o600);
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
    await file.close();
    await rename(part, path);
  } catch (error) {
    await file.close().catch(() => {});
    await rm(part, { force: true });
    throw error;
  }
  return hash.digest('hex');
}
