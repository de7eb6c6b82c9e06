import { link, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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
const IDS = '5382f7ea-7557-4ab7-9782-d50480024a4e\n';

let folder: string;
let ledger: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countermand-overwriting-'));
  await writeFile(join(folder, 'ids.csv'), IDS);
  const planned = await runCommand(['plan', 'ids.csv', '--screen', 'never', '--ledger', 'one.jsonl'], {
    env,
    cwd: folder,
  });
  expect(planned.code).toBe(0);
  await link(join(folder, 'one.jsonl'), join(folder, 'one.csv'));
  ledger = await readFile(join(folder, 'one.jsonl'), 'utf8');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a file that a mistyped flag names', () => {
  it.each([
    ['the ledger that is reported', ['report', 'one.jsonl', '--csv', 'one.jsonl']],
    ['the ledger under another name', ['report', 'one.jsonl', '--csv', 'one.csv']],
    ['another ledger', ['report', 'one.jsonl', '--html', 'two.jsonl']],
    ['the source of a plan', ['plan', 'ids.csv', '--screen', 'never', '--csv', 'ids.csv']],
    ['the ledger of a plan', ['plan', 'ids.csv', '--screen', 'never', '--ledger', 'p.jsonl', '--html', 'p.jsonl']],
    ['another ledger, for the IDs of a sandbox', ['sandbox', '--csv', 'one.jsonl']],
    ['the source of a run', ['run', 'ids.csv', '--comment', 'a', '--yes', '--metrics-file', 'ids.csv']],
  ])('a file that a mistyped flag names is not overwritten when it is %s', async (_what, args) => {
    const { code, stderr } = await runCommand(args, { env, cwd: folder });
    expect(stderr).toContain('would overwrite');
    expect(code).toBe(2);
    expect(await readFile(join(folder, 'one.jsonl'), 'utf8')).toBe(ledger);
    expect(await readFile(join(folder, 'ids.csv'), 'utf8')).toBe(IDS);
  });
});
