import { mkdir, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/command-table.ts';
import { COMMAND } from '../support/command.ts';
import { COMMENT, type Harness, ids, open, openHarness } from '../support/harness.ts';
import { openTestDatabase } from '../support/postgres.ts';
import { script } from './script.ts';

// `npm run test:packaging` makes the executable first. It is started in an empty folder, with nothing in PATH.

const [EXECUTABLE] = COMMAND;
const { NODE_VERSION } = await script<{ NODE_VERSION: string }>('targets');
const ROOT = new URL('../../', import.meta.url).pathname;
const read = async (path: string) => JSON.parse(await readFile(join(ROOT, path), 'utf8'));
const { version } = (await read('package.json')) as { version: string };
const { commit } = (await read('dist/build.json')) as { commit?: string };

/** Where the program may leave something: beside it, where it was started, and where temporary files go. */
async function places(harness: Harness): Promise<{ temporary: string; left: () => Promise<string[]> }> {
  const temporary = join(harness.folder, 'tmp');
  await mkdir(temporary);
  const left = async () => [
    ...(await readdir(dirname(EXECUTABLE))),
    ...(await readdir(dirname(dirname(EXECUTABLE)))).filter((name) => name.startsWith('.compile')),
    ...(await readdir(temporary)),
    ...(await readdir(harness.folder)),
  ];
  return { temporary, left };
}

test.concurrent('the executable says its version, the commit it was built from, and that Node came with it', async () => {
  await using harness = await openHarness();
  const built = commit === undefined ? '' : `commit ${commit}, `;
  const line = `countermand ${version} (${built}Node.js v${NODE_VERSION} in a single executable, linux x64)\n`;
  for (const args of [['--version'], ['version'], ['plan', '--version']])
    expect(await harness.run(args)).toMatchObject({ code: 0, stdout: line });
});

test.concurrent('the executable has every command, and the help of each', async () => {
  await using harness = await openHarness();
  const { stdout } = await harness.run(['--help']);
  for (const { name } of COMMANDS) {
    expect(stdout).toContain(`  ${name}`);
    expect(await harness.run(['help', name])).toMatchObject({ code: 0, stderr: '' });
  }
  expect((await harness.run(['completion', 'bash'])).stdout).toContain('complete -o ');
});

test.concurrent('the executable shows its demonstration, and leaves nothing but the ledger and its report', async () => {
  await using harness = await openHarness();
  const { temporary, left } = await places(harness);
  const { code, stdout, stderr } = await harness.run(['demo'], { env: { TMPDIR: temporary } });
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('"msg":"ended"') });
  expect(stdout).toContain('actions cancelled');
  expect(await left()).toEqual(['LICENSE', 'THIRD-PARTY-LICENSES.txt', 'countermand', 'ledgers', 'tmp']);
  const [run = ''] = await harness.ledgers();
  const page = await harness.read(`ledgers/${run.replace('.jsonl', '-report.html')}`);
  expect(page).toContain('<svg');
});

test.concurrent('the executable writes its log as JSON or as text, and a report that holds', async () => {
  await using harness = await openHarness({ actions: open(3) });
  await harness.file('ids.txt', ids(3));
  const run = ['run', 'ids.txt', '--yes', '--log-level', 'info', ...COMMENT];
  const asText = await harness.run([...run, '--log-format', 'text']);
  expect(asText).toMatchObject({ code: 0, stderr: expect.stringMatching(/^\S.* started\b/m) });
  const asJson = await harness.run([...run, '--ledger', 'again.jsonl', '--log-format', 'json']);
  expect(asJson.stderr).toMatch(/^\{"level":"info",.*"msg":"ended"\}$/m);
  expect(await harness.run(['verify', 'again.jsonl', '--offline'])).toMatchObject({ code: 0 });
  expect(await harness.run(['report', 'again.jsonl', '--out', 'report'])).toMatchObject({ code: 0 });
});

test.concurrent('the executable checks the chain of a large ledger in its thread', async () => {
  await using harness = await openHarness();
  const many = 60_000;
  await harness.file('ids.txt', ids(many));
  expect(await harness.run(['plan', 'ids.txt', '--screen', 'never'])).toMatchObject({ code: 0 });
  // Node says what its threads do; one that fails is done without, and nothing else would show it.
  const verified = await harness.run(['verify', 'ids.plan', '--offline', '--json'], { env: { NODE_DEBUG: 'worker' } });
  expect(verified).toMatchObject({ code: 0, stderr: expect.stringMatching(/WORKER/) });
  expect(verified.stderr).not.toMatch(/fatal exception|Error:/);
  expect(JSON.parse(verified.stdout)).toMatchObject({ intact: true, records: many + 3 });
});

test.concurrent('the executable sets a database up, submits to it, and is a worker', async () => {
  await using database = await openTestDatabase();
  const env = { COUNTERMAND_STORE: database.url, ...database.passwordOf(database.url) };
  await using harness = await openHarness({ actions: open(3), env });
  await harness.file('ids.txt', ids(3));
  const worker = harness.start(['worker']);
  await worker.says('this worker takes runs');
  const submitted = await harness.run(['submit', 'ids.txt', ...COMMENT, '--yes', '--wait']);
  expect(submitted).toMatchObject({ code: 0, stdout: expect.stringContaining('ids: exit 0') });
  worker.kill('SIGTERM');
  expect(await worker.ended).toMatchObject({ code: 0 });
});

test.concurrent('the executable has the licences of what is bundled and of Node beside it', async () => {
  const text = await readFile(join(dirname(EXECUTABLE), 'THIRD-PARTY-LICENSES.txt'), 'utf8');
  expect(text).toMatch(/^undici [\d.]+: MIT$/m);
  expect(text).toContain(`Node.js ${NODE_VERSION}\n`);
  expect(text).toContain('Copyright Node.js contributors');
});
