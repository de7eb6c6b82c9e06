import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { UsageError } from '../errors.ts';

const TOLD: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist: check its name',
  ENOTDIR: 'does not exist: check its name',
  EISDIR: 'is a folder: name the job file in it',
  ENXIO: 'is a pipe, device or socket: name a regular file',
  EACCES: 'may not be read by this user: check its permissions',
};

/** Far more than any job; what is larger is a list of IDs, which need not be read to know. */
const MOST_BYTES = 4_000_000;
/** Does not wait for somebody to write into a pipe; Windows has neither. */
const READ_AT_ONCE = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * The text of a job file. Throws a UsageError when it cannot be read, is no regular file, or is not UTF-8. `refuse` may throw for a file that must
 * not be read; it is asked before anything is.
 */
export async function readJobText(
  path: string,
  refuse: (file: { dev: number; ino: number }) => void = () => {},
): Promise<string> {
  const bytes = await readBytes(path, refuse).catch((cause: unknown) => {
    if (cause instanceof UsageError) throw cause;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    const told = TOLD[code] ?? `cannot be read (${code}): check the file and its disk`;
    throw new UsageError(`the job file ${path} ${told}`, { cause });
  });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new UsageError(`the job file ${path} is not UTF-8 text: save it as UTF-8`, { cause });
  }
}

async function readBytes(path: string, refuse: (file: { dev: number; ino: number }) => void): Promise<Buffer> {
  const handle = await open(path, READ_AT_ONCE);
  try {
    const found = await handle.stat();
    refuse(found);
    if (found.isDirectory()) throw new UsageError(`the job file ${path} ${TOLD['EISDIR']}`);
    if (!found.isFile()) {
      throw new UsageError(
        `the job file ${path} is a pipe, device or socket: name a regular file; IDs from a pipe are read with -`,
      );
    }
    if (found.size > MOST_BYTES) {
      throw new UsageError(`the job file ${path} is too long for a job: is it a list of action IDs?`);
    }
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}
