import { close as closeFile, constants, open as openFile, read as readFile } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { AppendFile, Disk } from './disk.ts';

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
const CHUNK_BYTES = 1 << 18;
/** More than a lock holds. */
const SMALL_BYTES = 4096;

/** The machine's own file system. */
export const fileDisk: Disk = {
  async openAppend(path) {
    const handle = await open(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, FILE_MODE);
    try {
      return new RealAppendFile(handle, (await handle.stat()).size);
    } catch (error) {
      await handle.close();
      throw error;
    }
  },

  async *read(path, offset = 0) {
    const handle = await open(path, 'r');
    try {
      // The next chunk is read into the other buffer while the consumer works on this one.
      let [buffer, other] = [Buffer.allocUnsafeSlow(CHUNK_BYTES), Buffer.allocUnsafeSlow(CHUNK_BYTES)];
      let next = handle.read(buffer, 0, CHUNK_BYTES, offset);
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
      await handle.close();
    }
  },

  async createExclusive(path, content) {
    const handle = await open(path, 'wx', FILE_MODE);
    try {
      await handle.writeFile(content);
    } catch (error) {
      // A full disk takes the file and not its content: an empty lock would stand in everybody's way.
      await unlink(path).catch(() => undefined);
      throw error;
    } finally {
      await handle.close();
    }
  },

  readText: (path) =>
    // A lock is read before each send. Without a FileHandle and without asking for the size, that costs two thirds.
    new Promise((resolve, reject) => {
      openFile(path, 'r', (openError, file) => {
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
    const handle = await open(path, 'r+');
    try {
      if ((await handle.readFile('utf8')) !== expected) return false;
      const bytes = Buffer.from(content);
      await handle.write(bytes, 0, bytes.length, 0);
      if (bytes.length < Buffer.byteLength(expected)) await handle.truncate(bytes.length);
      return true;
    } finally {
      await handle.close();
    }
  },

  rename,
  remove: unlink,

  async stat(path) {
    try {
      const { size, mtimeMs, mode } = await stat(path);
      return { size, modifiedMs: mtimeMs, mode: mode & 0o777 };
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw error;
    }
  },

  list: (folder) => readdir(folder),

  async makeFolder(folder) {
    const first = await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    if (first !== undefined) await this.syncFolder(dirname(first));
  },

  async syncFolder(folder) {
    let handle: FileHandle;
    try {
      handle = await open(folder, 'r');
    } catch (error) {
      // Windows does not open folders, and keeps their entries safe by itself.
      if (process.platform === 'win32') return;
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

  async write(bytes: Uint8Array): Promise<number> {
    const { bytesWritten } = await this.#handle.write(bytes, 0, bytes.length);
    this.#size += bytesWritten;
    return bytesWritten;
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

/** Whether an error is Node's, with this code. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}
