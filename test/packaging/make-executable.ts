import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Makes the executable of this platform, and has every test start that. */
export default async function makeExecutable(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'countermand-executable-'));
  for (const args of [
    ['build.mjs', '--one-file'],
    ['packaging/executables.mjs', folder, 'linux-x64'],
  ]) {
    execFileSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' });
  }
  process.env['COUNTERMAND_TEST_EXECUTABLE'] = join(folder, 'countermand');
  return () => rm(folder, { recursive: true, force: true });
}
