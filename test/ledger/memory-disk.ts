import { dirname } from 'node:path';
import type { AppendFile, Disk } from '../../src/ledger/disk.ts';

interface MemoryFile {
  bytes: Buffer;
  modifiedMs: number;
  mode: number;
}

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

  constructor(now: () => number = () => 0, chunkBytes = 1000) {
    this.#now = now;
    this.#chunkBytes = chunkBytes;
  }

  async openAppend(path: string): Promise<AppendFile> {
    if (!this.files.has(path)) this.#make(path, Buffer.alloc(0));
    return new MemoryAppendFile(this, this.#get(path), this.#now);
  }

  async *read(path: string, offset = 0): AsyncGenerator<Uint8Array> {
    const { bytes } = this.#get(path);
    for (let at = offset; at < bytes.length; at += this.#chunkBytes) yield bytes.subarray(at, at + this.#chunkBytes);
  }

  async createExclusive(path: string, content: string): Promise<void> {
    if (this.files.has(path)) throw failure('EEXIST', path);
    this.#make(path, Buffer.from(content));
  }

  async readText(path: string): Promise<string> {
    return this.#get(path).bytes.toString('utf8');
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

  async stat(path: string): Promise<{ size: number; modifiedMs: number; mode: number } | undefined> {
    const file = this.files.get(path);
    return file && { size: file.bytes.length, modifiedMs: file.modifiedMs, mode: file.mode };
  }

  async list(folder: string): Promise<string[]> {
    if (!this.folders.has(folder)) throw failure('ENOENT', folder);
    const paths = [...this.files.keys(), ...this.folders].filter((path) => path !== '/' && dirname(path) === folder);
    return paths.map((path) => path.slice(folder.length).replace('/', ''));
  }

  async makeFolder(folder: string): Promise<void> {
    for (let at = folder; at !== dirname(at); at = dirname(at)) this.folders.add(at);
  }

  async syncFolder(folder: string): Promise<void> {
    if (!this.folders.has(folder)) throw failure('ENOENT', folder);
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

  constructor(disk: MemoryDisk, file: MemoryFile, now: () => number) {
    this.#disk = disk;
    this.#file = file;
    this.#now = now;
  }

  get size(): number {
    return this.#file.bytes.length;
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
  }

  async close(): Promise<void> {}
}

function failure(code: string, where: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${where}`), { code });
}
