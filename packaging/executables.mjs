// The program and Node in one file, for a machine that has neither: `node packaging/executables.mjs DIR TARGET` puts it into DIR with the licences.
// Linux on x64 makes those of all targets, and asks npm's registry for Node, once. Needs `node build.mjs --one-file`. Nothing is signed here.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { imageFormat, withoutCertificate } from './image-format.mjs';
import { BUILDER, NODE_VERSION, TARGETS } from './targets.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const cache = join(root, 'node_modules/.cache/countermand');

/** What src/own-files.ts reads of itself, by its name there. */
const ASSETS = {
  'package.json': 'package.json',
  'build.json': 'dist/build.json',
  'demo.yaml': 'jobs/demo.yaml',
  'demo.csv': 'jobs/demo.csv',
  'chain-worker.js': 'one/chain-worker.js',
};

/** Node's folder for a target, unpacked; fetched where it is not here yet. */
export function nodeOf(target) {
  const { package: name, integrity } = TARGETS[target];
  const folder = join(cache, `${name}-${NODE_VERSION}`);
  if (existsSync(folder)) return join(folder, 'package');
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, 'part-'));
  try {
    execFileSync('npm', ['pack', '--silent', '--pack-destination', work, `${name}@${NODE_VERSION}`]);
    const tarball = join(work, `${name}-${NODE_VERSION}.tgz`);
    const found = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`;
    if (found !== integrity)
      throw new Error(`${name} ${NODE_VERSION} is not what packaging/targets.mjs pins: ${found}`);
    execFileSync('tar', ['-xzf', tarball, '-C', work]);
    rmSync(tarball);
    renameSync(work, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return join(folder, 'package');
}

/** Node's own licence, with those of what is in it. */
export function licenceOfNode() {
  return readFileSync(join(nodeOf(BUILDER), 'LICENSE'), 'utf8');
}

/** Makes the executable of a target in `folder`, the licences of what is in it beside it, and sees that it is one. */
export function makeExecutable(target, folder) {
  const { node, command } = TARGETS[target];
  mkdirSync(folder, { recursive: true });
  const config = join(folder, 'config.json');
  const made = resolve(folder, command);
  writeFileSync(
    config,
    JSON.stringify({
      main: join(root, 'one/main.js'),
      output: made,
      executable: join(nodeOf(target), node),
      disableExperimentalSEAWarning: true,
      assets: Object.fromEntries(Object.entries(ASSETS).map(([name, path]) => [name, join(root, path)])),
    }),
  );
  execFileSync(join(nodeOf(BUILDER), TARGETS[BUILDER].node), ['--build-sea', config], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  rmSync(config);
  if (target.startsWith('windows')) writeFileSync(made, withoutCertificate(readFileSync(made)));
  const format = imageFormat(readFileSync(made));
  if (format !== `${target} with a program in it`) throw new Error(`${made} is ${format}`);
  copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  const licences = readFileSync(join(root, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8');
  writeFileSync(
    join(folder, 'THIRD-PARTY-LICENSES.txt'),
    `${licences}\n${'-'.repeat(80)}\n\nNode.js ${NODE_VERSION}\n\n${licenceOfNode()}`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder, target] = process.argv.slice(2);
  if (!Object.hasOwn(TARGETS, target ?? '')) {
    console.error(`executables: say where to and what for: DIR ${Object.keys(TARGETS).join('|')}`);
    process.exit(2);
  }
  makeExecutable(target, folder);
}
