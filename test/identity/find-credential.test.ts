import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import type { Env } from '../../src/identity/credential-source.ts';
import { CREDENTIAL_ORDER, findCredential } from '../../src/identity/find-credential.ts';
import { openSecretFiles, readSecret } from '../../src/identity/secret-value.ts';
import { credentialLines, tokenLines } from '../../src/identity/sign-in-report.ts';
import type { CredentialKind } from '../../src/identity/token-source.ts';

const identity = { tenant: 'contoso.example', clientId: '22222222-2222-4222-8222-222222222222' };
const find = (env: Env, kind?: CredentialKind) => findCredential(env, { kind }, identity);

/** Everything at once, in the documented order. */
const everything: [CredentialKind, Env][] = [
  ['token', { COUNTERMAND_TOKEN: 'x' }],
  ['client-secret', { AZURE_CLIENT_SECRET: 'x' }],
  ['certificate', { AZURE_CLIENT_CERTIFICATE_PATH: 'x' }],
  ['workload-identity', { AZURE_FEDERATED_TOKEN_FILE: 'x' }],
  ['managed-identity', { IDENTITY_ENDPOINT: 'x', IDENTITY_HEADER: 'x' }],
];

describe('without --auth', () => {
  test.each(everything.map(([kind], at): [CredentialKind, number] => [kind, at]))(
    '%s comes before all that follow it',
    (kind, at) => {
      const env = Object.assign({}, ...everything.slice(at).map(([, each]) => each));
      const found = find(env);
      expect(found.kind).toBe(kind);
      expect(found.ignored.map((each) => each.kind)).toEqual(everything.slice(at + 1).map(([each]) => each));
    },
  );

  test('the order is the one of the table, and a device code is never found by itself', () => {
    expect(CREDENTIAL_ORDER.map((each) => each.kind)).toEqual([...everything.map(([kind]) => kind), 'device-code']);
  });

  const rows: [Env, CredentialKind, string[]][] = [
    [{ COUNTERMAND_TOKEN_FILE: '/run/token' }, 'token', ['COUNTERMAND_TOKEN_FILE']],
    [{ AZURE_CLIENT_SECRET_FILE: '/run/secret' }, 'client-secret', ['AZURE_CLIENT_SECRET_FILE']],
    [{ COUNTERMAND_TOKEN: '', AZURE_CLIENT_SECRET: 'x' }, 'client-secret', ['AZURE_CLIENT_SECRET']],
    [{ MSI_ENDPOINT: 'http://localhost' }, 'managed-identity', ['MSI_ENDPOINT']],
    [{ AZURE_FEDERATED_TOKEN_FILE: '/var/run/token' }, 'workload-identity', ['AZURE_FEDERATED_TOKEN_FILE']],
  ];
  test.each(rows)('the credential found in %j is the first of the table that fits', (env, kind, from) => {
    const found = find(env);
    expect(found).toMatchObject({ kind, from });
    expect(found.why).toBe(`${kind} is used, because ${from.join(' and ')} is set`);
  });

  test('nothing found names what to set', () => {
    expect(() => find({})).toThrow(UsageError);
    for (const name of [
      'COUNTERMAND_TOKEN',
      'AZURE_CLIENT_SECRET',
      'AZURE_CLIENT_CERTIFICATE_PATH',
      'AZURE_FEDERATED_TOKEN_FILE',
      '--auth managed-identity',
      '--auth device-code',
    ]) {
      expect(() => find({})).toThrow(name);
    }
    expect(() => find({ IDENTITY_ENDPOINT: 'only a half' })).toThrow(/no credential was found/);
  });
});

describe('with --auth', () => {
  test('the kind is taken, whatever else is set', () => {
    const env = { COUNTERMAND_TOKEN: 'x', AZURE_CLIENT_SECRET: 'x' };
    expect(find(env, 'client-secret')).toMatchObject({
      kind: 'client-secret',
      from: ['AZURE_CLIENT_SECRET'],
      why: 'client-secret is used, because --auth names it',
      ignored: [],
    });
  });

  test.each(['token', 'client-secret', 'certificate', 'workload-identity'] as const)(
    '%s without its variable names the variable',
    (kind) => {
      const [name] = Object.keys(Object.fromEntries(everything)[kind] ?? {});
      expect(() => find({}, kind)).toThrow(UsageError);
      expect(() => find({}, kind)).toThrow(name);
    },
  );

  test.each(['managed-identity', 'device-code'] as const)('%s needs no variable', (kind) => {
    expect(find({}, kind)).toMatchObject({ kind, from: [] });
  });
});

describe('incomplete credentials', () => {
  test.each(['client-secret', 'certificate', 'workload-identity'] as const)(
    '%s needs tenant and application',
    (kind) => {
      const env = Object.fromEntries(everything)[kind] ?? {};
      const missing = () => findCredential(env, { kind: undefined }, { tenant: undefined, clientId: '' });
      expect(missing).toThrow(UsageError);
      expect(missing).toThrow(/--tenant \(or AZURE_TENANT_ID\) and --client-id \(or AZURE_CLIENT_ID\)/);
    },
  );

  test('a token and a managed identity need neither', () => {
    const nobody = { tenant: undefined, clientId: undefined };
    expect(findCredential({ COUNTERMAND_TOKEN: 'x' }, { kind: undefined }, nobody).kind).toBe('token');
    expect(findCredential({}, { kind: 'managed-identity' }, nobody).kind).toBe('managed-identity');
  });

  test('a value and its file at once is refused, but only where it matters', () => {
    const env = { AZURE_CLIENT_SECRET: 'x', AZURE_CLIENT_SECRET_FILE: 'y' };
    expect(() => find(env)).toThrow(/AZURE_CLIENT_SECRET and AZURE_CLIENT_SECRET_FILE are both set/);
    expect(find({ ...env, COUNTERMAND_TOKEN: 'x' }, 'token').kind).toBe('token');
  });
});

describe('secrets in files', () => {
  async function file(content: string, mode = 0o600): Promise<string> {
    const dir = await mkdtemp(join(tmpdir(), 'countermand-secret-'));
    onTestFinished(() => rm(dir, { recursive: true }));
    const path = join(dir, 'secret');
    await writeFile(path, content);
    await chmod(path, mode);
    return path;
  }

  test.each([
    ['secret\n', 'secret'],
    ['secret\r\n', 'secret'],
    ['secret', 'secret'],
    ['secret\n\n', 'secret\n'],
    [' secret ', ' secret '],
  ])('a file that holds %j is the secret %j', async (content, value) => {
    const env = { NAME_FILE: await file(content) };
    expect(await readSecret(env, 'NAME')).toEqual({ value, from: 'NAME_FILE' });
  });

  test('a secret file that every user can read is warned of, by its path and not its content', async () => {
    const path = await file('hunter2', 0o644);
    const warnings = await openSecretFiles({
      AZURE_CLIENT_SECRET_FILE: path,
      COUNTERMAND_TOKEN_FILE: await file('x', 0o640),
    });
    expect(warnings).toEqual([`AZURE_CLIENT_SECRET_FILE: ${path} is world-readable: run chmod o-r ${path}`]);
  });

  test('a secret file that is missing is not warned of here', async () => {
    expect(await openSecretFiles({ AZURE_CLIENT_SECRET_FILE: '/nowhere/secret' })).toEqual([]);
  });
});

describe('lines for check', () => {
  test('lines for check tell what is used, what is not, and which file is open to all', () => {
    const found = find({ COUNTERMAND_TOKEN: 'hunter2', AZURE_CLIENT_SECRET: 'hunter3' });
    const lines = credentialLines(found, ['file is open']);
    expect(lines.map((each) => each.level)).toEqual(['ok', 'warning', 'warning']);
    expect(lines[1]?.text).toContain('give --auth client-secret to use it');
    expect(JSON.stringify([found, lines])).not.toMatch(/hunter/);
  });

  test('lines for check tell whose token it is and how long it lives, without control characters', () => {
    const nowMs = Date.UTC(2026, 0, 1);
    const lines = tokenLines(
      {
        roles: [],
        scp: undefined,
        aud: 'api',
        tid: 'T',
        appid: 'A',
        expiresAtMs: undefined,
        name: 'evil\u001b[2Jname',
        domain: undefined,
      },
      { expiresAtMs: nowMs + 3_599_000, nowMs, renews: true },
    );
    expect(lines.map((each) => each.text)).toEqual([
      'evil[2Jname, application A, tenant T, for api',
      'valid for 59 minutes, until 2026-01-01T00:59:59.000Z',
    ]);
  });

  test('lines for check say of a token that cannot be renewed that a run may outlive it', () => {
    const linesOf = (leftMs: number) => tokenLines(undefined, { expiresAtMs: leftMs, nowMs: 0, renews: false });
    expect(linesOf(20_000)).toMatchObject([{ level: 'warning', text: expect.stringContaining('cannot be renewed') }]);
    expect(linesOf(3_600_000)).toMatchObject([{ level: 'ok', text: expect.stringContaining('cannot be renewed') }]);
  });

  test('lines for check say when the end is not known', () => {
    expect(tokenLines(undefined, { expiresAtMs: undefined, nowMs: 0, renews: true })).toMatchObject([
      { level: 'warning' },
    ]);
  });
});
