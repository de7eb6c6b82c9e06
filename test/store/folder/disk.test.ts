import { execFileSync } from 'node:child_process';
import { link, mkdtemp, rm, symlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Disk, type FileKind, NO_FILE } from '../../../src/store/folder/disk.ts';
import { fileDisk } from '../../../src/store/folder/file-disk.ts';
import { NO_TROUBLE, SimDisk } from '../../simulation/disk.ts';
import { SimProcess } from '../../simulation/process.ts';
import { Random } from '../../simulation/seed.ts';
import { MemoryDisk } from './memory-disk.ts';

/** A disk, and what only a test does to it. */
interface Tried {
  disk: Disk;
  /** A folder that is there. */
  folder: string;
  link(from: string, to: string): Promise<void>;
  symbolicLink(target: string, path: string): Promise<void>;
  /** Undefined where the disk knows no such things. */
  place: ((path: string, kind: 'a named pipe' | 'a socket') => Promise<void>) | undefined;
  done(): Promise<void>;
}

async function realDisk(): Promise<Tried> {
  const base = await mkdtemp(join(tmpdir(), 'disk-'));
  const folder = join(base, 'a', 'b');
  await fileDisk.makeFolder(folder);
  const servers: Server[] = [];
  return {
    disk: fileDisk,
    folder,
    link,
    symbolicLink: (target, path) => symlink(target, path),
    place: async (path, kind) => {
      if (kind === 'a named pipe') {
        execFileSync('mkfifo', [path]);
        return;
      }
      const server = createServer();
      servers.push(server);
      await new Promise<void>((resolve) => {
        server.listen(path, resolve);
      });
    },
    done: async () => {
      for (const server of servers) server.close();
      await rm(base, { recursive: true, force: true });
    },
  };
}

async function memoryDisk(): Promise<Tried> {
  const disk = new MemoryDisk(() => Date.now());
  const folder = '/a/b';
  await disk.makeFolder(folder);
  return {
    disk,
    folder,
    link: async (from, to) => disk.link(from, to),
    symbolicLink: async (target, path) => disk.place(path, 'a symbolic link', target),
    place: async (path, kind) => disk.place(path, kind),
    done: async () => {},
  };
}

async function simulatedDisk(): Promise<Tried> {
  const nothing = () => undefined;
  const observer = { written: nothing, synced: nothing, truncated: nothing, removing: nothing };
  const sim = new SimDisk({ random: new Random('disk'), nowMs: () => Date.now(), observer });
  const process = new SimProcess({ pid: 1, name: 'one', onKill: nothing });
  return {
    disk: sim.of(process, () => NO_TROUBLE),
    folder: sim.folder,
    link: async (from, to) => sim.link(from, to),
    symbolicLink: async (target, path) => sim.symbolicLink(target, path),
    place: undefined,
    done: async () => {},
  };
}

const DISKS: { name: string; make: () => Promise<Tried> }[] = [
  { name: 'the real disk', make: realDisk },
  { name: 'the disk in memory', make: memoryDisk },
  { name: "the simulation's disk", make: simulatedDisk },
];

async function bytesOf(disk: Disk, path: string, offset?: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of disk.read(path, offset)) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks).toString();
}

describe.each(DISKS)('$name', ({ make }) => {
  let tried: Tried;
  let disk: Disk;
  let folder: string;
  beforeEach(async () => {
    tried = await make();
    ({ disk, folder } = tried);
  });
  afterEach(() => tried.done());
  const at = (name: string) => join(folder, name);

  test('a disk appends where the file ends, also after it was opened again', async () => {
    const first = await disk.openAppend(at('x'));
    expect(first.size).toBe(0);
    expect(await first.write(Buffer.from('one\n'))).toBe(4);
    await first.datasync();
    expect(first.size).toBe(4);
    await first.close();
    const second = await disk.openAppend(at('x'));
    expect(second.size).toBe(4);
    await second.write(Buffer.from('two\n'));
    await second.close();
    expect(await bytesOf(disk, at('x'))).toBe('one\ntwo\n');
  });

  test('a disk goes on at the new end after a cut', async () => {
    const file = await disk.openAppend(at('x'));
    await file.write(Buffer.from('whole\ntorn'));
    await file.truncate(6);
    expect(file.size).toBe(6);
    await file.write(Buffer.from('next\n'));
    await file.close();
    expect(await bytesOf(disk, at('x'))).toBe('whole\nnext\n');
  });

  test('a disk reads from an offset, and large files in order', async () => {
    const text = Array.from({ length: 100_000 }, (_, i) => `${i}\n`).join('');
    const file = await disk.openAppend(at('x'));
    await file.write(Buffer.from(text));
    await file.close();
    expect(await bytesOf(disk, at('x'))).toBe(text);
    expect(await bytesOf(disk, at('x'), text.length - 6)).toBe('99999\n');
  });

  test('a disk makes a file only when there is none', async () => {
    await disk.createExclusive(at('x'), 'mine');
    await expect(disk.createExclusive(at('x'), 'yours')).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await disk.readText(at('x'))).toBe('mine');
  });

  test('a disk replaces a content only when it is the expected one', async () => {
    await disk.createExclusive(at('x'), 'long content');
    expect(await disk.replaceIf(at('x'), 'other', 'new')).toBe(false);
    expect(await disk.readText(at('x'))).toBe('long content');
    expect(await disk.replaceIf(at('x'), 'long content', 'new')).toBe(true);
    expect(await disk.readText(at('x'))).toBe('new');
    await expect(disk.replaceIf(at('absent'), '', '')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('a disk says what is not there by ENOENT, and by undefined when asked for its size', async () => {
    expect(await disk.stat(at('absent'))).toBeUndefined();
    await expect(disk.readText(at('absent'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(disk.remove(at('absent'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(bytesOf(disk, at('absent'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(disk.openAppend(join(folder, 'nowhere', 'x'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('a disk renames over what was there, lists and removes', async () => {
    await disk.createExclusive(at('x'), 'x');
    await disk.createExclusive(at('y'), 'y');
    await disk.rename(at('x'), at('y'));
    expect(await disk.list(folder)).toEqual(['y']);
    expect(await disk.readText(at('y'))).toBe('x');
    await disk.syncFolder(folder);
    await disk.remove(at('y'));
    expect(await disk.list(folder)).toEqual([]);
  });

  test('a disk keeps files to their owner, and knows when they were written', async () => {
    const file = await disk.openAppend(at('x'));
    await file.close();
    await disk.createExclusive(at('y'), 'y');
    const { mode, modifiedMs, size } = (await disk.stat(at('y'))) ?? { mode: 0, modifiedMs: 0, size: 0 };
    expect(mode).toBe(0o600);
    expect((await disk.stat(at('x')))?.mode).toBe(0o600);
    expect(size).toBe(1);
    expect(Math.abs(modifiedMs - Date.now())).toBeLessThan(3_600_000);
  });

  test('a disk opens a file that is there without making one', async () => {
    await expect(disk.openAppend(at('x'), false)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await disk.list(folder)).toEqual([]);
    await disk.createExclusive(at('x'), 'x');
    const file = await disk.openAppend(at('x'), false);
    expect(file.size).toBe(1);
    await file.close();
  });

  test('a disk tells files apart by what they are and not by their names', async () => {
    const file = await disk.openAppend(at('x'));
    await file.write(Buffer.from('one'));
    const { identity } = await file.facts();
    expect(await file.facts()).toMatchObject({ kind: 'a file', size: 3, links: 1 });
    expect((await disk.stat(at('x')))?.identity).toBe(identity);
    await tried.link(at('x'), at('y'));
    expect((await disk.stat(at('y')))?.identity).toBe(identity);
    expect((await file.facts()).links).toBe(2);
    await disk.createExclusive(at('z'), 'two');
    expect((await disk.stat(at('z')))?.identity).not.toBe(identity);
    await disk.rename(at('z'), at('x'));
    expect((await disk.stat(at('x')))?.identity).not.toBe(identity);
    expect((await file.facts()).links).toBe(1);
    await disk.remove(at('y'));
    expect((await file.facts()).links).toBe(0);
    await file.close();
  });

  test('an open file is read and written whatever becomes of its name', async () => {
    const file = await disk.openAppend(at('x'));
    await file.write(Buffer.from('one'));
    await disk.createExclusive(at('y'), 'foreign');
    await disk.rename(at('y'), at('x'));
    await file.write(Buffer.from('two'));
    const chunks: Uint8Array[] = [];
    for await (const chunk of file.read()) chunks.push(Uint8Array.from(chunk));
    expect(Buffer.concat(chunks).toString()).toBe('onetwo');
    expect(await disk.readText(at('x'))).toBe('foreign');
    await file.close();
  });

  test('an open file knows its own writes, and its facts those of others', async () => {
    const file = await disk.openAppend(at('x'));
    await file.write(Buffer.from('one'));
    const other = await disk.openAppend(at('x'));
    await other.write(Buffer.from('more'));
    expect([file.size, (await file.facts()).size]).toEqual([3, 7]);
    await other.truncate(1);
    expect([file.size, (await file.facts()).size]).toEqual([3, 1]);
    await file.close();
    await other.close();
  });

  test('a disk follows symbolic links to what is read, and gives one path to it', async () => {
    await disk.createExclusive(at('x'), 'text');
    const real = await disk.realPath(at('x'));
    await tried.symbolicLink(real, at('link'));
    await tried.symbolicLink(at('link'), at('further'));
    expect(await disk.realPath(at('further'))).toBe(real);
    expect(await bytesOf(disk, at('further'))).toBe('text');
    expect((await disk.stat(at('further')))?.kind).toBe('a file');
    expect((await disk.entry(at('further')))?.kind).toBe('a symbolic link');
    expect(await disk.realPath(at('absent'))).toBe(join(await disk.realPath(folder), 'absent'));
    expect(await disk.entry(at('absent'))).toBeUndefined();
    await expect(disk.realPath(join(folder, 'nowhere', 'x'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('a disk does not append through a symbolic link, nor follow one to nothing or in a circle', async () => {
    await disk.createExclusive(at('x'), 'text');
    await tried.symbolicLink(at('x'), at('link'));
    await expect(disk.openAppend(at('link'))).rejects.toMatchObject({ code: NO_FILE });
    await tried.symbolicLink(at('absent'), at('dangling'));
    await expect(disk.realPath(at('dangling'))).rejects.toMatchObject({ code: NO_FILE });
    expect(await disk.stat(at('dangling'))).toBeUndefined();
    await tried.symbolicLink(at('two'), at('one'));
    await tried.symbolicLink(at('one'), at('two'));
    await expect(disk.realPath(at('one'))).rejects.toMatchObject({ code: 'ELOOP' });
    await expect(disk.stat(at('one'))).rejects.toMatchObject({ code: 'ELOOP' });
  });

  test('a disk knows a folder from a file', async () => {
    expect((await disk.stat(folder))?.kind).toBe('a folder');
    expect((await disk.entry(folder))?.kind).toBe('a folder');
  });

  test.each(['a named pipe', 'a socket'] as const)(
    'a disk neither reads nor opens %s, and waits for nothing',
    async (kind) => {
      if (tried.place === undefined) return;
      await tried.place(at('odd'), kind);
      const facts = { kind: kind satisfies FileKind };
      expect(await disk.stat(at('odd'))).toMatchObject(facts);
      expect(await disk.entry(at('odd'))).toMatchObject(facts);
      await expect(bytesOf(disk, at('odd'))).rejects.toMatchObject({
        code: NO_FILE,
        message: expect.stringContaining(kind),
      });
      await expect(disk.openAppend(at('odd'))).rejects.toMatchObject({ code: NO_FILE });
    },
  );
});

test('the real disk reads no folder and no device', async () => {
  await expect(bytesOf(fileDisk, tmpdir())).rejects.toMatchObject({ code: 'EISDIR' });
  await expect(bytesOf(fileDisk, '/dev/null')).rejects.toMatchObject({
    code: NO_FILE,
    message: expect.stringContaining('a device'),
  });
  await expect(fileDisk.openAppend('/dev/null')).rejects.toMatchObject({ code: NO_FILE });
  await expect(fileDisk.openAppend(tmpdir())).rejects.toMatchObject({ code: 'EISDIR' });
});

test('folders of the real disk are their owner’s alone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'disk-'));
  await fileDisk.makeFolder(join(folder, 'a', 'b'));
  expect((await fileDisk.stat(join(folder, 'a')))?.mode).toBe(0o700);
  expect((await fileDisk.stat(join(folder, 'a', 'b')))?.mode).toBe(0o700);
  await rm(folder, { recursive: true });
});
