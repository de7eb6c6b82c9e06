import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { openSource, readStdin } from '../../src/intake/open-source.ts';
import { readIds } from '../../src/intake/read-ids.ts';

const A = '5382f7ea-7557-4ab7-9782-d50480024a4e';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countermand-intake-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function idsOf(source: AsyncIterable<Uint8Array>): Promise<string[]> {
  const ids: string[] = [];
  for await (const row of readIds(source, { name: 'it' })) if (row.kind === 'id') ids.push(row.id);
  return ids;
}

describe('openSource', () => {
  it('openSource streams a file', async () => {
    const path = join(folder, 'ids.txt');
    await writeFile(path, `${A}\n`.repeat(20_000));
    const ids = await idsOf(await openSource(path));
    expect(ids).toHaveLength(20_000);
  });

  it('openSource says that a file does not exist', async () => {
    const path = join(folder, 'none.csv');
    await expect(openSource(path)).rejects.toThrow(
      new UsageError(`${path} does not exist: check the name of the file that holds the action IDs`),
    );
  });

  it('openSource says that a folder is one', async () => {
    const path = join(folder, 'sub');
    await mkdir(path);
    await expect(openSource(path)).rejects.toThrow(/is a directory: name the file in it/);
  });

  it('openSource says that a part of the path is a file', async () => {
    const path = join(folder, 'file');
    await writeFile(path, '');
    await expect(openSource(join(path, 'ids.csv'))).rejects.toThrow(/does not exist/);
  });

  it.skipIf(process.getuid?.() === 0)('openSource says that a file may not be read', async () => {
    const path = join(folder, 'secret.csv');
    await writeFile(path, A);
    await chmod(path, 0o000);
    await expect(idsOf(await openSource(path))).rejects.toThrow(/permission denied/);
  });

  it('openSource names the code of any other error', async () => {
    await expect(openSource(join(folder, 'x'.repeat(300)))).rejects.toThrow(
      /cannot be read \(ENAMETOOLONG\): check the file/,
    );
  });
});

describe('readStdin', () => {
  it('readStdin hands on what is piped in', async () => {
    async function* piped() {
      yield Buffer.from(A);
    }
    expect(await idsOf(readStdin(piped()))).toEqual([A]);
  });

  it('readStdin turns a broken pipe into a sentence', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(A);
      throw Object.assign(new Error('read'), { code: 'EIO' });
    }
    await expect(idsOf(readStdin(broken()))).rejects.toThrow(/^stdin cannot be read \(EIO\)/);
  });
});
