import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { readJobText } from '../../src/job/job-text.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countermand-job-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('a job file is read, byte order mark or not', async () => {
  await writeFile(join(folder, 'a.yaml'), '\ufeffname: a');
  expect(await readJobText(join(folder, 'a.yaml'))).toBe('name: a');
});

it('the reader says why a job file cannot be read', async () => {
  await writeFile(join(folder, 'b.yaml'), Buffer.from([0xe9, 0x41]));
  await expect(readJobText(join(folder, 'none.yaml'))).rejects.toThrow(/none\.yaml does not exist: check its name/);
  await expect(readJobText(folder)).rejects.toThrow(/is a directory: name the job file in it/);
  await expect(readJobText(join(folder, 'b.yaml'))).rejects.toThrow(/b\.yaml is not UTF-8 text/);
});

it('the reader does not wait for a pipe, and reads no device', async () => {
  execFileSync('mkfifo', [join(folder, 'pipe.yaml')]);
  await symlink('/dev/zero', join(folder, 'zero.yaml'));
  await expect(readJobText(join(folder, 'pipe.yaml'))).rejects.toThrow(/is a pipe, device or socket/);
  await expect(readJobText(join(folder, 'zero.yaml'))).rejects.toThrow(/is a pipe, device or socket/);
});

it('the reader asks by the open file whether it may be read', async () => {
  await writeFile(join(folder, 'secret'), 'hush');
  await symlink('secret', join(folder, 'c.yaml'));
  const { ino } = await stat(join(folder, 'secret'));
  const refuse = (file: { ino: number }) => {
    if (file.ino === ino) throw new UsageError('no');
  };
  await expect(readJobText(join(folder, 'c.yaml'), refuse)).rejects.toThrow('no');
});
