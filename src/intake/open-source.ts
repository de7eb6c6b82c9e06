import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { UsageError } from '../errors.ts';

/** All rows of a chunk are there at once: with large ones they outlive the young generation, and a million rows hold 200 MB more. */
const CHUNK_BYTES = 16 * 1024;

/** The bytes of a file of action IDs, as a stream. Throws a UsageError when it cannot be read. `refuse` may throw for a file that must not be read. */
export async function openSource(
  path: string,
  refuse: (file: { dev: number; ino: number }) => void = () => {},
): Promise<AsyncIterable<Uint8Array>> {
  const found = await stat(path).catch((cause: unknown) => {
    throw readError(path, cause);
  });
  refuse(found);
  if (found.isDirectory()) throw readError(path, { code: 'EISDIR' });
  return fileBytes(path);
}

async function* fileBytes(path: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) yield chunk as Uint8Array;
  } catch (cause) {
    throw readError(path, cause);
  }
}

/** The bytes that are piped into this process. Throws a UsageError when they cannot be read. */
export async function* readStdin(stdin: AsyncIterable<Uint8Array> = process.stdin): AsyncGenerator<Uint8Array> {
  try {
    yield* stdin;
  } catch (cause) {
    throw new UsageError(`stdin cannot be read (${codeOf(cause)}): pipe a list of action IDs into the command`, {
      cause,
    });
  }
}

function readError(path: string, cause: unknown): UsageError {
  const code = codeOf(cause);
  const told: Record<string, string> = {
    ENOENT: `${path} does not exist: check the name of the file that holds the action IDs`,
    ENOTDIR: `${path} does not exist: check the name of the file that holds the action IDs`,
    EISDIR: `${path} is a folder: name the file in it that holds the action IDs`,
    EACCES: `${path} may not be read by this user: check its permissions`,
    EPERM: `${path} may not be read by this user: check its permissions`,
  };
  return new UsageError(told[code] ?? `${path} cannot be read (${code}): check the file and its disk`, { cause });
}

function codeOf(cause: unknown): string {
  if (cause instanceof Error || (typeof cause === 'object' && cause !== null)) {
    const { code, message } = cause as { code?: unknown; message?: unknown };
    if (typeof code === 'string') return code;
    if (typeof message === 'string') return message;
  }
  return String(cause);
}
