import { spawnSync } from 'node:child_process';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { CommandEnd } from '../support/command.ts';
import { COMMENT, type Harness, ids, open, openHarness } from '../support/harness.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** Exit 2, one sentence that says what to do, and nothing on its way to Defender or to stdout. */
function expectRefused(harness: Harness, { code, stdout, stderr }: CommandEnd, sentence: RegExp): void {
  expect({ code, stdout, calls: harness.sandbox.log.count() }, stderr).toEqual({ code: 2, stdout: '', calls: 0 });
  const said = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
  expect(said).toHaveLength(1);
  expect(said[0]).toMatch(/^countermand: /);
  expect(said[0]).toMatch(sentence);
}

describe.concurrent('a run that cannot start is refused before anything is sent', () => {
  it('a run is refused without --comment', async () => {
    await using harness = await openHarness({ actions: open(1) });
    await harness.file('ids.txt', ids(1));
    expectRefused(harness, await harness.run(['run', 'ids.txt', '--yes']), /--comment/);
  });

  it('a run is refused without --yes where there is no terminal to ask on', async () => {
    await using harness = await openHarness({ actions: open(1) });
    await harness.file('ids.txt', ids(1));
    expectRefused(harness, await harness.run(['run', 'ids.txt', ...COMMENT]), /no terminal.*--yes/);
  });

  it('a run is refused with a ledger below something that is no folder', async () => {
    await using harness = await openHarness({ actions: open(1) });
    await harness.file('ids.txt', ids(1));
    await harness.file('not-a-folder', 'a file');
    const end = await harness.run(['run', 'ids.txt', ...COMMENT, '--yes', '--ledger', 'not-a-folder/run.jsonl']);
    expectRefused(harness, end, /not-a-folder\/run\.jsonl cannot be written .*--ledger/);
  });

  it.runIf(process.platform === 'linux')(
    'a run is refused with a ledger in a folder where nothing can be made',
    async () => {
      await using harness = await openHarness({ actions: open(1) });
      await harness.file('ids.txt', ids(1));
      const end = await harness.run(['run', 'ids.txt', ...COMMENT, '--yes', '--ledger', '/proc/run.jsonl']);
      expectRefused(harness, end, /\/proc\/run\.jsonl cannot be written .*--ledger/);
    },
  );

  it('a run is refused on a ledger of another tenant', async () => {
    await using harness = await openHarness({ actions: open(2) });
    await harness.file('ids.txt', ids(1));
    expect((await harness.run(['plan', 'ids.txt', '--ledger', 'run.jsonl'])).code).toBe(0);
    harness.sandbox.log.clear();
    const other = '11111111-2222-4333-8444-555555555555';
    const args = ['run', 'ids.txt', ...COMMENT, '--yes', '--ledger', 'run.jsonl', '--tenant', other];
    expectRefused(harness, await harness.run(args), new RegExp(`of tenant 5a0dbc0c.* not of ${other}`));
  });

  it('a run is refused with a source that is missing, a folder, empty, or holds device IDs', async () => {
    await using harness = await openHarness({ actions: open(1) });
    await harness.file('empty.csv', '');
    await harness.file('devices.csv', ['id', '1e5bc9d7e413ddd7902c2932e418702b84d0cc07']);
    await harness.file('binary.csv', '\u0000\u0001\u0002\u0000'.repeat(100));
    const refused = async (source: string, sentence: RegExp) =>
      expectRefused(harness, await harness.run(['run', source, ...COMMENT, '--yes']), sentence);
    await refused('nowhere.csv', /nowhere\.csv/);
    await refused('.', /is a directory/);
    await refused('empty.csv', /empty\.csv/);
    await refused('devices.csv', /device/);
    await refused('binary.csv', /binary\.csv/);
  });

  it('a run is refused with a flag that it does not know, and with a secret on the command line', async () => {
    await using harness = await openHarness({ actions: open(1) });
    await harness.file('ids.txt', ids(1));
    const typo = await harness.run(['run', 'ids.txt', ...COMMENT, '--yes', '--max-action', '5']);
    expect(typo).toMatchObject({ code: 2, stdout: '' });
    expect(typo.stderr).toContain('max-action');
    const secret = await harness.run(['run', 'ids.txt', '--client-secret', 'hunter2']);
    expectRefused(harness, secret, /AZURE_CLIENT_SECRET/);
    expect(secret.stderr).not.toContain('hunter2');
  });

  it('a run is refused to a host outside the known ones that nobody allowed', async () => {
    await using harness = await openHarness({ actions: open(1) });
    await harness.file('ids.txt', ids(1));
    const args = ['run', 'ids.txt', ...COMMENT, '--yes', '--api-url', 'https://defender.example.net'];
    expectRefused(harness, await harness.run(args), /defender\.example\.net.*--allow-host/);
  });

  it('a run is refused without a credential', async () => {
    await using harness = await openHarness({ actions: open(1), env: { COUNTERMAND_TOKEN: undefined } });
    await harness.file('ids.txt', ids(1));
    expectRefused(
      harness,
      await harness.run(['run', 'ids.txt', ...COMMENT, '--yes']),
      /AZURE_CLIENT_SECRET|credential/,
    );
  });
});

describe('the exit code is 1 from the first statement until an orderly end says otherwise', () => {
  const endings = {
    'loading a part fails': `throw new Error('broken');`,
    'something ends the process in the middle': `exports.runCli = () => process.exit();`,
    'the work is never done and nothing is left to wait for': `exports.runCli = () => new Promise(() => {});`,
    'something fails where nobody waits for it': `exports.runCli = async () => {
      Promise.reject(new Error('broken'));
      return await new Promise((resolve) => setTimeout(resolve, 5000, 0));
    };`,
  };
  for (const [what, runCli] of Object.entries(endings)) {
    it(`the exit code is 1 when ${what}`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'countermand-main-'));
      await copyFile(MAIN, join(folder, 'main.js'));
      await writeFile(join(folder, 'package.json'), '{"type":"commonjs"}');
      await writeFile(join(folder, 'run-cli.js'), runCli);
      const { status } = spawnSync(process.execPath, [join(folder, 'main.js')], { encoding: 'utf8' });
      await rm(folder, { recursive: true });
      expect(status).toBe(1);
    });
  }

  it('a program whose parts are not there says so, with exit 2', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'countermand-main-'));
    await copyFile(MAIN, join(folder, 'main.js'));
    await writeFile(join(folder, 'package.json'), '{"type":"commonjs"}');
    const { status, stderr } = spawnSync(process.execPath, [join(folder, 'main.js')], { encoding: 'utf8' });
    await rm(folder, { recursive: true });
    expect([status, stderr]).toEqual([2, expect.stringMatching(/the program cannot be loaded .*install it anew/)]);
    expect(stderr).not.toMatch(/^ {4}at /m);
  });
});
