import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { UsageError } from '../errors.ts';

/** A job is a page or two; what is longer is a list, or a device that never ends. */
export const MAX_JOB_LENGTH = 1_000_000;

const TOLD: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist: check its name',
  ENOTDIR: 'does not exist: check its name',
  EISDIR: 'is a directory: name the job file in it',
  EACCES: 'cannot be read (permission denied): check its permissions',
  ENXIO: 'is a pipe, device or socket: name a regular file; IDs from a pipe are read with -',
};

/**
 * The text of a job file. Throws a UsageError when it cannot be read, is no regular file, too long, or not UTF-8. `refuse` may throw for a file that
 * must not be read; it is asked before anything is.
 */
export async function readJobText(
  path: string,
  refuse: (file: { dev: number; ino: number }) => void = () => {},
): Promise<string> {
  const bytes = await bytesOf(path, refuse);
  if (bytes.length > MAX_JOB_LENGTH) throw tooLong(`the job file ${path}`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new UsageError(`the job file ${path} is not UTF-8 text: save it as UTF-8`, { cause });
  }
}

export function tooLong(file: string): UsageError {
  return new UsageError(`${file} is too long for a job file: is it a list of action IDs?`);
}

/** One byte more than a job may have is enough to know. */
async function bytesOf(path: string, refuse: (file: { dev: number; ino: number }) => void): Promise<Buffer> {
  let handle: FileHandle | undefined;
  try {
    // A pipe would keep the open waiting for somebody who writes.
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const found = await handle.stat();
    refuse(found);
    if (found.isDirectory()) throw Object.assign(new Error('a directory'), { code: 'EISDIR' });
    if (!found.isFile()) throw Object.assign(new Error('no regular file'), { code: 'ENXIO' });
    const chunks: Buffer[] = [];
    for (let length = 0; length <= MAX_JOB_LENGTH; ) {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(65_536), 0, 65_536);
      if (bytesRead === 0) break;
      length += bytesRead;
      chunks.push(buffer.subarray(0, bytesRead));
    }
    return Buffer.concat(chunks);
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new UsageError(
      `the job file ${path} ${TOLD[code] ?? `cannot be read (${code}): check the file and its disk`}`,
      { cause },
    );
  } finally {
    await handle?.close();
  }
}
