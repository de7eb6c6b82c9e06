import { close, constants, createReadStream, open, type Stats, fstat as statOfOpen, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { isatty, ReadStream as TerminalStream } from 'node:tty';
import { promisify } from 'node:util';
import { UsageError } from '../errors.ts';

/** All rows of a chunk are there at once: with large ones they outlive the young generation, and a million rows hold 200 MB more. */
const CHUNK_BYTES = 16 * 1024;

/** The names under which a process finds its own open files. */
const OPEN_FILES = /^\/(dev\/(stdin|fd\/\d+)|proc\/[^/]+\/(task\/[^/]+\/)?fd\/\d+)$/;
const STDIN = /^\/(dev\/stdin|dev\/fd\/0|proc\/self\/fd\/0)$/;

/** The bytes of a source. */
export interface SourceBytes extends AsyncIterable<Uint8Array> {
  /** Lets the source go at once, also in the middle of a wait for its next bytes. */
  release?(): void;
}

/**
 * What a path (absolute) leads to, as far as it matters to who reads it: `stdin` itself, a `stream` that gives its bytes once (a pipe, a process
 * substitution, a terminal or another character device), or a `file`, which can be read again. What is not there or cannot be read counts as a file:
 * {@link openSource} says what is wrong.
 */
export function sourceAt(path: string): 'stdin' | 'stream' | 'file' {
  if (STDIN.test(path)) return 'stdin';
  let found: Stats;
  try {
    found = statSync(path);
  } catch {
    return 'file';
  }
  const isStream = found.isFIFO() || found.isCharacterDevice() || (found.isFile() && OPEN_FILES.test(path));
  return isStream ? 'stream' : 'file';
}

/**
 * The bytes of a file or stream of action IDs. It is opened when the first bytes are asked for. Throws a UsageError when it cannot be read. `refuse`
 * may throw for a file that must not be read: it is asked now, and again of what was opened.
 */
export async function openSource(
  path: string,
  refuse: (file: { dev: number; ino: number }) => void = () => {},
): Promise<SourceBytes> {
  const found = await stat(path).catch((cause: unknown) => {
    throw readError(path, cause);
  });
  refuse(found);
  refuseUnreadable(path, found);
  let stream: Readable | undefined;
  let released = false;
  return {
    release: () => {
      released = true;
      stream?.destroy();
    },
    async *[Symbol.asyncIterator]() {
      try {
        stream = await openStream(path, refuse);
        if (released) stream.destroy();
        for await (const chunk of stream) yield chunk as Uint8Array;
      } catch (cause) {
        throw cause instanceof UsageError ? cause : readError(path, cause);
      }
    },
  };
}

/** The bytes that are piped into this process. Iterating throws a UsageError when they cannot be read. */
export function readStdin(stdin: AsyncIterable<Uint8Array> & { destroy?(): unknown } = process.stdin): SourceBytes {
  return {
    release: () => void stdin.destroy?.(),
    async *[Symbol.asyncIterator]() {
      try {
        yield* stdin;
      } catch (cause) {
        throw new UsageError(`stdin cannot be read (${codeOf(cause)}): pipe a list of action IDs into the command`, {
          cause,
        });
      }
    },
  };
}

/** The bytes until the signal aborts: then the source is let go, and the wait for the next ones rejects at once with the signal's reason. */
export async function* bytesUntil(signal: AbortSignal, bytes: SourceBytes): AsyncGenerator<Uint8Array> {
  const source = bytes[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await orAborted(() => source.next(), signal);
      if (done === true) return;
      yield value;
    }
  } finally {
    bytes.release?.();
    // What waits for a pipe or a disk that does not answer is not waited for.
    source.return?.()?.catch(() => undefined);
  }
}

function orAborted<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort));
  });
}

/**
 * Without waiting for somebody to write: an open that waits holds a thread that no signal reaches, and the process could not end. Whether bytes come
 * is waited for as with any connection.
 */
async function openStream(path: string, refuse: (file: { dev: number; ino: number }) => void): Promise<Readable> {
  // Windows has no such flag, and no such files.
  const fd = await promisify(open)(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const found = await promisify<number, Stats>(statOfOpen)(fd);
    refuse(found);
    refuseUnreadable(path, found);
    if (found.isFIFO()) return new Socket({ fd, readable: true, writable: false });
    if (isatty(fd)) return new TerminalStream(fd);
    return createReadStream('', { fd, highWaterMark: CHUNK_BYTES });
  } catch (error) {
    await promisify(close)(fd);
    throw error;
  }
}

function refuseUnreadable(path: string, found: Stats): void {
  if (found.isDirectory()) throw readError(path, { code: 'EISDIR' });
  const what = found.isBlockDevice() ? 'a block device' : found.isSocket() ? 'a socket' : undefined;
  if (what !== undefined)
    throw new UsageError(`${path} is ${what}: name a file that holds action IDs, or pipe them in`);
}

function readError(path: string, cause: unknown): UsageError {
  const code = codeOf(cause);
  const messages: Record<string, string> = {
    ENOENT: `${path} does not exist: check the name of the file that holds the action IDs`,
    ENOTDIR: `${path} does not exist: check the name of the file that holds the action IDs`,
    EISDIR: `${path} is a directory: name the file in it that holds the action IDs`,
    EACCES: `${path} cannot be read (permission denied): check its permissions`,
    EPERM: `${path} cannot be read (operation not permitted): check its permissions`,
  };
  return new UsageError(messages[code] ?? `${path} cannot be read (${code}): check the file and its disk`, { cause });
}

function codeOf(cause: unknown): string {
  if (cause instanceof Error || (typeof cause === 'object' && cause !== null)) {
    const { code, message } = cause as { code?: unknown; message?: unknown };
    if (typeof code === 'string') return code;
    if (typeof message === 'string') return message;
  }
  return String(cause);
}
