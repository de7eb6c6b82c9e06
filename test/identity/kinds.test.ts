import { readFile, writeFile } from 'node:fs/promises';
import { MockAgent } from 'undici';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { RefusedError, UsageError } from '../../src/errors.ts';
import { readClaims } from '../../src/identity/claims.ts';
import { certificateSource } from '../../src/identity/kinds/certificate.ts';
import { clientSecretSource } from '../../src/identity/kinds/client-secret.ts';
import { deviceCodeSource } from '../../src/identity/kinds/device-code.ts';
import { readyTokenSource } from '../../src/identity/kinds/ready-token.ts';
import { workloadIdentitySource } from '../../src/identity/kinds/workload-identity.ts';
import {
  type Authority,
  CLIENT_ID,
  CLIENT_SECRET,
  startAuthority,
  TENANT,
  TROUBLES,
  writeSecret,
} from '../support/authority.ts';
import { type ClientCertificate, makeClientCertificate } from '../support/certificates.ts';
import { partsFor } from '../support/sign-in-parts.ts';

let authority: Authority;
let certificate: ClientCertificate;
let other: ClientCertificate;
const never = new AbortController().signal;

beforeAll(async () => {
  authority = await startAuthority();
  certificate = await makeClientCertificate(authority.dir, 'app');
  other = await makeClientCertificate(authority.dir, 'other');
  authority.register(await readFile(certificate.certFile, 'utf8'));
});
afterAll(() => authority[Symbol.asyncDispose]());
beforeEach(() => {
  authority.heal();
  authority.requests.length = 0;
  authority.refuseWith = undefined;
});

test('a client secret signs in and brings a token for the application', async () => {
  const parts = partsFor(authority, { env: { AZURE_CLIENT_SECRET: CLIENT_SECRET } });
  const { token, expiresAtMs } = await clientSecretSource(parts).acquire({}, never);
  expect(readClaims(token)).toMatchObject({ tid: TENANT, appid: CLIENT_ID, aud: authority.tokens.resource });
  expect(Math.abs((expiresAtMs ?? 0) - (Date.now() + 3_600_000))).toBeLessThan(5000);
  expect(authority.requests.map((each) => each.path)).toEqual([`/${TENANT}/oauth2/v2.0/token`]);
});

test('a client secret from a file signs in, and the trailing newline is not part of it', async () => {
  const path = await writeSecret(authority, 'secret', `${CLIENT_SECRET}\n`);
  const parts = partsFor(authority, { env: { AZURE_CLIENT_SECRET_FILE: path } });
  await clientSecretSource(parts).acquire({}, never);
  expect(authority.requests[0]?.answered).toBe(200);
});

test('claims of a challenge reach the authority', async () => {
  const parts = partsFor(authority, { env: { AZURE_CLIENT_SECRET: CLIENT_SECRET } });
  const claims = '{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}';
  await clientSecretSource(parts).acquire({ forceRefresh: true, claims }, never);
  expect(JSON.parse(authority.requests[0]?.form['claims'] ?? '')).toMatchObject(JSON.parse(claims));
});

test('every sign-in asks the authority: nothing is served from a cache of msal', async () => {
  const source = clientSecretSource(partsFor(authority, { env: { AZURE_CLIENT_SECRET: CLIENT_SECRET } }));
  const first = await source.acquire({}, never);
  const second = await source.acquire({}, never);
  expect(second.token).not.toBe(first.token);
  expect(authority.requests).toHaveLength(2);
});

test('an answer 429 does not throttle the next sign-in inside msal', async () => {
  const source = clientSecretSource(partsFor(authority, { env: { AZURE_CLIENT_SECRET: CLIENT_SECRET } }));
  authority.trouble(TROUBLES.throttledForLong, 1);
  await expect(source.acquire({}, never)).rejects.toMatchObject({ exitCode: 6, retryAfterMs: 120_000 });
  await expect(source.acquire({}, never)).resolves.toHaveProperty('token');
});

test('a certificate with its key in the same file signs in', async () => {
  const both = `${await readFile(certificate.keyFile, 'utf8')}${await readFile(certificate.certFile, 'utf8')}`;
  const path = await writeSecret(authority, 'both.pem', both);
  const parts = partsFor(authority, { env: { AZURE_CLIENT_CERTIFICATE_PATH: path } });
  const { token } = await certificateSource(parts).acquire({}, never);
  expect(readClaims(token)?.appid).toBe(CLIENT_ID);
});

test('a certificate with an encrypted key in another file signs in, its passphrase from a file', async () => {
  const passwordFile = await writeSecret(authority, 'passphrase', `${certificate.passphrase}\n`);
  const parts = partsFor(authority, {
    env: {
      AZURE_CLIENT_CERTIFICATE_PATH: certificate.certFile,
      AZURE_CLIENT_CERTIFICATE_KEY_PATH: certificate.encryptedKeyFile,
      AZURE_CLIENT_CERTIFICATE_PASSWORD_FILE: passwordFile,
    },
  });
  await certificateSource(parts).acquire({}, never);
  expect(authority.requests[0]?.answered).toBe(200);
});

test('a certificate renewed on disk is used at the next sign-in', async () => {
  const path = await writeSecret(authority, 'rotating.pem', await pem(other));
  const source = certificateSource(partsFor(authority, { env: { AZURE_CLIENT_CERTIFICATE_PATH: path } }));
  await expect(source.acquire({}, never)).rejects.toThrow(/not registered/);
  await writeFile(path, await pem(certificate));
  await expect(source.acquire({}, never)).resolves.toHaveProperty('token');
});

test('a federated token file is read at every sign-in', async () => {
  const path = await writeSecret(authority, 'federated', await authority.clusterToken());
  const source = workloadIdentitySource(partsFor(authority, { env: { AZURE_FEDERATED_TOKEN_FILE: path } }));
  await source.acquire({}, never);
  await writeFile(path, await authority.clusterToken());
  await source.acquire({}, never);
  const [first, second] = authority.requests.map((each) => each.form['client_assertion']);
  expect(first).not.toBe(second);
  expect(authority.requests.map((each) => each.answered)).toEqual([200, 200]);
});

test('a device code is shown once, polled for, and renewed without the person', async () => {
  const parts = partsFor(authority);
  authority.pendingPolls = 2;
  const source = deviceCodeSource(parts);
  const first = await source.acquire({}, never);
  expect(parts.prompts).toEqual(['To sign in, open https://login.example/device and enter the code ABCD-EFGH.']);
  expect(readClaims(first.token)?.scp).toEqual(['Machine.Isolate', 'Machine.Read']);
  const second = await source.acquire({ quiet: true }, never);
  expect(second.token).not.toBe(first.token);
  expect(parts.prompts).toHaveLength(1);
  expect(authority.requests.at(-1)?.form['grant_type']).toBe('refresh_token');
});

test('an outage while the person types does not end the device code', async () => {
  const parts = partsFor(authority, { clock: { ...partsFor(authority).clock } });
  authority.pendingPolls = 1;
  const source = deviceCodeSource({
    ...parts,
    prompt: () => {
      authority.trouble(TROUBLES.htmlPage, 1);
      authority.trouble(TROUBLES.reset, 1);
      authority.trouble(TROUBLES.serverError, 1);
    },
    clock: {
      ...parts.clock,
      sleep: (ms, options) => (ms <= 5000 ? Promise.resolve() : parts.clock.sleep(ms, options)),
    },
  });
  await expect(source.acquire({}, never)).resolves.toHaveProperty('token');
  expect(authority.requests.map((each) => each.answered)).toEqual([200, 502, 'reset', 500, 400, 200]);
});

test('no person is asked behind the scenes', async () => {
  const parts = partsFor(authority);
  await expect(deviceCodeSource(parts).acquire({ quiet: true }, never)).rejects.toThrow(/without you/);
  expect(parts.prompts).toEqual([]);
});

test('a ready token is handed out with the end it names, without a request', async () => {
  const token = await authority.token({ lifetimeSeconds: 600 });
  const given = await readyTokenSource(partsFor(authority, { env: { COUNTERMAND_TOKEN: token } })).acquire({}, never);
  expect(given.token).toBe(token);
  expect(given.expiresAtMs).toBe(readClaims(token)?.expiresAtMs);
  expect(authority.requests).toEqual([]);
});

test('an opaque ready token has no known end', async () => {
  const source = readyTokenSource(partsFor(authority, { env: { COUNTERMAND_TOKEN: 'opaque' } }));
  await expect(source.acquire({}, never)).resolves.toEqual({ token: 'opaque', expiresAtMs: undefined });
});

test('a refused ready token is not given again, unless its file holds another one by now', async () => {
  const path = await writeSecret(authority, 'ready', `${await authority.token()}\n`);
  const source = readyTokenSource(partsFor(authority, { env: { COUNTERMAND_TOKEN_FILE: path } }));
  await source.acquire({}, never);
  await expect(source.acquire({ forceRefresh: true }, never)).rejects.toThrow(RefusedError);
  const next = await authority.token({ roles: ['Machine.Scan'] });
  await writeFile(path, next);
  await expect(source.acquire({ forceRefresh: true }, never)).resolves.toHaveProperty('token', next);
});

async function pem({ keyFile, certFile }: ClientCertificate): Promise<string> {
  return `${await readFile(keyFile, 'utf8')}${await readFile(certFile, 'utf8')}`;
}

test.each([
  ['https://login.microsoftonline.com', 'contoso.onmicrosoft.com'],
  ['https://login.microsoftonline.us', TENANT],
])(
  'a sign-in at %s, in a cloud of Microsoft, is one call to the token endpoint of the tenant',
  async (authorityUrl, tenant) => {
    const cloud = new MockAgent();
    cloud.disableNetConnect();
    const asked: string[] = [];
    cloud
      .get(authorityUrl)
      .intercept({ path: (path) => asked.push(path) > 0, method: 'POST' })
      .reply(
        200,
        { token_type: 'Bearer', expires_in: 3599, access_token: 'opaque' },
        { headers: { 'content-type': 'application/json' } },
      );
    const parts = partsFor(authority, { env: { AZURE_CLIENT_SECRET: CLIENT_SECRET }, dispatcher: cloud });
    const source = clientSecretSource({ ...parts, target: { ...parts.target, authorityUrl, tenant } });
    await expect(source.acquire({}, never)).resolves.toMatchObject({ token: 'opaque' });
    expect(new Set(asked.map((path) => path.split('?')[0]))).toEqual(new Set([`/${tenant}/oauth2/v2.0/token`]));
  },
);

test('an authority over plain HTTP is refused before anything is sent', async () => {
  const parts = partsFor(authority, { env: { AZURE_CLIENT_SECRET: CLIENT_SECRET } });
  const target = { ...parts.target, authorityUrl: 'http://127.0.0.1:1' };
  await expect(clientSecretSource({ ...parts, target }).acquire({}, never)).rejects.toBeInstanceOf(UsageError);
});
