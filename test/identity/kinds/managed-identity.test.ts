import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { makeDispatcher } from '../../../src/http/dispatcher.ts';
import { readClaims } from '../../../src/identity/claims.ts';
import { managedIdentitySource } from '../../../src/identity/kinds/managed-identity.ts';
import { type Authority, CLIENT_ID, RESOURCE, startAuthority, TROUBLES } from '../../support/authority.ts';
import { partsFor } from '../../support/sign-in-parts.ts';

// msal reads the endpoint from the process's environment and keeps it for the life of the process: this file has a
// process of its own, with one endpoint.
let authority: Authority;
const never = new AbortController().signal;

beforeAll(async () => {
  authority = await startAuthority();
  process.env['IDENTITY_ENDPOINT'] = authority.identityEndpoint;
  process.env['IDENTITY_HEADER'] = authority.identityHeader;
});
beforeEach(() => {
  authority.heal();
  authority.requests.length = 0;
});
afterAll(async () => {
  delete process.env['IDENTITY_ENDPOINT'];
  delete process.env['IDENTITY_HEADER'];
  await authority[Symbol.asyncDispose]();
});

function source(clientId: string) {
  const parts = partsFor(authority, { env: process.env, dispatcher: makeDispatcher({ env: {} }) });
  return managedIdentitySource({ ...parts, target: { ...parts.target, clientId } });
}

test('the system-assigned identity signs in, with the resource and without a client ID', async () => {
  const { token, expiresAtMs } = await source('').acquire({}, never);
  expect(readClaims(token)?.aud).toBe(RESOURCE);
  expect(Math.abs((expiresAtMs ?? 0) - (Date.now() + 3_600_000))).toBeLessThan(5000);
  expect(authority.requests[0]?.form).toEqual({ 'api-version': '2019-08-01', resource: RESOURCE });
});

test('a user-assigned identity is named by its client ID', async () => {
  const { token } = await source(CLIENT_ID).acquire({}, never);
  expect(readClaims(token)?.appid).toBe(CLIENT_ID);
  expect(authority.requests[0]?.form['client_id']).toBe(CLIENT_ID);
});

test('every sign-in asks the endpoint', async () => {
  const system = source('');
  await system.acquire({}, never);
  await system.acquire({}, never);
  expect(authority.requests).toHaveLength(2);
});

test('an identity that is not assigned is refused with the remedy, exit 4', async () => {
  const error: unknown = await source('99999999-9999-4999-8999-999999999999')
    .acquire({}, never)
    .catch((reason) => reason);
  expect(error).toMatchObject({ exitCode: 4 });
  expect(String(error)).toMatch(
    /answered HTTP 400 \(Identity not found\); assign identity 99999999.* or unset AZURE_CLIENT_ID/,
  );
  expect(inspect(error, { depth: null, showHidden: true })).not.toContain(authority.identityHeader);
});

const troubles: [keyof typeof TROUBLES, RegExp][] = [
  ['throttled', /HTTP 429/],
  ['serverError', /HTTP 500/],
  ['htmlPage', /something that is not a token/],
  ['reset', /no connection to .*; check that this machine or container has a managed identity/],
  ['cut', /no connection/],
];
test.each(troubles)('%s is an outage, exit 6, without retries inside msal', async (name, sentence) => {
  authority.trouble(TROUBLES[name]);
  const error: unknown = await source('')
    .acquire({}, never)
    .catch((reason) => reason);
  expect(error).toMatchObject({ exitCode: 6, retryable: true });
  expect(String(error)).toMatch(sentence);
  expect(authority.requests).toHaveLength(1);
});

test('an endpoint that is being updated (404) is an outage', async () => {
  authority.trouble({ status: 404, headers: { 'content-type': 'application/json' }, body: '{}' }, 1);
  await expect(source('').acquire({}, never)).rejects.toMatchObject({ exitCode: 6 });
});

test('a proxy in the environment does not come between', async () => {
  const parts = partsFor(authority, { dispatcher: makeDispatcher({ env: { HTTPS_PROXY: 'http://127.0.0.1:1' } }) });
  await expect(managedIdentitySource(parts).acquire({}, never)).resolves.toHaveProperty('token');
});
