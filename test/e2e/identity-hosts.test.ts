import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type Authority, CLIENT_SECRET, startAuthority } from '../support/authority.ts';
import { COMMENT, open, openHarness } from '../support/harness.ts';
import { openSignInHarness, sentences } from '../support/sign-in-harness.ts';

let authority: Authority;

beforeAll(async () => {
  authority = await startAuthority();
});
afterAll(() => authority[Symbol.asyncDispose]());

const SECRET = { AZURE_CLIENT_SECRET: CLIENT_SECRET };
/** An address of the documentation range: nobody is there. */
const NOWHERE = '192.0.2.1';

describe.concurrent('a host outside the known ones', () => {
  const refused: [what: string, flags: string[], says: RegExp][] = [
    [
      'as API',
      ['--api-url', 'https://defender.example'],
      /--api-url names defender\.example, .*--allow-host defender\.example/,
    ],
    ['as login', ['--authority-url', 'https://login.example'], /--authority-url names login\.example, .*--allow-host/],
    [
      'over plain HTTP, though allowed',
      ['--api-url', `http://${NOWHERE}`, '--allow-host', NOWHERE],
      /is plain HTTP, which would show the token/,
    ],
    [
      'as a trick',
      ['--api-url', 'https://user:hush-hush@evil.example'],
      /must be a URL .* without user.*\/\/…@evil\.example/,
    ],
  ];
  it.for(refused)('%s is refused before anybody is asked', async ([, flags, says], { expect }) => {
    await using harness = await openSignInHarness(authority, { env: { ...SECRET, COUNTERMAND_API_URL: undefined } });
    const asked = authority.requests.length;
    const ran = await harness.cancel(...flags);
    expect(ran.code).toBe(2);
    expect(sentences(ran.stderr)).toEqual([expect.stringMatching(says)]);
    expect(authority.requests).toHaveLength(asked);
  });

  it('a host outside the known ones is not allowed by a job file', async ({ expect }) => {
    await using harness = await openSignInHarness(authority, { env: { ...SECRET, COUNTERMAND_API_URL: undefined } });
    await harness.file('job.yaml', [
      'name: planted',
      'source: { file: ids.txt }',
      'comment: INC-4711',
      'api: { url: https://defender.example, allowHosts: [defender.example] }',
    ]);
    const ran = await harness.run(['run', 'job.yaml', '--yes']);
    expect(ran.code).toBe(2);
  });

  it('a host outside the known ones is not allowed by a ledger: whoever resumes must name it again', async ({
    expect,
  }) => {
    await using harness = await openSignInHarness(authority, {
      env: { ...SECRET, COUNTERMAND_API_URL: undefined, COUNTERMAND_PATIENCE: '1s' },
    });
    // Made with the host allowed, and without any call: a list that nobody looked up.
    const elsewhere = ['--api-url', 'https://defender.example:1', '--allow-host', 'defender.example'];
    const planned = await harness.run(['plan', 'ids.txt', '--screen', 'never', ...COMMENT, ...elsewhere]);
    expect(planned.code).toBe(0);
    const ledger = 'ledgers/ids.plan.jsonl';
    expect(await readFile(harness.path(ledger), 'utf8')).toContain('"allowHosts":["defender.example"]');
    const asked = authority.requests.length;
    for (const args of [
      ['run', ledger, '--yes'],
      ['resume', ledger, '--yes'],
    ]) {
      const ran = await harness.run(args);
      expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining('--allow-host defender.example') });
    }
    expect(authority.requests).toHaveLength(asked);
  });
});

describe.concurrent('a redirect', () => {
  it('a redirect of Defender is not followed, and the token goes nowhere else', async ({ expect }) => {
    await using elsewhere = await openHarness({ actions: open(3) });
    await using harness = await openSignInHarness(authority, { env: SECRET });
    harness.sandbox.faults.next({
      kind: 'redirect',
      status: 307,
      location: `${elsewhere.sandbox.url}/api/machineactions`,
    });
    const ran = await harness.cancel('--confirm-for', '0');
    expect(ran.code).toBe(3);
    expect(elsewhere.sandbox.log.count()).toBe(0);
    expect(harness.sandbox.log.effective()).toHaveLength(3);
  });
});

describe.concurrent('a secret', () => {
  const value = 'a-secret-that-somebody-typed';
  it.for([
    [['check', '--client-secret', value], 'AZURE_CLIENT_SECRET'],
    [['check', `--client-secret=${value}`], 'AZURE_CLIENT_SECRET'],
    [['run', 'ids.txt', '--token', value], 'COUNTERMAND_TOKEN'],
    [['list', '--password', value], 'AZURE_CLIENT_CERTIFICATE_PASSWORD'],
  ] as const)(
    'a secret given as a flag is refused without being shown, with the right way to give it: %j',
    async ([args, variable], { expect }) => {
      await using harness = await openSignInHarness(authority);
      const ran = await harness.run(args);
      expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining(variable) });
      expect(ran.stdout + ran.stderr).not.toContain(value);
    },
  );

  it.for(['clientSecret', 'token', 'auth: { kind: token, token'])(
    'a secret given as the key %s of a job is refused without being shown',
    async (key, { expect }) => {
      await using harness = await openSignInHarness(authority);
      const tail = key.includes('{') ? ' }' : '';
      await harness.file('job.yaml', [
        'name: leaky',
        'source: { file: ids.txt }',
        'comment: x',
        `${key}: ${value}${tail}`,
      ]);
      const ran = await harness.run(['run', 'job.yaml', '--yes']);
      expect(ran.code).toBe(2);
      expect(ran.stderr).toMatch(/AZURE_CLIENT_SECRET|COUNTERMAND_TOKEN/);
      expect(ran.stdout + ran.stderr).not.toContain(value);
    },
  );

  it('a secret in a job by the name of its variable is refused', async ({ expect }) => {
    await using harness = await openSignInHarness(authority, { env: { AZURE_CLIENT_SECRET: value } });
    const interpolated = '$' + '{AZURE_CLIENT_SECRET}';
    await harness.file('job.yaml', ['name: leaky', 'source: { file: ids.txt }', `comment: ${interpolated}`]);
    const ran = await harness.run(['run', 'job.yaml', '--yes']);
    expect(ran.code).toBe(2);
    expect(ran.stdout + ran.stderr).not.toContain(value);
  });
});
