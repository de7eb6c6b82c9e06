// Makes `dist` from `src`: `npm run build`, and npm's `prepare`, so that a clone, a tarball and `git+…` all have a command after they were
// installed. Beside it lies what `--version` says of where it came from.
import { execFileSync } from 'node:child_process';
import { existsSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = realpathSync(fileURLToPath(new URL('.', import.meta.url)));
const compiler = `${root}/node_modules/typescript/bin/tsc`;

// After `npm ci --omit=dev` there is nothing to build with, which is no fault of that install.
if (process.env.npm_lifecycle_event === 'prepare' && !existsSync(compiler)) {
  console.error('countermand: typescript is not installed, so nothing is built: run npm ci, then npm run build');
} else {
  rmSync(`${root}/dist`, { recursive: true, force: true });
  execFileSync(process.execPath, [compiler, '-p', root], { stdio: 'inherit' });
  writeFileSync(`${root}/dist/build.json`, `${JSON.stringify({ commit: process.env.SOURCE_COMMIT || commitOf(root) })}\n`);
}

/** Of the clone that this folder is, with `-dirty` where tracked files differ from it; undefined elsewhere, in a folder of another clone too. */
function commitOf(folder) {
  const git = (...args) => execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    if (realpathSync(git('rev-parse', '--show-toplevel')) !== folder) return undefined;
    const dirty = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '-dirty';
    return `${git('rev-parse', 'HEAD')}${dirty}`;
  } catch {
    return undefined;
  }
}
