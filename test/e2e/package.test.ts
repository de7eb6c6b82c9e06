import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import nodeModule from 'node:module';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/command-table.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
  name: string;
  version: string;
  bin: Record<string, string>;
  dependencies?: Record<string, string>;
};
const { name, version, bin } = manifest;

let work: string;
/** Where `npm install -g --prefix` puts it: the package is unpacked as npm does, and there is nothing beside it. No registry is asked. */
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
  it('the package holds what runs and what is read, and no tests or sources', () => {
    const outside = files.filter((path) => !/^(dist|jobs|docs)\//.test(path)).sort();
    expect(outside).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json']);
    const endings = new Set(files.map((path) => posix.extname(path)));
    expect([...endings].sort()).toEqual(['', '.bicep', '.csv', '.js', '.json', '.map', '.md', '.png', '.txt', '.yaml']);
    expect(files.filter((path) => /(^|[./])(test|tests|fixtures)[./]/.test(path))).toEqual([]);
    expect(files).toEqual(
      expect.arrayContaining([
        'dist/main.js',
        'dist/chain-worker.js',
        'dist/THIRD-PARTY-LICENSES.txt',
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

  it('the package needs nothing that it does not hold, and has the licence of each library that is in it', async () => {
    expect(manifest.dependencies).toBeUndefined();
    const read = (path: string) => readFile(join(installed, path), 'utf8');
    const { bundled } = JSON.parse(await read('dist/build.json')) as { bundled: string[] };
    const licences = await read('dist/THIRD-PARTY-LICENSES.txt');
    expect(bundled).toEqual(expect.arrayContaining([expect.stringMatching(/^undici@/), expect.stringMatching(/^pg@/)]));
    const lines = licences.split('\n');
    const missing = bundled.filter(
      (each) => !lines.some((line) => line.startsWith(`${each.replace(/@(?=[^@]+$)/, ' ')}: `)),
    );
    expect(missing).toEqual([]);
  });

  it('the package has its threads beside the files that start them', async () => {
    expect(files.filter((path) => /^dist\/.*\//.test(path))).toEqual([]);
    const thread = new Worker(join(installed, 'dist/chain-worker.js'), {
      workerData: { head: 'as it was', rest: new Uint8Array() },
    });
    thread.postMessage('end');
    const [found] = await once(thread, 'message');
    await thread.terminate();
    expect(found).toEqual({ lines: 0, head: 'as it was', broken: false });
  });

  it('the package leads from each of its files to the lines of src', async () => {
    const maps = files.filter((path) => path.endsWith('.map'));
    const unmapped = files.filter((path) => /^dist\/.*\.js$/.test(path) && !maps.includes(`${path}.map`));
    // What the bundler itself puts in has no source.
    expect(unmapped.filter((path) => !path.startsWith('dist/rolldown-runtime.'))).toEqual([]);
    const sources = new Set<string>();
    for (const path of maps) {
      const map = JSON.parse(await readFile(join(installed, path), 'utf8')) as { sources: string[] };
      for (const source of map.sources) sources.add(source);
    }
    expect([...sources]).toEqual(
      expect.arrayContaining(['../src/main.ts', '../src/run/run.ts', '../src/ledger/chain-worker.ts']),
    );
    expect([...sources].filter((source) => source.startsWith('../build/'))).toEqual([]);
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

  it('the package keeps what Node has compiled in its own folder, where Node can keep it', async () => {
    await typed('--version');
    const canKeep = 'enableCompileCache' in nodeModule;
    expect((await readdir(installed)).includes('.compile-cache')).toBe(canKeep);
  });

  it('the package shows its demonstration in an empty folder', async () => {
    const { stdout, folder } = await typed('demo');
    expect(stdout).toContain('cancelled');
    const left = await readdir(join(folder, 'ledgers'));
    expect(left.some((path) => path.endsWith('.jsonl'))).toBe(true);
    expect(left.some((path) => path.endsWith('-report.html'))).toBe(true);
  });
});
