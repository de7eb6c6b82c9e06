import { execFileSync } from 'node:child_process';
import { link, mkdir, readFile, symlink } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMENT, type Harness, ids, open, openHarness } from '../support/harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await openHarness({ actions: open(3) });
  await harness.file('ids.txt', ids(3));
  await harness.file('secret', 'a-secret-that-nobody-may-see');
  await link(harness.path('secret'), harness.path('secret-too.csv'));
  expect(await harness.run(['plan', 'ids.txt', '--ledger', 'done.jsonl', ...COMMENT])).toMatchObject({ code: 0 });
});
afterAll(() => harness[Symbol.asyncDispose]());

describe('outputs of the built command', () => {
  const OUTPUTS: [flag: string, args: (target: string) => string[]][] = [
    ['report --html', (target) => ['report', 'done.jsonl', '--html', target]],
    ['report --csv', (target) => ['report', 'done.jsonl', '--csv', target]],
    ['plan --html', (target) => ['plan', 'ids.txt', '--screen', 'never', '--ledger', 'p.jsonl', '--html', target]],
    [
      'run --dry-run --csv',
      (target) => ['run', 'ids.txt', '--dry-run', '--screen', 'never', '--ledger', 'q.jsonl', '--csv', target],
    ],
    [
      'run --metrics-file',
      (target) => ['run', 'ids.txt', '--yes', ...COMMENT, '--ledger', 'm.jsonl', '--metrics-file', target],
    ],
    ['sandbox --csv', (target) => ['sandbox', '--csv', target]],
  ];
  const TARGETS = [
    'link.html',
    'pipe',
    '/dev/null',
    'folder',
    'secret-too.csv',
    'done.jsonl',
    'done-too.html',
    'j.yaml',
  ];

  beforeAll(async () => {
    await link(harness.path('done.jsonl'), harness.path('done-too.html'));
    await symlink('ids.txt', harness.path('link.html'));
    await mkdir(harness.path('folder'));
    execFileSync('mkfifo', [harness.path('pipe')]);
    await harness.file('j.yaml', 'source: { file: ids.txt }\n');
  });

  it.each(OUTPUTS)('%s replaces a regular file of its own or none', { timeout: 120_000 }, async (_, args) => {
    const kept = ['ids.txt', 'secret', 'done.jsonl', 'j.yaml'];
    const texts = () => Promise.all(kept.map((name) => readFile(harness.path(name), 'utf8')));
    const [before, calls] = [await texts(), harness.sandbox.log.entries.length];
    for (const target of TARGETS) {
      const { code, stderr } = await harness.run(args(target), { env: { AZURE_CLIENT_SECRET_FILE: 'secret' } });
      expect({ target, code, stderr }).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/would overwrite|only a regular file|is a folder|holds a secret/),
      });
    }
    expect(await texts()).toEqual(before);
    expect(harness.sandbox.log.entries).toHaveLength(calls);
  });
});
