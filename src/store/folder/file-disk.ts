import {
  type BigIntStats,
  close as closeFile,
  closeSync,
  constants,
  fstat as fstatFile,
  open as openFile,
  openSync,
  read as readFile,
  stat as statFile,
  write as writeFile,
  writeFileSync,
} from 'node:fs';
import { access, type FileHandle, lstat, mkdir, open, readdir, realpath, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { hasCode } from '../../fs-errors.ts';
import { HERE, whenNotInUse } from '../../platform.ts';
import { type AppendFile, type Disk, danglingLink, type FileFacts, type FileKind, noFile } from './disk.ts';

const FILE_MODE = 0o600;

const FOLDER_MODE = 0o700;
const CHUNK_BYTES = 1 << 18;

/** More than a lock holds. */
const SMALL_BYTES = 4096;

/** Opening a named pipe waits for its other end, opening a terminal takes it over: not with these. Windows has neither. */
const AT_ONCE = (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);
const NO_LINK = constants.O_NOFOLLOW ?? 0;

/** The machine's own file system. */
export const fileDisk: Disk = {
  async openAppend(path, create = true) {
    const flags = constants.O_RDWR | constants.O_APPEND | NO_LINK | AT_ONCE | (create ? constants.O_CREAT : 0);
    const handle = await openRegular(path, flags);
    try {
      return new RealAppendFile(handle, (await handle.stat()).size);
    } catch (error) {
      await handle.close();
      throw error;
    }
  },

  async *read(path, offset = 0) {
    const handle = await openRegular(path, constants.O_RDONLY | AT_ONCE);
    try {
      yield* chunksOf(handle, offset);
    } finally {
      await handle.close();
    }
  },

  async createExclusive(path, content) {
    // At once: whoever is killed between the two leaves an empty lock, of which the next run cannot tell whose it is and which it watches for a minute.
    const file = openSync(path, 'wx', FILE_MODE);
    try {
      writeFileSync(file, content);
    } catch (error) {
      // A full disk takes the file and not its content: an empty lock would stand in everybody's way.
      await unlink(path).catch(() => undefined);
      throw error;
    } finally {
      closeSync(file);
    }
  },

  readText: (path) =>
    // A lock is read before each send. Without a FileHandle and without asking for the size, that costs two thirds.
    new Promise((resolve, reject) => {
      openFile(path, constants.O_RDONLY | AT_ONCE, (openError, file) => {
        if (openError !== null) {
          reject(openError);
          return;
        }
        const buffer = Buffer.allocUnsafe(SMALL_BYTES);
        readFile(file, buffer, 0, SMALL_BYTES, 0, (error, bytesRead) => {
          closeFile(file, () => {
            if (error === null) resolve(buffer.toString('utf8', 0, bytesRead));
            else reject(error);
          });
        });
      });
    }),

  async replaceIf(path, expected, content) {
    const handle = await open(path, constants.O_RDWR | NO_LINK | AT_ONCE);
    try {
      const there = Buffer.alloc(SMALL_BYTES);
      const { bytesRead } = await handle.read(there, 0, SMALL_BYTES, 0);
      if (there.toString('utf8', 0, bytesRead) !== expected) return false;
      const bytes = Buffer.from(content);
      await handle.write(bytes, 0, bytes.length, 0);
      if (bytes.length < Buffer.byteLength(expected)) await handle.truncate(bytes.length);
      return true;
    } finally {
      await handle.close();
    }
  },

  rename: (from, to) => whenNotInUse(() => rename(from, to)),
  remove: (path) => whenNotInUse(() => unlink(path)),

  // Asked for before each send: a callback costs less than a promise of Node's.
  stat: (path) =>
    new Promise((resolve, reject) => {
      statFile(path, { bigint: true }, (error, stats) => {
        if (error === null) resolve(factsOf(stats));
        else if (hasCode(error, 'ENOENT')) resolve(undefined);
        else reject(error);
      });
    }),

  async entry(path) {
    try {
      return factsOf(await lstat(path, { bigint: true }));
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw error;
    }
  },

  async realPath(path) {
    try {
      return await realpath(path);
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
      if ((await this.entry(path)) !== undefined) {
        throw danglingLink(path);
      }
      return join(await realpath(dirname(path)), basename(path));
    }
  },

  list: (folder) => readdir(folder),

  async unwritable(folder) {
    const there = await nearestFolder(folder);
    return access(there, constants.W_OK | constants.X_OK).then(
      () => undefined,
      () => there,
    );
  },

  async makeFolder(folder) {
    const first = await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    if (first !== undefined) await this.syncFolder(dirname(first));
  },

  async syncFolder(folder) {
    let handle: FileHandle;
    try {
      handle = await open(folder, 'r');
    } catch (error) {
      // Such a system keeps their entries safe by itself.
      if (!HERE.opensFolders) return;
      throw error;
    }
    try {
      await handle.sync();
    } catch (error) {
      // Some network file systems have no fsync for folders.
      if (!hasCode(error, 'EINVAL') && !hasCode(error, 'ENOTSUP') && !hasCode(error, 'EPERM')) throw error;
    } finally {
      await handle.close();
    }
  },
};

async function nearestFolder(folder: string): Promise<string> {
  const isThere = (await lstat(folder).catch(() => undefined)) !== undefined;
  const parent = dirname(folder);
  return isThere || parent === folder ? folder : nearestFolder(parent);
}

class RealAppendFile implements AppendFile {
  readonly #handle: FileHandle;
  #size: number;

  constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.#size = size;
  }

  get size(): number {
    return this.#size;
  }

  // Asked before each write, and like it by a callback: that costs less than a promise of the handle's. Whoever closes waits for both.
  facts(): Promise<FileFacts> {
    return new Promise((resolve, reject) => {
      fstatFile(this.#handle.fd, { bigint: true }, (error, stats) => {
        if (error === null) resolve(factsOf(stats));
        else reject(error);
      });
    });
  }

  read(): AsyncIterable<Uint8Array> {
    return chunksOf(this.#handle, 0);
  }

  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      writeFile(this.#handle.fd, bytes, 0, bytes.length, null, (error, bytesWritten) => {
        if (error === null) {
          this.#size += bytesWritten;
          resolve(bytesWritten);
        } else reject(error);
      });
    });
  }

  datasync(): Promise<void> {
    return this.#handle.datasync();
  }

  async truncate(size: number): Promise<void> {
    await this.#handle.truncate(size);
    this.#size = size;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** What is opened is asked what it is, not its name: that may lead elsewhere by then. */
async function openRegular(path: string, flags: number): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    handle = await open(path, flags, FILE_MODE);
  } catch (error) {
    // Sockets cannot be opened, and a link is refused by the same code as links in a circle.
    if (hasCode(error, 'ENXIO') || hasCode(error, 'EOPNOTSUPP')) throw noFile(path, 'a socket');
    if (hasCode(error, 'ELOOP') && (flags & NO_LINK) !== 0) throw noFile(path, 'a symbolic link');
    throw error;
  }
  try {
    const { kind } = factsOf(await handle.stat({ bigint: true }));
    if (kind !== 'a file') throw noFile(path, kind);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The next chunk is read into the other buffer while the consumer works on this one. */
async function* chunksOf(handle: FileHandle, offset: number): AsyncGenerator<Uint8Array> {
  let [buffer, other] = [Buffer.allocUnsafeSlow(CHUNK_BYTES), Buffer.allocUnsafeSlow(CHUNK_BYTES)];
  let next = handle.read(buffer, 0, CHUNK_BYTES, offset);
  try {
    for (let at = offset; ; ) {
      const { bytesRead } = await next;
      if (bytesRead === 0) return;
      at += bytesRead;
      next = handle.read(other, 0, CHUNK_BYTES, at);
      next.catch(() => undefined);
      yield buffer.subarray(0, bytesRead);
      [buffer, other] = [other, buffer];
    }
  } finally {
    // Whoever stops reading may close the handle next.
    await next.catch(() => undefined);
  }
}

function factsOf(stats: BigIntStats): FileFacts {
  return {
    kind: kindOf(stats),
    size: Number(stats.size),
    modifiedMs: Number(stats.mtimeNs / 1000n) / 1000,
    mode: Number(stats.mode & 0o777n),
    links: Number(stats.nlink),
    identity: `${stats.dev}:${stats.ino}`,
  };
}

function kindOf(stats: BigIntStats): FileKind {
  if (stats.isFile()) return 'a file';
  if (stats.isDirectory()) return 'a folder';
  if (stats.isSymbolicLink()) return 'a symbolic link';
  if (stats.isFIFO()) return 'a named pipe';
  return stats.isSocket() ? 'a socket' : 'a device';
}
