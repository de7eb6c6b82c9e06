// try-executable.mjs DIR: takes the archive for this system out of DIR, as `npm run package` made it, unpacks it into an empty folder and runs what
// is in it: the version, and the demonstration. macOS wants a signature first, of anybody.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const release = resolve(process.argv[2] ?? 'release');
const system = { linux: 'linux', win32: 'windows', darwin: 'macos' }[process.platform];
const ending = `-${system}-${process.arch}.tar.gz`;
const archive = readdirSync(release).find((name) => name.endsWith(ending));
if (archive === undefined) throw new Error(`there is no archive …${ending} in ${release}`);

const folder = mkdtempSync(join(tmpdir(), 'countermand-try-'));
try {
  execFileSync('tar', ['-xzf', join(release, archive), '-C', folder]);
  const command = join(folder, archive.replace('.tar.gz', ''), system === 'windows' ? 'countermand.exe' : 'countermand');
  if (system === 'macos') execFileSync('codesign', ['--sign', '-', command], { stdio: 'inherit' });
  const run = (...args) => execFileSync(command, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  const version = run('--version');
  console.log(version.trim());
  if (!version.includes('in a single executable')) throw new Error('that is not the version of an executable');
  const shown = run('demo');
  const made = readdirSync(join(folder, 'ledgers'));
  console.log(`the demonstration left ${made.join(', ')}`);
  if (!/actions cancelled/.test(shown) || !made.some((name) => name.endsWith('.html'))) throw new Error('the demonstration is not whole');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
