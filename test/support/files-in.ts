import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Every file of a folder and of its folders, as path and text; without those that go away meanwhile, as locks do. */
export async function filesIn(folder: string): Promise<[string, string][]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const read = entries
    .filter((entry) => entry.isFile())
    .map(async (entry): Promise<[string, string] | undefined> => {
      const path = join(entry.parentPath, entry.name);
      const text = await readFile(path, 'utf8').catch(ignoreGone);
      return text === undefined ? undefined : [path, text];
    });
  return (await Promise.all(read)).filter((file) => file !== undefined);
}

function ignoreGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
