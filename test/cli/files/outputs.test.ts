import { execFileSync } from 'node:child_process';
import { link, lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeOutputs } from '../../../src/cli/files/outputs.ts';
import { UsageError } from '../../../src/errors.ts';
import { sessionSecrets } from '../../../src/identity/session-secrets.ts';

const LEDGER = '{"seq":1,"at":"2026-11-23T00:00:00.000Z","kind":"open"';

let cwd: string;
let server: Server;
const at = (name: string) => join(cwd, name);
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'countermand-outputs-'));
  await writeFile(at('ids.csv'), 'id\n');
  await writeFile(at('token'), 'a token in a file');
  await writeFile(at('old.html'), 'an older page', { mode: 0o640 });
  await writeFile(at('other.csv'), `${LEDGER}…`);
  await writeFile(at('x.jsonl.needs-release.csv'), 'id\n');
  await symlink('old.html', at('link.html'));
  await symlink('nowhere', at('dangling.html'));
  await symlink('/dev/stdout', at('stdout.html'));
  await link(at('ids.csv'), at('ids-too.csv'));
  await link(at('token'), at('token-too'));
  await mkdir(at('folder'));
  await symlink('folder', at('way'));
  execFileSync('mkfifo', [at('pipe')]);
  server = createServer();
  await new Promise<void>((resolve) => server.listen(at('socket'), resolve));
});
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  await rm(cwd, { recursive: true, force: true });
});

function outputs() {
  const made = makeOutputs({ cwd, secrets: sessionSecrets({ COUNTERMAND_TOKEN_FILE: at('token') }) });
  made.keep('ids.csv', 'later.csv');
  return made;
}

/** Everything in the folder, with what stands in its regular files. */
async function everything(): Promise<string[]> {
  const names = (await readdir(cwd)).sort();
  return Promise.all(
    names.map(async (name) => {
      const { mode } = await lstat(at(name));
      const text = (mode & 0o170000) === 0o100000 ? await readFile(at(name), 'utf8') : '';
      return `${name} ${mode} ${text}`;
    }),
  );
}

describe('an output', () => {
  it.each([
    ['a symbolic link', 'link.html', /is a symbolic link/],
    ['a symbolic link to nothing', 'dangling.html', /is a symbolic link/],
    ['a symbolic link to a device', 'stdout.html', /is a symbolic link/],
    ['an open file by its number', '/proc/self/fd/1', /is a symbolic link/],
    ['a folder', 'folder', /is a folder/],
    ['a pipe', 'pipe', /is a pipe, device or socket/],
    ['a device', '/dev/null', /is a pipe, device or socket/],
    ['a socket', 'socket', /is a pipe, device or socket/],
    ['a file that is read', 'ids.csv', /would overwrite a file that is read here/],
    ['a file that is read, through a folder of another name', '/proc/self/cwd/ids.csv', /read here|symbolic/],
    ['a file that is read, by a hard link', 'ids-too.csv', /would overwrite a file that is read here/],
    ['a secret', 'token', /holds a secret of this session/],
    ['a secret by a hard link', 'token-too', /holds a secret of this session/],
    ['a ledger by its content', 'other.csv', /would overwrite a ledger/],
    ['a ledger by its name', 'new.JSONL', /would overwrite a ledger/],
    ['a plan that gave way', 'x.jsonl.replaced-1', /would overwrite a ledger/],
    ['a name that is too long', `${'x'.repeat(256)}.html`, /whose name is too long: give a shorter one/],
    ['a lock', 'x.jsonl.lock', /would overwrite the lock/],
    ["a sender's lock", '.countermand-0123456789abcdef.lock', /would overwrite the lock/],
    ['a job file', 'job.yaml', /would overwrite a job file/],
    ['the release list of another run', 'x.jsonl.needs-release.csv', /would overwrite the release list/],
  ])('an output never takes the place of %s, and leaves all as it was', async (_, target, message) => {
    const before = await everything();
    const dir = process.cwd();
    process.chdir(cwd);
    try {
      await expect(outputs().claim('--html', target)).rejects.toThrow(UsageError);
      await expect(outputs().claim('--html', target)).rejects.toThrow(message);
    } finally {
      process.chdir(dir);
    }
    expect(await everything()).toEqual(before);
  });

  it.each(['new.html', 'old.html', 'new/folder/page.html', 'way/page.html'])('an output goes to %s', async (target) => {
    const output = await outputs().claim('--html', target);
    await output.write(['a page']);
    expect(await readFile(at(target), 'utf8')).toBe('a page');
    expect((await lstat(at(target))).mode & 0o777).toBe(0o600);
    expect((await readdir(cwd)).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('an output that others may read keeps the permissions of what it replaces', async () => {
    const output = await outputs().claim('--metrics-file', 'old.html', { shared: true });
    await output.write(['metrics']);
    expect((await lstat(at('old.html'))).mode & 0o777).toBe(0o640);
  });

  it('an output makes the folders that are not there, for its owner alone; what others may read has a folder already', async () => {
    await (await outputs().claim('--html', 'far/off/page.html')).write(['a page']);
    expect(await readFile(at('far/off/page.html'), 'utf8')).toBe('a page');
    for (const folder of ['far', 'far/off']) expect((await lstat(at(folder))).mode & 0o777).toBe(0o700);
    const metrics = await outputs().claim('--metrics-file', 'away/metrics.prom', { shared: true });
    await expect(metrics.write(['metrics'])).rejects.toThrow(UsageError);
    await expect(lstat(at('away'))).rejects.toThrow('ENOENT');
  });

  it('an output leaves what lies beside it, whatever that is called', async () => {
    await writeFile(at('new.html.part'), "somebody's own");
    await (await outputs().claim('--html', 'new.html')).write(['a page']);
    expect(await readFile(at('new.html.part'), 'utf8')).toBe("somebody's own");
  });

  it.each([
    ['a symbolic link', () => symlink('token', at('new.html')), /is a symbolic link/],
    ['a ledger', () => writeFile(at('new.html'), LEDGER), /would overwrite a ledger/],
    ['a secret', () => link(at('token'), at('new.html')), /holds a secret/],
  ])('an output is looked at again when it is written: %s that came meanwhile stays', async (_, comes, message) => {
    const output = await outputs().claim('--html', 'new.html');
    await comes();
    const before = await everything();
    await expect(output.write(['a page'])).rejects.toThrow(message);
    expect(await everything()).toEqual(before);
  });

  it('an output is refused where a file that is read came to be meanwhile', async () => {
    const output = await outputs().claim('--csv', 'later.csv');
    await writeFile(at('later.csv'), 'read by now');
    await expect(output.write(['rows'])).rejects.toThrow(/a file that is read here/);
  });

  it.each([
    ['the same name', 'a.html', 'a.html'],
    ['another spelling', 'a.html', 'folder/../a.html'],
    ['a folder of two names', 'folder/a.html', 'way/a.html'],
    ['a hard link', 'old.html', 'hard.html'],
  ])('an output is never two of one command: %s', async (_, one, other) => {
    await link(at('old.html'), at('hard.html'));
    const made = outputs();
    await made.claim('--html', one);
    await expect(made.claim('--csv', other)).rejects.toThrow(/would overwrite what --html writes/);
  });
});
