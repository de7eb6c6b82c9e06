/**
 * The few things that the ledger asks of a file system. Real files stand behind it in the tool; the simulation puts a
 * disk behind it whose unsynced bytes may vanish.
 * Errors are Node's (`code` is `ENOSPC`, `EIO`, `EEXIST` …).
 */
export interface Disk {
  /** Opens for appending, made with mode 0600 when it is not there. */
  openAppend(path: string): Promise<AppendFile>;
  /** The file's bytes from `offset` on, in chunks; each is valid until the next is asked for. Throws ENOENT when it is not there. */
  read(path: string, offset?: number): AsyncIterable<Uint8Array>;
  /** Makes a file that must not exist yet (mode 0600) with this content; throws EEXIST. */
  createExclusive(path: string, content: string): Promise<void>;
  /** The first 4096 bytes of a small file, which is all of it. Throws ENOENT. */
  readText(path: string): Promise<string>;
  /**
   * Rewrites a small file in place if it still holds exactly `expected`, else leaves it alone and returns false. Check and write go
   * through one handle: when the path is given to another file in between, the write falls on the old one. Throws ENOENT.
   */
  replaceIf(path: string, expected: string, content: string): Promise<boolean>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  stat(path: string): Promise<{ size: number; modifiedMs: number; mode: number } | undefined>;
  list(folder: string): Promise<string[]>;
  /** Makes the folder and its parents, mode 0700 where new. */
  makeFolder(folder: string): Promise<void>;
  /** Makes a new or renamed entry of the folder durable. */
  syncFolder(folder: string): Promise<void>;
}

export interface AppendFile {
  readonly size: number;
  /** Appends; may write fewer bytes than given, and says how many. */
  write(bytes: Uint8Array): Promise<number>;
  datasync(): Promise<void>;
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}
