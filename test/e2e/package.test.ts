import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/command-table.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const { name, version, bin } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
  name: string;
  version: string;
  bin: Record<string, string>;
};

let work: string;
/** Where `npm install -g --prefix` puts it: the package is unpacked as npm does, its dependencies are those of this folder. No registry is asked. */
let installed: string;
let command: string;
let files: string[];

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'countermand-package-'));
  installed = join(work, 'prefix/lib/node_modules', name);
  await mkdir(installed, { recursive: true });
  const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', work], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...process.env, npm_config_offline: 'true', npm_config_update_notifier: 'false' },
  });
  const [{ filename, files: listed }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
  files = listed.map(({ path }) => path);
  execFileSync('tar', ['-xzf', join(work, filename), '-C', installed, '--strip-components=1']);
  await symlink(join(ROOT, 'node_modules'), join(installed, 'node_modules'));
  command = join(work, 'prefix/bin/countermand');
  await mkdir(join(work, 'prefix/bin'));
  await symlink(join(installed, bin['countermand'] ?? ''), command);
});
afterAll(() => rm(work, { recursive: true, force: true }));

/** In an empty folder, as somebody who has just installed it. */
async function typed(...args: string[]): Promise<{ stdout: string; folder: string }> {
  const folder = await mkdtemp(join(work, 'empty-'));
  const { PATH, HOME } = process.env;
  // npm makes it executable when it installs; here it is started by hand.
  const stdout = execFileSync(process.execPath, [command, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH, HOME },
  });
  return { stdout, folder };
}

describe('the package', () => {
  it('the package holds what runs and what is read, and no tests, sources or maps', () => {
    const outside = files.filter((path) => !/^(dist|jobs|docs)\//.test(path)).sort();
    expect(outside).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json']);
    const endings = new Set(files.map((path) => posix.extname(path)));
    expect([...endings].sort()).toEqual(['', '.bicep', '.csv', '.js', '.json', '.md', '.png', '.yaml']);
    expect(files.filter((path) => /(^|[./])(test|tests|fixtures)[./]/.test(path))).toEqual([]);
    expect(files).toEqual(
      expect.arrayContaining([
        'dist/main.js',
        'dist/ledger/chain-worker.js',
        'jobs/demo.yaml',
        'jobs/demo.csv',
        'jobs/job.schema.json',
      ]),
    );
  });

  it('the package holds every page and picture that its README links to', async () => {
    const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
    const linked = [...readme.matchAll(/\]\(([^)#:\s]+)|(?:src|srcset)="([^"]+)"/g)].map(([, a, b]) => a ?? b ?? '');
    expect(linked.length).toBeGreaterThan(8);
    expect(linked.filter((path) => !files.includes(path))).toEqual([]);
  });

  it('the package says its version, the commit it was built from, Node and the platform', async () => {
    const { commit } = JSON.parse(await readFile(join(installed, 'dist/build.json'), 'utf8')) as { commit?: string };
    const built = commit === undefined ? '' : `commit ${commit}, `;
    const line = `countermand ${version} (${built}Node.js ${process.version}, ${process.platform} ${process.arch})\n`;
    expect((await typed('--version')).stdout).toBe(line);
    expect((await typed('version')).stdout).toBe(line);
  });

  it('the package has every command, wherever it is started', async () => {
    const { stdout } = await typed('--help');
    for (const { name: listed } of COMMANDS) expect(stdout).toContain(`  ${listed}`);
  });

  it('the package shows its demonstration in an empty folder', async () => {
    const { stdout, folder } = await typed('demo');
    expect(stdout).toContain('cancelled');
    const left = await readdir(join(folder, 'ledgers'));
    expect(left.some((path) => path.endsWith('.jsonl'))).toBe(true);
    expect(left.some((path) => path.endsWith('-report.html'))).toBe(true);
  });
});
