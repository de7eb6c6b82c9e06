import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Disk } from '../../src/ledger/disk.ts';
import { fileDisk } from '../../src/ledger/file-disk.ts';
import { MemoryDisk } from './memory-disk.ts';

const DISKS: { name: string; make: () => Disk }[] = [
  { name: 'the real disk', make: () => fileDisk },
  { name: 'the disk in memory', make: () => new MemoryDisk(() => Date.now()) },
];

async function bytesOf(disk: Disk, path: string, offset?: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of disk.read(path, offset)) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks).toString();
}

describe.each(DISKS)('$name', ({ make }) => {
  let disk: Disk;
  let folder: string;
  beforeEach(async () => {
    disk = make();
    folder = join(await mkdtemp(join(tmpdir(), 'disk-')), 'a', 'b');
    await disk.makeFolder(folder);
  });
  afterEach(() => rm(join(folder, '..', '..'), { recursive: true, force: true }));
  const at = (name: string) => join(folder, name);

  test('appends where the file ends, also after it was opened again', async () => {
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

  test('goes on at the new end after a cut', async () => {
    const file = await disk.openAppend(at('x'));
    await file.write(Buffer.from('whole\ntorn'));
    await file.truncate(6);
    expect(file.size).toBe(6);
    await file.write(Buffer.from('next\n'));
    await file.close();
    expect(await bytesOf(disk, at('x'))).toBe('whole\nnext\n');
  });

  test('reads from an offset, and large files in order', async () => {
    const text = Array.from({ length: 100_000 }, (_, i) => `${i}\n`).join('');
    await disk.createExclusive(at('x'), text);
    expect(await bytesOf(disk, at('x'))).toBe(text);
    expect(await bytesOf(disk, at('x'), text.length - 6)).toBe('99999\n');
  });

  test('makes a file only when there is none', async () => {
    await disk.createExclusive(at('x'), 'mine');
    await expect(disk.createExclusive(at('x'), 'yours')).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await disk.readText(at('x'))).toBe('mine');
  });

  test('replaces a content only when it is the expected one', async () => {
    await disk.createExclusive(at('x'), 'long content');
    expect(await disk.replaceIf(at('x'), 'other', 'new')).toBe(false);
    expect(await disk.readText(at('x'))).toBe('long content');
    expect(await disk.replaceIf(at('x'), 'long content', 'new')).toBe(true);
    expect(await disk.readText(at('x'))).toBe('new');
    await expect(disk.replaceIf(at('absent'), '', '')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('says what is not there by ENOENT, and by undefined when asked for its size', async () => {
    expect(await disk.stat(at('absent'))).toBeUndefined();
    await expect(disk.readText(at('absent'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(disk.remove(at('absent'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(bytesOf(disk, at('absent'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(disk.openAppend(join(folder, 'nowhere', 'x'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('renames over what was there, lists and removes', async () => {
    await disk.createExclusive(at('x'), 'x');
    await disk.createExclusive(at('y'), 'y');
    await disk.rename(at('x'), at('y'));
    expect(await disk.list(folder)).toEqual(['y']);
    expect(await disk.readText(at('y'))).toBe('x');
    await disk.syncFolder(folder);
    await disk.remove(at('y'));
    expect(await disk.list(folder)).toEqual([]);
  });

  test('keeps files to their owner, and knows when they were written', async () => {
    const file = await disk.openAppend(at('x'));
    await file.close();
    await disk.createExclusive(at('y'), 'y');
    const { mode, modifiedMs, size } = (await disk.stat(at('y'))) ?? { mode: 0, modifiedMs: 0, size: 0 };
    expect(mode).toBe(0o600);
    expect((await disk.stat(at('x')))?.mode).toBe(0o600);
    expect(size).toBe(1);
    expect(Math.abs(modifiedMs - Date.now())).toBeLessThan(3_600_000);
  });
});

test('folders of the real disk are their owner’s alone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'disk-'));
  await fileDisk.makeFolder(join(folder, 'a', 'b'));
  expect((await fileDisk.stat(join(folder, 'a')))?.mode).toBe(0o700);
  expect((await fileDisk.stat(join(folder, 'a', 'b')))?.mode).toBe(0o700);
  await rm(folder, { recursive: true });
});
