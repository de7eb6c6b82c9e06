import { dirname } from 'node:path';
import { type AppendFile, type Disk, danglingLink, type FileFacts, noFile } from '../../src/store/folder/disk.ts';
import type { SimProcess } from './process.ts';
import type { Random } from './seed.ts';

/** A file's content, apart from its name. */
export interface Inode {
  readonly number: number;
  data: Buffer;
  length: number;
  /** Bytes from the beginning that are on the platter. */
  synced: number;
  modifiedMs: number;
  /** Rewritten in place as a whole; what of it survives a loss of power is anybody's guess. */
  small: boolean;
  /** Of a symbolic link: the path that it leads to. */
  target?: string;
}

const MOST_LINKS = 40;

/** How badly the disk behaves for a process. Probabilities of one operation, 0 for none. */
export interface DiskTrouble {
  shortWrite: number;
  noSpace: number;
  ioError: number;
  syncError: number;
  lockError: number;
  /** Operations that take long, and how long at most (ms). */
  slow: number;
  slowMs: number;
}

export const NO_TROUBLE: DiskTrouble = {
  shortWrite: 0,
  noSpace: 0,
  ioError: 0,
  syncError: 0,
  lockError: 0,
  slow: 0,
  slowMs: 0,
};

/** What looks on while files change. */
export interface DiskObserver {
  written(inode: Inode, by: SimProcess): void;
  synced(inode: Inode): void;
  truncated(inode: Inode): void;
  /** Asked for; a slow disk may do it much later. */
  removing(path: string, inode: Inode, by: SimProcess): void;
}

export interface DiskOptions {
  random: Random;
  /** The file system's own time, epoch ms. */
  nowMs(): number;
  observer: DiskObserver;
}

type Entries = Map<string, Inode>;
type Operation = <T>(effect: () => T, takesTime?: boolean) => Promise<T>;

/** The folders of one disk, for all processes of the world. Kills lose nothing that was written; a loss of power loses what was not synced. */
export class SimDisk {
  readonly folder = '/ledgers';
  /** Those that are there though nothing may be in them. */
  readonly #folders = new Set(['/ledgers', '/other']);
  entries: Entries = new Map();
  /** The folder as it was after each change since its last sync. */
  #unsynced: Entries[] = [];
  #inodes = 0;
  readonly #options: DiskOptions;

  constructor(options: DiskOptions) {
    this.#options = options;
  }

  bytes(path: string): Buffer | undefined {
    const inode = this.entries.get(path);
    return inode?.data.subarray(0, inode.length);
  }

  /** What hands other than the program's do to the files: durable at once, and seen by no observer. */
  putByHand(path: string, bytes: Buffer): Inode {
    const inode = this.#make(path, false);
    this.rewriteByHand(inode, bytes);
    return inode;
  }

  rewriteByHand(inode: Inode, bytes: Buffer): void {
    this.#rewrite(inode, bytes);
    inode.synced = inode.length;
    this.#unsynced = [];
  }

  linkByHand(inode: Inode, path: string): void {
    this.entries.set(path, inode);
    this.#unsynced = [];
  }

  unlinkByHand(path: string): void {
    this.entries.delete(path);
    this.#unsynced = [];
  }

  /** What is left after the power came back. */
  losePower(): void {
    const { random, observer } = this.#options;
    if (this.#unsynced.length > 0) this.entries = new Map(random.pick(this.#unsynced));
    this.#unsynced = [];
    for (const inode of this.entries.values()) {
      if (inode.small) {
        if (inode.synced < inode.length && random.chance(0.3)) inode.length = 0;
      } else if (inode.synced < inode.length) {
        const lost = inode.length - inode.synced;
        const kept = random.pick([0, 1, lost, lost - 1, random.int(0, lost)]);
        inode.length = inode.synced + Math.min(lost, Math.max(0, kept));
        observer.truncated(inode);
      }
      inode.synced = inode.length;
      observer.synced(inode);
    }
  }

  /** The disk as a process has it: with trouble of its own, and with no effect once it is dead. */
  of(process: SimProcess, trouble: () => DiskTrouble): Disk {
    const { random, observer } = this.#options;

    /** Does `effect` some time later, and tells the process of it when it is there to be told. */
    function operation<T>(effect: () => T, takesTime = false): Promise<T> {
      return new Promise((resolve, reject) => {
        process.act(() => {
          const { slow, slowMs } = trouble();
          // A call into the kernel goes on when its caller is killed, or was never begun.
          const goesOn = random.chance(0.5);
          const finish = () => {
            try {
              effect();
            } catch {
              // Nobody is left to be told.
            }
          };
          if (goesOn) process.inKernel.add(finish);
          const run = () => {
            if (process.isDead) return;
            process.inKernel.delete(finish);
            let done: () => void;
            try {
              const value = effect();
              done = () => resolve(value);
            } catch (error) {
              done = () => reject(error);
            }
            process.deliver(done);
          };
          if (slow > 0 && random.chance(slow)) setTimeout(run, random.spread(50, slowMs));
          else if (takesTime) setTimeout(run, random.int(1, 4));
          else queueMicrotask(run);
        });
      });
    }

    const get = (path: string): Inode => {
      const inode = this.entries.get(path);
      if (inode === undefined) throw failure('ENOENT', path);
      return inode;
    };
    const follow = (path: string): string => {
      let at = path;
      for (let links = 0; links < MOST_LINKS; links++) {
        const target = this.entries.get(at)?.target;
        if (target === undefined) return at;
        at = target;
      }
      throw failure('ELOOP', path);
    };
    const entry = (path: string): FileFacts | undefined => {
      const inode = this.entries.get(path);
      if (inode !== undefined) return this.#facts(inode);
      if (path !== this.folder) return undefined;
      return { kind: 'a folder', size: 0, modifiedMs: 0, mode: 0o700, links: 2, identity: 'folder' };
    };
    const lockTrouble = (path: string) => {
      if (trouble().lockError > 0 && random.chance(trouble().lockError)) throw failure('EIO', path);
    };

    return {
      openAppend: async (path, create = true) => {
        const inode = await operation(() => {
          const there = create ? (this.entries.get(path) ?? this.#make(path, false)) : get(path);
          if (there.target !== undefined) throw noFile(path, 'a symbolic link');
          return there;
        });
        return this.#append(inode, process, trouble, operation);
      },
      read: (path, offset = 0) => this.#read(() => get(follow(path)), offset, operation),
      createExclusive: (path, content) =>
        operation(() => {
          lockTrouble(path);
          if (this.entries.has(path)) throw failure('EEXIST', path);
          const inode = this.#make(path, true);
          if (trouble().noSpace > 0 && random.chance(trouble().noSpace)) throw failure('ENOSPC', path);
          this.#rewrite(inode, content);
        }),
      readText: (path) =>
        operation(() => {
          const inode = get(follow(path));
          lockTrouble(path);
          return inode.data.toString('utf8', 0, inode.length);
        }),
      replaceIf: (path, expected, content) =>
        operation(() => {
          const inode = get(path);
          lockTrouble(path);
          if (inode.data.toString('utf8', 0, inode.length) !== expected) return false;
          this.#rewrite(inode, content);
          return true;
        }),
      rename: (from, to) =>
        operation(() => {
          const inode = get(from);
          this.#change((entries) => {
            entries.delete(from);
            entries.set(to, inode);
          });
        }),
      remove: (path) => {
        const asked = this.entries.get(path);
        if (asked !== undefined) observer.removing(path, asked, process);
        return operation(() => {
          get(path);
          this.#change((entries) => entries.delete(path));
        });
      },
      stat: (path) => operation(() => entry(follow(path))),
      entry: (path) => operation(() => entry(path)),
      realPath: (path) =>
        operation(() => {
          const real = follow(path);
          if (entry(real) !== undefined) return real;
          if (this.entries.has(path)) throw danglingLink(path);
          if (!this.#folders.has(dirname(path))) throw failure('ENOENT', path);
          return real;
        }),
      list: (folder) =>
        operation(() => {
          const inside = [...this.entries.keys()].filter((path) => path.startsWith(`${folder}/`));
          if (!this.#folders.has(folder) && inside.length === 0) throw failure('ENOENT', folder);
          return inside.map((path) => path.slice(folder.length + 1));
        }),
      unwritable: () => operation(() => undefined),
      makeFolder: () => operation(() => undefined),
      syncFolder: () =>
        operation(() => {
          if (trouble().syncError > 0 && random.chance(trouble().syncError)) throw failure('EIO', this.folder);
          this.#unsynced = [];
        }, true),
    };
  }

  #append(inode: Inode, process: SimProcess, trouble: () => DiskTrouble, operation: Operation): AppendFile {
    const { random, observer } = this.#options;
    let size = inode.length;
    return {
      get size() {
        return size;
      },
      facts: () => operation(() => this.#facts(inode)),
      read: () => this.#read(() => inode, 0, operation),
      write: (bytes) => {
        const copy = Buffer.from(bytes);
        return operation(() => {
          const { shortWrite, noSpace, ioError } = trouble();
          if (ioError > 0 && random.chance(ioError)) throw failure('EIO', 'write');
          const full = noSpace > 0 && random.chance(noSpace);
          const short = full || (shortWrite > 0 && random.chance(shortWrite));
          const count = short ? random.int(full ? 0 : 1, copy.length) : copy.length;
          this.#grow(inode, inode.length + count);
          copy.copy(inode.data, inode.length, 0, count);
          inode.length += count;
          size += count;
          inode.modifiedMs = this.#options.nowMs();
          observer.written(inode, process);
          if (full && (count === 0 || random.chance(0.5))) throw failure('ENOSPC', 'write');
          return count;
        });
      },
      datasync: () =>
        operation(() => {
          if (trouble().syncError > 0 && random.chance(trouble().syncError)) throw failure('EIO', 'fdatasync');
          inode.synced = inode.length;
          observer.synced(inode);
        }, true),
      truncate: (to) =>
        operation(() => {
          if (trouble().ioError > 0 && random.chance(trouble().ioError)) throw failure('EIO', 'ftruncate');
          inode.length = to;
          size = to;
          inode.synced = Math.min(inode.synced, to);
          observer.truncated(inode);
        }),
      close: () => operation(() => undefined),
    };
  }

  /** For tests and rivals: another name for a file. */
  link(from: string, to: string): void {
    const inode = this.entries.get(from);
    if (inode !== undefined) this.#change((entries) => entries.set(to, inode));
  }

  /** For tests and rivals: a symbolic link. */
  symbolicLink(target: string, path: string): void {
    this.#make(path, true).target = target;
  }

  async *#read(find: () => Inode, offset: number, operation: Operation): AsyncGenerator<Uint8Array> {
    const bytes = await operation(() => {
      const inode = find();
      return Buffer.from(inode.data.subarray(offset, inode.length));
    }, true);
    const chunk = this.#options.random.spread(200, 100_000);
    for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
  }

  #facts(inode: Inode): FileFacts {
    const links = [...this.entries.values()].filter((each) => each === inode).length;
    const kind = inode.target === undefined ? 'a file' : 'a symbolic link';
    return {
      kind,
      size: inode.length,
      modifiedMs: inode.modifiedMs,
      mode: 0o600,
      links,
      identity: String(inode.number),
    };
  }

  #make(path: string, small: boolean): Inode {
    if (!this.#folders.has(dirname(path))) throw failure('ENOENT', path);
    this.#inodes++;
    const inode: Inode = {
      number: this.#inodes,
      data: Buffer.alloc(small ? 512 : 65_536),
      length: 0,
      synced: 0,
      modifiedMs: this.#options.nowMs(),
      small,
    };
    this.#change((entries) => entries.set(path, inode));
    return inode;
  }

  #rewrite(inode: Inode, content: string | Buffer): void {
    const bytes = Buffer.from(content);
    this.#grow(inode, bytes.length);
    bytes.copy(inode.data);
    inode.length = bytes.length;
    inode.synced = 0;
    inode.modifiedMs = this.#options.nowMs();
  }

  #change(change: (entries: Entries) => void): void {
    if (this.#unsynced.length === 0) this.#unsynced.push(new Map(this.entries));
    change(this.entries);
    this.#unsynced.push(new Map(this.entries));
    // What is that old has long been written by the kernel itself.
    if (this.#unsynced.length > 12) this.#unsynced.shift();
  }

  #grow(inode: Inode, length: number): void {
    if (length <= inode.data.length) return;
    const larger = Buffer.alloc(Math.max(length, inode.data.length * 2));
    inode.data.copy(larger, 0, 0, inode.length);
    inode.data = larger;
  }
}

function failure(code: string, where: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: simulated, ${where}`), { code });
}
