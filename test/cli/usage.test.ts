import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../support/command.ts';

const env = {
  AZURE_TENANT_ID: '5a0dbc0c-7d53-4e1c-9f6e-000000000001',
  AZURE_CLIENT_ID: '5a0dbc0c-7d53-4e1c-9f6e-000000000002',
  COUNTERMAND_TOKEN: 'opaque',
  COUNTERMAND_API_URL: 'http://127.0.0.1:9',
};
const ID = '5382f7ea-7557-4ab7-9782-d50480024a4e';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countermand-usage-'));
  await writeFile(join(folder, 'ids.txt'), `${ID}\n`);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a flag without its value', () => {
  it.each([
    ['at the end', ['run', 'ids.txt', '--comment'], '--comment needs a value'],
    ['before another flag', ['run', 'ids.txt', '--comment', '--yes'], 'comment'],
    ['when it is repeatable', ['run', 'ids.txt', '--comment', 'a', '--quota', '--yes'], '--quota needs a value'],
    ['in a command of other flags', ['list', '--type'], '--type needs a value'],
  ])('a flag without its value is wrong usage and no bug, %s', async (_where, args, said) => {
    const { code, stderr } = await runCommand(args, { env, cwd: folder });
    expect(stderr).toContain(said);
    expect(stderr).not.toContain('bug');
    expect(code).toBe(2);
  });
});

describe('a list in one flag', () => {
  it('a list in one flag is taken apart where an entry cannot hold a comma', async () => {
    const args = ['plan', 'ids.txt', '--screen', 'never', '--ledger', 'lists.jsonl', '--quota', '7/1m,70/1h'];
    const { code, stderr } = await runCommand(args, { env, cwd: folder });
    expect(code, stderr).toBe(0);
    const report = await runCommand(['report', 'lists.jsonl'], { env, cwd: folder });
    expect(report.stdout).toMatch(/quota 7 calls in 1 min, 70 calls\s+in 1 h/);
  });

  it('a list in one flag may have blanks behind its commas, and types in any case', async () => {
    const args = ['plan', 'ids.txt', '--screen', 'never', '--only-type', 'isolate, RunAntiVirusScan'];
    const { code, stderr } = await runCommand(args, { env, cwd: folder });
    expect(stderr).not.toContain('must be');
    expect(stderr).toContain('--only-type needs lookups');
    expect(code).toBe(2);
  });

  it('a list in one flag of nothing but commas is refused: no guard at all would be left', async () => {
    const { code, stderr } = await runCommand(['plan', 'ids.txt', '--screen', 'never', '--only-type', ','], {
      env,
      cwd: folder,
    });
    expect(stderr).toContain('--only-type must be');
    expect(code).toBe(2);
  });
});

describe('verify --json', () => {
  it('verify --json is one document also where nothing is left to look up', async () => {
    const args = ['plan', 'ids.txt', '--screen', 'never', '--ledger', 'verified.jsonl'];
    expect((await runCommand(args, { env, cwd: folder })).code).toBe(0);
    const { code, stdout, stderr } = await runCommand(['verify', 'verified.jsonl', '--json'], { env, cwd: folder });
    expect(stderr).toContain('but 1 of 1 actions were not called yet');
    expect(JSON.parse(stdout)).toMatchObject({ counts: {}, calls: { cancel: 0, get: 0, list: 0 } });
    expect(code).toBe(0);
  });
});
