// `npm run package`, or `npm run package -- DIR` (by default `release`): all that a release consists of, in one folder.
//   countermand-VERSION.tgz                     the package for npm
//   countermand-VERSION-TARGET.tar.gz           the executable of a target with the licences of what is in it
//   countermand-VERSION.cdx.json                what is in the package (CycloneDX)
//   countermand-VERSION-executables.cdx.json    the same with Node and what is in Node
//   THIRD-PARTY-LICENSES.txt                    the licences of all of it
//   SHA256SUMS                                  of all of it
// Linux on x64 makes it, after `npm ci`. With GITHUB_REF_NAME it refuses a tag that is not this version.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { billOfExecutables, billOfPackage } from './bill-of-materials.mjs';
import { makeExecutable } from './executables.mjs';
import { TARGETS } from './targets.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = resolve(process.argv[2] ?? join(root, 'release'));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const tag = process.env.GITHUB_REF_NAME;
if (tag && tag !== `v${version}`) {
  console.error(`package: the tag ${tag} is not that of version ${version} in package.json`);
  process.exit(1);
}
if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.error(`package: only Linux on x64 makes a release, this is ${process.platform} on ${process.arch}`);
  process.exit(1);
}

mkdirSync(out, { recursive: true });
if (readdirSync(out).length > 0) {
  console.error(`package: ${out} is not empty: remove what is in it, or name another folder`);
  process.exit(1);
}

execFileSync(process.execPath, ['build.mjs', '--one-file'], { cwd: root, stdio: 'inherit' });
execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', out], { cwd: root });

const bill = billOfPackage(root);
writeJson(`countermand-${version}.cdx.json`, bill);
writeJson(`countermand-${version}-executables.cdx.json`, billOfExecutables(bill));

const work = mkdtempSync(join(tmpdir(), 'countermand-package-'));
try {
  for (const target of Object.keys(TARGETS)) {
    const name = `countermand-${version}-${target}`;
    makeExecutable(target, join(work, name));
    execFileSync('tar', ['--owner=0', '--group=0', '-czf', join(out, `${name}.tar.gz`), '-C', work, name]);
    copyFileSync(join(work, name, 'THIRD-PARTY-LICENSES.txt'), join(out, 'THIRD-PARTY-LICENSES.txt'));
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}

const sums = readdirSync(out)
  .sort()
  .map(
    (name) =>
      `${createHash('sha256')
        .update(readFileSync(join(out, name)))
        .digest('hex')}  ${name}\n`,
  )
  .join('');
writeFileSync(join(out, 'SHA256SUMS'), sums);
process.stdout.write(sums);

function writeJson(name, document) {
  writeFileSync(join(out, name), `${JSON.stringify(document, undefined, 2)}\n`);
}
