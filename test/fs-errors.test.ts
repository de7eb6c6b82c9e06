import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writePrivate } from '../src/cli/files/private-file.ts';
import { remedyFor, troubleInWords } from '../src/fs-errors.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countermand-trouble-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("the operating system's shortages", () => {
  it.each([
    ['EMFILE', 'too many open files, EMFILE', /ulimit -n/],
    ['ENFILE', 'too many open files on this machine, ENFILE', /fs\.file-max/],
    ['ENOMEM', 'out of memory, ENOMEM', /memory/],
  ])('%s is told in its words, with what to do about it', (code, words, remedy) => {
    const error = Object.assign(new Error(`${code}: odd`), { code });
    expect(troubleInWords(error)).toBe(words);
    expect(remedyFor(error)).toMatch(remedy);
  });

  it("the operating system's shortages are no remedy for anything else", () => {
    expect(remedyFor(Object.assign(new Error('EACCES'), { code: 'EACCES' }))).toBeUndefined();
    expect(remedyFor('text')).toBeUndefined();
  });
});

describe('a file that cannot be written is told in words', () => {
  it('a file that cannot be written is told in words where a file stands in the place of its folder', async () => {
    await writeFile(join(folder, 'out'), '');
    await expect(writePrivate(join(folder, 'out', 'report.html'), ['a'])).rejects.toMatchObject({
      exitCode: 2,
      message: `${join(folder, 'out', 'report.html')} cannot be written (${join(folder, 'out')} is a file and not a folder, EEXIST): name a file in a folder that you may write to`,
    });
    await expect(writePrivate(join(folder, 'out', 'deeper', 'report.html'), ['a'])).rejects.toThrow(
      'is a file and not a folder, ENOTDIR',
    );
  });

  it('a file that cannot be written is told in words where a folder has its name', async () => {
    await expect(writePrivate(folder, ['a'])).rejects.toThrow(`${folder} is a folder: name a file in it`);
  });

  it('a file that cannot be written is told in the words of Node where there are none of ours', () => {
    const odd = Object.assign(new Error('EOVERFLOW: value too large'), { code: 'EOVERFLOW' });
    expect(troubleInWords(odd)).toBe('EOVERFLOW: value too large');
    expect(troubleInWords(new Error('odd'))).toBe('odd');
  });
});
