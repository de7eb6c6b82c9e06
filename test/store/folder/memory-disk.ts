import { dirname } from 'node:path';
import {
  type AppendFile,
  type Disk,
  danglingLink,
  type FileFacts,
  type FileKind,
  noFile,
} from '../../../src/store/folder/disk.ts';

/** What a name leads to; two names of one object are hard links. */
interface MemoryFile {
  bytes: Buffer;
  modifiedMs: number;
  mode: number;
  /** @default 'a file' */
  kind?: FileKind;
  /** Of a symbolic link: an absolute path. */
  target?: string;
}

const MOST_LINKS = 40;

/** What the next operations on append files do instead of succeeding. */
export interface DiskTrouble {
  /** Bytes that still fit; a write beyond it is short, and the one after fails. */
  roomBytes?: number;
  /** Each write takes at most this many bytes. */
  shortWriteBytes?: number;
  writeError?: string;
  syncError?: string;
  truncateError?: string;
}

/** A disk in memory: the same promises as the real one, with trouble on demand and counts of what was asked of it. */
export class MemoryDisk implements Disk {
  readonly files = new Map<string, MemoryFile>();
  readonly folders = new Set<string>(['/']);
  trouble: DiskTrouble = {};
  writes = 0;
  syncs = 0;
  /** Holds every sync back until it resolves. */
  syncGate: Promise<void> | undefined;
  readonly #now: () => number;
  readonly #chunkBytes: number;
  readonly #numbers = new WeakMap<MemoryFile, number>();
  #last = 0;

  constructor(now: () => number = () => 0, chunkBytes = 1000) {
    this.#now = now;
    this.#chunkBytes = chunkBytes;
  }

  async openAppend(path: string, create = true): Promise<AppendFile> {
    if (!this.files.has(path)) {
      if (!create) throw failure('ENOENT', path);
      this.#make(path, Buffer.alloc(0));
    }
    const file = this.#get(path);
    regular(path, file);
    return new MemoryAppendFile(this, file, this.#now);
  }

  async *read(path: string, offset = 0): AsyncGenerator<Uint8Array> {
    const real = this.#follow(path);
    const file = this.#get(real);
    regular(path, file);
    yield* this.chunks(file, offset);
  }

  /** Sees what is appended meanwhile, as a file that is read does. */
  async *chunks(file: MemoryFile, offset = 0): AsyncGenerator<Uint8Array> {
    for (let at = offset; at < file.bytes.length; at += this.#chunkBytes) {
      yield file.bytes.subarray(at, at + this.#chunkBytes);
    }
  }

  async createExclusive(path: string, content: string): Promise<void> {
    if (this.files.has(path)) throw failure('EEXIST', path);
    this.#make(path, Buffer.from(content));
  }

  async readText(path: string): Promise<string> {
    return this.#get(this.#follow(path)).bytes.toString('utf8');
  }

  async replaceIf(path: string, expected: string, content: string): Promise<boolean> {
    const file = this.#get(path);
    await Promise.resolve();
    if (file.bytes.toString('utf8') !== expected) return false;
    file.bytes = Buffer.from(content);
    file.modifiedMs = this.#now();
    return true;
  }

  async rename(from: string, to: string): Promise<void> {
    const file = this.#get(from);
    this.files.delete(from);
    this.files.set(to, file);
  }

  async remove(path: string): Promise<void> {
    this.#get(path);
    this.files.delete(path);
  }

  async stat(path: string): Promise<FileFacts | undefined> {
    return this.entry(this.#follow(path));
  }

  async entry(path: string): Promise<FileFacts | undefined> {
    const file = this.files.get(path);
    if (file !== undefined) return this.facts(file);
    if (!this.folders.has(path)) return undefined;
    return { kind: 'a folder', size: 0, modifiedMs: 0, mode: 0o700, links: 2, identity: path };
  }

  facts(file: MemoryFile): FileFacts {
    const links = [...this.files.values()].filter((each) => each === file).length;
    const { bytes, modifiedMs, mode, kind = 'a file' } = file;
    return { kind, size: bytes.length, modifiedMs, mode, links, identity: String(this.#number(file)) };
  }

  async realPath(path: string): Promise<string> {
    const real = this.#follow(path);
    if (this.files.has(real) || this.folders.has(real)) return real;
    if (this.files.has(path)) throw danglingLink(path);
    if (!this.folders.has(dirname(path))) throw failure('ENOENT', path);
    return real;
  }

  async list(folder: string): Promise<string[]> {
    if (!this.folders.has(folder)) throw failure('ENOENT', folder);
    const paths = [...this.files.keys(), ...this.folders].filter((path) => path !== '/' && dirname(path) === folder);
    return paths.map((path) => path.slice(folder.length).replace('/', ''));
  }

  unwritable(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async makeFolder(folder: string): Promise<void> {
    for (let at = folder; at !== dirname(at); at = dirname(at)) this.folders.add(at);
  }

  async syncFolder(folder: string): Promise<void> {
    if (!this.folders.has(folder)) throw failure('ENOENT', folder);
  }

  /** For tests: another name for a file. */
  link(from: string, to: string): void {
    this.files.set(to, this.#get(from));
  }

  /** For tests: something that is no regular file; `target` for a symbolic link. */
  place(path: string, kind: FileKind, target?: string): void {
    const file: MemoryFile = { bytes: Buffer.alloc(0), modifiedMs: this.#now(), mode: 0o600, kind };
    this.files.set(path, target === undefined ? file : { ...file, target });
  }

  #follow(path: string): string {
    let at = path;
    for (let links = 0; links < MOST_LINKS; links++) {
      const target = this.files.get(at)?.target;
      if (target === undefined) return at;
      at = target;
    }
    throw failure('ELOOP', path);
  }

  #number(file: MemoryFile): number {
    const number = this.#numbers.get(file) ?? ++this.#last;
    this.#numbers.set(file, number);
    return number;
  }

  #make(path: string, bytes: Buffer): void {
    if (!this.folders.has(dirname(path))) throw failure('ENOENT', path);
    this.files.set(path, { bytes, modifiedMs: this.#now(), mode: 0o600 });
  }

  #get(path: string): MemoryFile {
    const file = this.files.get(path);
    if (file === undefined) throw failure('ENOENT', path);
    return file;
  }
}

class MemoryAppendFile implements AppendFile {
  readonly #disk: MemoryDisk;
  readonly #file: MemoryFile;
  readonly #now: () => number;
  #size: number;

  constructor(disk: MemoryDisk, file: MemoryFile, now: () => number) {
    this.#disk = disk;
    this.#file = file;
    this.#now = now;
    this.#size = file.bytes.length;
  }

  get size(): number {
    return this.#size;
  }

  async facts(): Promise<FileFacts> {
    return this.#disk.facts(this.#file);
  }

  read(): AsyncIterable<Uint8Array> {
    return this.#disk.chunks(this.#file);
  }

  async write(bytes: Uint8Array): Promise<number> {
    this.#disk.writes++;
    const { trouble } = this.#disk;
    if (trouble.writeError !== undefined) throw failure(trouble.writeError, 'write');
    if (trouble.roomBytes === 0) throw failure('ENOSPC', 'write');
    const count = Math.min(bytes.length, trouble.shortWriteBytes ?? bytes.length, trouble.roomBytes ?? bytes.length);
    if (trouble.roomBytes !== undefined) trouble.roomBytes -= count;
    this.#file.bytes = Buffer.concat([this.#file.bytes, bytes.subarray(0, count)]);
    this.#file.modifiedMs = this.#now();
    this.#size += count;
    return count;
  }

  async datasync(): Promise<void> {
    this.#disk.syncs++;
    await this.#disk.syncGate;
    if (this.#disk.trouble.syncError !== undefined) throw failure(this.#disk.trouble.syncError, 'fdatasync');
  }

  async truncate(size: number): Promise<void> {
    if (this.#disk.trouble.truncateError !== undefined) throw failure(this.#disk.trouble.truncateError, 'ftruncate');
    this.#file.bytes = this.#file.bytes.subarray(0, size);
    this.#size = size;
  }

  async close(): Promise<void> {}
}

function regular(path: string, { kind = 'a file' }: MemoryFile): void {
  if (kind !== 'a file') throw noFile(path, kind);
}

function failure(code: string, where: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${where}`), { code });
}
