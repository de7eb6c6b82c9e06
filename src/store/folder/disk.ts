/**
 * The few things that the ledger asks of a file system. Real files stand behind it in the tool; the simulation puts a
 * disk behind it whose unsynced bytes may vanish.
 * Errors are Node's (`code` is `ENOSPC`, `EIO`, `EEXIST` …); what stands in a file's place and is none has `EISDIR` or {@link NO_FILE}.
 * Nothing here waits for another process: a named pipe or a device is never read.
 */
export interface Disk {
  /**
   * Opens a regular file for appending. Where there is none it is made with mode 0600, or ENOENT is thrown without `create`. A symbolic
   * link is not followed: see {@link Disk.realPath}.
   * @default create true
   */
  openAppend(path: string, create?: boolean): Promise<AppendFile>;
  /** A regular file's bytes from `offset` on, in chunks; each is valid until the next is asked for. Throws ENOENT when it is not there. */
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
  /** What the path leads to, symbolic links followed; undefined when there is nothing. */
  stat(path: string): Promise<FileFacts | undefined>;
  /** What stands at the path itself: of a symbolic link, the link. Undefined when there is nothing. */
  entry(path: string): Promise<FileFacts | undefined>;
  /**
   * The one path of what this path leads to, without symbolic links. The last part may not exist yet; throws {@link NO_FILE} for a symbolic link
   * to nothing, and ENOENT where the folder does not exist.
   */
  realPath(path: string): Promise<string>;
  list(folder: string): Promise<string[]>;
  /** The folder, or the nearest above it that is there, where that cannot be written to; undefined where files can be made. */
  unwritable(folder: string): Promise<string | undefined>;
  /** Makes the folder and its parents, mode 0700 where new. */
  makeFolder(folder: string): Promise<void>;
  /** Makes a new or renamed entry of the folder durable. */
  syncFolder(folder: string): Promise<void>;
}

export interface AppendFile {
  /** Where the next byte goes, as far as this handle alone has written. */
  readonly size: number;
  /** What the open file is by now, whatever its name leads to. */
  facts(): Promise<FileFacts>;
  /** The open file's bytes from its beginning on, as {@link Disk.read} gives them. */
  read(): AsyncIterable<Uint8Array>;
  /** Appends; may write fewer bytes than given, and says how many. */
  write(bytes: Uint8Array): Promise<number>;
  datasync(): Promise<void>;
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}

export interface FileFacts {
  kind: FileKind;
  /** Bytes. */
  size: number;
  /** By the file system's clock, epoch ms. */
  modifiedMs: number;
  /** Permission bits. */
  mode: number;
  /** Names that lead to it: more than one with a second hard link, none once it was removed. */
  links: number;
  /** Tells it from every other file, whatever it is called: device and inode number. */
  identity: string;
}

/** As it is named in messages, after "is". */
export type FileKind = 'a file' | 'a folder' | 'a symbolic link' | 'a named pipe' | 'a socket' | 'a device';

/** The `code` of an error about something that stands where a regular file is wanted; its message completes "because …". */
export const NO_FILE = 'NO_FILE';

/** For the double of a disk and the real one: what stands there is no regular file. */
export function noFile(path: string, kind: Exclude<FileKind, 'a file'>): NodeJS.ErrnoException {
  const [code, message] =
    kind === 'a folder' ? ['EISDIR', 'it is a folder'] : [NO_FILE, `it is ${kind} and not a regular file`];
  return Object.assign(new Error(message), { code, path });
}

export function danglingLink(path: string): NodeJS.ErrnoException {
  return Object.assign(new Error('it is a symbolic link that leads to nothing'), { code: NO_FILE, path });
}
