import { readFile } from 'node:fs/promises';
import { UsageError } from '../errors.ts';

const TOLD: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist: check its name',
  EISDIR: 'is a folder: name the job file in it',
  EACCES: 'may not be read by this user: check its permissions',
};

/** The text of a job file. Throws a UsageError when it cannot be read or is not UTF-8. */
export async function readJobText(path: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new UsageError(
      `the job file ${path} ${TOLD[code] ?? `cannot be read (${code}): check the file and its disk`}`,
      { cause },
    );
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new UsageError(`the job file ${path} is not UTF-8 text: save it as UTF-8`, { cause });
  }
}
