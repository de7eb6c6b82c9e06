import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Authority, CLIENT_ID, CLIENT_SECRET, startAuthority, writeSecret } from '../support/authority.ts';
import { type ClientCertificate, makeClientCertificate } from '../support/certificates.ts';
import { COMMENT, outcomesOf } from '../support/harness.ts';
import { leaksIn, openSignInHarness, sentences } from '../support/sign-in-harness.ts';

let authority: Authority;
let certificate: ClientCertificate;

beforeAll(async () => {
  authority = await startAuthority();
  certificate = await makeClientCertificate(authority.dir, 'app');
  authority.register(await readFile(certificate.certFile, 'utf8'));
});
afterAll(() => authority[Symbol.asyncDispose]());

const inDir = (name: string) => join(authority.dir, name);

/** A PEM file with certificate and key, as Azure's own tools take it. */
async function bundle(): Promise<string> {
  const parts = await Promise.all([certificate.certFile, certificate.keyFile].map((file) => readFile(file, 'utf8')));
  return writeSecret(authority, 'bundle.pem', parts.join(''));
}

type Environment = Record<string, string | undefined>;

/** Each kind: what is exported, the flags, and what `check` says was found. */
const KINDS: Record<string, { env: () => Environment | Promise<Environment>; flags?: string[]; found: string }> = {
  'a client secret': {
    env: () => ({ AZURE_CLIENT_SECRET: CLIENT_SECRET }),
    found: 'client-secret is used, because AZURE_CLIENT_SECRET is set',
  },
  'a client secret in a file': {
    env: async () => ({ AZURE_CLIENT_SECRET_FILE: await writeSecret(authority, 'secret', `${CLIENT_SECRET}\n`) }),
    found: 'client-secret is used, because AZURE_CLIENT_SECRET_FILE is set',
  },
  'a certificate with its key in one file': {
    env: async () => ({ AZURE_CLIENT_CERTIFICATE_PATH: await bundle() }),
    found: 'certificate is used, because AZURE_CLIENT_CERTIFICATE_PATH is set',
  },
  'a certificate whose encrypted key is elsewhere, with its passphrase in a file': {
    env: async () => ({
      AZURE_CLIENT_CERTIFICATE_PATH: certificate.certFile,
      AZURE_CLIENT_CERTIFICATE_KEY_PATH: certificate.encryptedKeyFile,
      AZURE_CLIENT_CERTIFICATE_PASSWORD_FILE: await writeSecret(authority, 'passphrase', certificate.passphrase),
    }),
    found: 'certificate is used, because AZURE_CLIENT_CERTIFICATE_PATH is set',
  },
  'the identity of a workload': {
    env: async () => ({
      AZURE_FEDERATED_TOKEN_FILE: await writeSecret(authority, 'cluster-token', await authority.clusterToken()),
    }),
    found: 'workload-identity is used, because AZURE_FEDERATED_TOKEN_FILE is set',
  },
  "the machine's own identity": {
    env: () => ({
      IDENTITY_ENDPOINT: authority.identityEndpoint,
      IDENTITY_HEADER: authority.identityHeader,
      AZURE_CLIENT_ID: undefined,
    }),
    found: 'managed-identity is used, because IDENTITY_ENDPOINT and IDENTITY_HEADER is set',
  },
  'an identity that was assigned to the machine': {
    env: () => ({ IDENTITY_ENDPOINT: authority.identityEndpoint, IDENTITY_HEADER: authority.identityHeader }),
    flags: ['--auth', 'managed-identity'],
    found: 'managed-identity is used, because --auth names it',
  },
  'a person with a device code': {
    env: () => ({}),
    flags: ['--auth', 'device-code'],
    found: 'device-code is used, because --auth names it',
  },
  'a ready token': {
    env: async () => ({ COUNTERMAND_TOKEN: await authority.token() }),
    found: 'token is used, because COUNTERMAND_TOKEN is set',
  },
  'a ready token in a file': {
    env: async () => ({
      COUNTERMAND_TOKEN_FILE: await writeSecret(authority, 'token', `${await authority.token()}\n`),
    }),
    found: 'token is used, because COUNTERMAND_TOKEN_FILE is set',
  },
};

describe.concurrent('a run, and a check that says why, sign in with', () => {
  it.for(Object.entries(KINDS))(
    'a run, and a check that says why, sign in with %s',
    async ([, { env, flags = [], found }], { expect }) => {
      await using harness = await openSignInHarness(authority, { env: await env() });
      const [ran, checked] = await Promise.all([
        // What becomes of the cancels would be looked up five seconds later.
        harness.cancel(...flags, '--confirm-for', '0'),
        harness.run(['check', ...flags]),
      ]);
      expect(ran).toMatchObject({ code: 3 });
      expect(harness.sandbox.log.effective()).toHaveLength(3);
      expect([...outcomesOf(await harness.records('ledgers/ids.jsonl')).values()]).toEqual(
        Array(3).fill('unconfirmed'),
      );
      expect(checked).toMatchObject({ code: 0, stdout: expect.stringContaining(found) });
      const ledger = await readFile(harness.path('ledgers/ids.jsonl'), 'utf8');
      const all = [ran.stdout, ran.stderr, checked.stdout, checked.stderr, ledger].join('\n');
      expect(leaksIn(all, authority.secrets)).toEqual([]);
    },
  );
});

describe('the credential', () => {
  it('the credential of the machine is asked for by client ID when one is given, and without when none is', () => {
    const asked = authority.requests.filter(({ path }) => path === '/msi/token').map(({ form }) => form['client_id']);
    expect(new Set(asked)).toEqual(new Set([undefined, CLIENT_ID]));
  });

  it('the credential proved itself with a signed assertion where it is no secret', () => {
    const forms = authority.requests.flatMap(({ form, refusal }) => (refusal === undefined ? [form] : []));
    // Two of certificates and one of a workload, each for a run and a check.
    expect(forms.filter((form) => form['client_assertion'] !== undefined).length).toBeGreaterThanOrEqual(6);
  });

  it('the credential is the first that the environment offers, in the documented order, unless --auth names another', async () => {
    await using harness = await openSignInHarness(authority, {
      env: {
        AZURE_CLIENT_SECRET: CLIENT_SECRET,
        AZURE_CLIENT_CERTIFICATE_PATH: inDir('none.pem'),
        AZURE_FEDERATED_TOKEN_FILE: inDir('none'),
        IDENTITY_ENDPOINT: authority.identityEndpoint,
        IDENTITY_HEADER: authority.identityHeader,
      },
    });
    const [first, named] = await Promise.all([harness.run(['check']), harness.run(['check', '--auth', 'certificate'])]);
    expect(first).toMatchObject({ code: 0 });
    expect(first.stdout).toContain('client-secret is used, because AZURE_CLIENT_SECRET is set');
    expect(first.stdout).toContain('certificate is not used, though AZURE_CLIENT_CERTIFICATE_PATH is set');
    expect(named.code).toBe(4);
    expect(`${named.stdout}${named.stderr}`).toContain(inDir('none.pem'));
  });

  it('the credential shows the prompt of a device code on stderr and leaves stdout to the results', async () => {
    await using harness = await openSignInHarness(authority);
    const ran = await harness.cancel('--auth', 'device-code', '--json', '--confirm-for', '0');
    expect(sentences(ran.stderr)).toContain(
      'To sign in, open https://login.example/device and enter the code ABCD-EFGH.',
    );
    expect(JSON.parse(ran.stdout)).toMatchObject({ calls: { cancel: 3 } });
  });

  it('the credential that every user of the machine can read is used, with a warning', async () => {
    await using harness = await openSignInHarness(authority);
    const path = await harness.file('open-secret', CLIENT_SECRET);
    const ran = await harness.run(['run', 'ids.txt', '--yes', ...COMMENT, '--confirm-for', '0'], {
      env: { AZURE_CLIENT_SECRET_FILE: harness.path(path) },
    });
    expect(ran.stderr).toContain(`${harness.path(path)} is world-readable`);
    expect(harness.sandbox.log.effective()).toHaveLength(3);
  });
});
