import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cancelPermissions } from '../../src/sandbox/access.ts';
import {
  type Authority,
  CLIENT_SECRET,
  startAuthority,
  type TokenSettings,
  writeSecret,
} from '../support/authority.ts';
import { type ClientCertificate, makeClientCertificate } from '../support/certificates.ts';
import { COMMENT, ids, only, outcomesOf } from '../support/harness.ts';
import { leaksIn, openSignInHarness, sentences } from '../support/sign-in-harness.ts';

let authority: Authority;
let expired: ClientCertificate;

beforeAll(async () => {
  authority = await startAuthority();
  expired = await makeClientCertificate(authority.dir, 'expired', { expired: true });
});
afterAll(() => authority[Symbol.asyncDispose]());

const OTHER = '99999999-9999-4999-8999-999999999999';
const WRONG_SECRET = 'not-the-secret-but-still-nobodys-business';

type Environment = Record<string, string | undefined>;

/** What is wrong; the exit code, and the cause and the remedy that the one sentence names. */
const FAILURES: Record<string, { env: () => Environment | Promise<Environment>; code: number; says: RegExp }> = {
  'a wrong secret': {
    env: () => ({ AZURE_CLIENT_SECRET: WRONG_SECRET }),
    code: 4,
    says: /the client secret is wrong; put the secret's value .* into AZURE_CLIENT_SECRET .*AADSTS7000215/,
  },
  'an expired certificate': {
    env: async () => {
      const pem = await Promise.all([expired.certFile, expired.keyFile].map((file) => readFile(file, 'utf8')));
      return { AZURE_CLIENT_CERTIFICATE_PATH: await writeSecret(authority, 'expired.pem', pem.join('')) };
    },
    code: 4,
    says: /the certificate in .*expired\.pem expired at 2020-02-01.*; make a new one and upload its public part/,
  },
  'the missing file of a ready token': {
    env: () => ({ COUNTERMAND_TOKEN_FILE: join(authority.dir, 'nowhere') }),
    code: 4,
    says: /COUNTERMAND_TOKEN_FILE names .*nowhere.*; correct the path/,
  },
  "the missing file of a cluster's token": {
    env: () => ({ AZURE_FEDERATED_TOKEN_FILE: join(authority.dir, 'nowhere') }),
    code: 4,
    says: /AZURE_FEDERATED_TOKEN_FILE names .*nowhere.*; correct the path/,
  },
  'an unknown tenant': {
    env: () => ({ AZURE_CLIENT_SECRET: CLIENT_SECRET, AZURE_TENANT_ID: OTHER }),
    code: 4,
    says: new RegExp(`tenant ${OTHER} does not exist in this cloud; check --tenant and --cloud`),
  },
  'an unknown application': {
    env: () => ({ AZURE_CLIENT_SECRET: CLIENT_SECRET, AZURE_CLIENT_ID: OTHER }),
    code: 4,
    says: new RegExp(`does not know application ${OTHER}; check --client-id and --tenant`),
  },
  'a ready token that has ended': {
    env: async () => ({ COUNTERMAND_TOKEN: await authority.token({ lifetimeSeconds: -60 }) }),
    code: 4,
    says: /the token in COUNTERMAND_TOKEN ended at .*; get a new one/,
  },
  'a ready token of another tenant': {
    env: async () => ({ COUNTERMAND_TOKEN: await authority.token({ tid: OTHER }) }),
    code: 4,
    says: new RegExp(`the token is for tenant ${OTHER}, but .* is named; get a token of that tenant, or correct`),
  },
  'a ready token of another application': {
    env: async () => ({ COUNTERMAND_TOKEN: await authority.token({ appid: OTHER }) }),
    code: 4,
    says: new RegExp(`the token is for application ${OTHER}, but .* is named; get a token of that application`),
  },
  'a ready token for another API': {
    env: async () => ({ COUNTERMAND_TOKEN: await authority.token({ resource: 'https://graph.microsoft.com' }) }),
    code: 4,
    says: /meant for https:\/\/graph\.microsoft\.com and not for Defender.*; ask for one with scope/,
  },
  'an authority whose certificate nobody here knows': {
    env: () => ({ AZURE_CLIENT_SECRET: CLIENT_SECRET, NODE_EXTRA_CA_CERTS: undefined }),
    code: 6,
    says: /certificate of an unknown authority .*; name the CA's file in NODE_EXTRA_CA_CERTS/,
  },
  'no credential at all': {
    env: () => ({}),
    code: 2,
    says: /no credential was found; set one of .*AZURE_CLIENT_SECRET.*, or give --auth managed-identity/,
  },
  'a token that cannot cancel': {
    env: async () => ({ COUNTERMAND_TOKEN: await authority.token({ roles: ['Machine.Read.All'] }) }),
    code: 4,
    says: new RegExp(
      `none of the permissions that allow a cancel \\(${cancelPermissions.join(', ')}\\); add it to application .* grant admin consent`,
    ),
  },
  'a token of a person who cannot cancel': {
    env: async () => ({ COUNTERMAND_TOKEN: await authority.token({ delegated: true, scp: 'Machine.Read' }) }),
    code: 4,
    says: /none of the permissions that allow a cancel .* Delegated permissions, grant admin consent/,
  },
};

describe.concurrent('a run ends with one sentence of cause and remedy, and nothing sent, over', () => {
  it.for(Object.entries(FAILURES))(
    'a run ends with one sentence of cause and remedy, and nothing sent, over %s',
    async ([, { env, code, says }], { expect }) => {
      await using harness = await openSignInHarness(authority, { env: await env() });
      const ran = await harness.start(['run', 'ids.txt', '--yes', ...COMMENT], { timeoutMs: 15_000 }).ended;
      expect(ran.code).toBe(code);
      expect(sentences(ran.stderr)).toEqual([expect.stringMatching(says)]);
      expect(harness.sandbox.log.count()).toBe(0);
      expect(leaksIn(`${ran.stdout}${ran.stderr}`, [...authority.secrets, WRONG_SECRET])).toEqual([]);
    },
  );
});

describe('a token that may do a part', () => {
  const withRoles = async (roles: TokenSettings['roles'], more: object = {}) =>
    openSignInHarness(authority, { env: { COUNTERMAND_TOKEN: await authority.token({ roles }) }, ...more });

  it('a token that may do a part refuses to cancel what it may not look up, naming the permission and --screen never', async () => {
    await using harness = await withRoles(['Machine.Isolate']);
    const ran = await harness.cancel();
    expect(ran).toMatchObject({ code: 4, stderr: expect.stringContaining('Machine.Read.All') });
    expect(ran.stderr).toContain('--screen never');
    expect(harness.sandbox.log.count('cancel')).toBe(0);
  });

  it('a token that may do a part cancels unseen with --screen never, and says what will not work', async () => {
    await using harness = await withRoles(['Machine.Isolate']);
    const ran = await harness.cancel('--screen', 'never');
    expect(ran).toMatchObject({ code: 0, stderr: expect.stringContaining('the token may not look actions up') });
    expect(ran.stderr).toContain('Machine.Read.All or Machine.ReadWrite.All');
    const records = await harness.records('ledgers/ids.jsonl');
    expect(only(records, 'outcome').map(({ detail }) => detail)).toEqual(Array(3).fill('by its answer'));
    expect(harness.sandbox.log.count()).toBe(3);
  });

  it('a token that may do a part refuses guards that it would be blind to, naming the permission, before anything is sent', async () => {
    await using harness = await withRoles(['Machine.Isolate']);
    const ran = await harness.cancel('--only-type', 'Isolate');
    expect(ran).toMatchObject({ code: 4, stderr: expect.stringContaining('Machine.Read.All') });
    expect(harness.sandbox.log.count()).toBe(0);
  });

  it('a token that may do a part is told how many actions of the list are of types whose own permission it lacks', async () => {
    const [first = '', second = '', third = ''] = ids(3);
    const actions = [
      { id: first, type: 'RunAntiVirusScan' },
      { id: second, type: 'RunAntiVirusScan' },
      { id: third, type: 'Isolate' },
    ];
    await using harness = await withRoles(['Machine.Isolate', 'Machine.Read.All'], {
      actions,
      access: { permissionByType: true },
    });
    const ran = await harness.cancel('--confirm-for', '0');
    expect(sentences(ran.stderr)).toContain(
      'warning: 2 actions are of type RunAntiVirusScan, and the token lacks Machine.Scan: Defender may refuse them',
    );
    const outcomes = outcomesOf(await harness.records('ledgers/ids.jsonl'));
    expect([outcomes.get(first), outcomes.get(second)]).toEqual(['forbidden', 'forbidden']);
  });

  it('a token that may do a part is let through with a note when it cannot be read', async () => {
    const token = await authority.token({ opaque: true });
    await using harness = await openSignInHarness(authority, { env: { COUNTERMAND_TOKEN: token } });
    const ran = await harness.cancel('--confirm-for', '0');
    expect(sentences(ran.stderr)).toContain(
      'warning: the token is opaque, so its permissions cannot be checked before the first call',
    );
    expect(harness.sandbox.log.effective()).toHaveLength(3);
  });
});
