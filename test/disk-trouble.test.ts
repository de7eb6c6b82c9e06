import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { troubleInWords } from '../src/disk-trouble.ts';
import { writePrivate } from '../src/report/private-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countermand-trouble-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a file that cannot be written is told in words', () => {
  it('where a file stands in the place of its folder', async () => {
    await writeFile(join(folder, 'out'), '');
    await expect(writePrivate(join(folder, 'out', 'report.html'), ['a'])).rejects.toMatchObject({
      exitCode: 2,
      message: `${join(folder, 'out', 'report.html')} cannot be written (${join(folder, 'out')} is a file and not a folder, EEXIST): name a file in a folder that you may write to`,
    });
    await expect(writePrivate(join(folder, 'out', 'deeper', 'report.html'), ['a'])).rejects.toThrow(
      'is a file and not a folder, ENOTDIR',
    );
  });

  it('where a folder has its name', async () => {
    await expect(writePrivate(folder, ['a'])).rejects.toThrow(`${folder} is a folder: name a file in it`);
  });

  it('in the words of Node where there are none of ours', () => {
    expect(troubleInWords(Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' }))).toBe(
      'EMFILE: too many open files',
    );
    expect(troubleInWords(new Error('odd'))).toBe('odd');
  });
});
