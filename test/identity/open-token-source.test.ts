import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { credentialSource } from '../../src/identity/credential-source.ts';
import { findCredential } from '../../src/identity/find-credential.ts';
import { RenewingTokenSource } from '../../src/identity/renewing-token-source.ts';
import type { CredentialKind } from '../../src/identity/token-source.ts';
import { type Authority, CLIENT_ID, CLIENT_SECRET, startAuthority, TENANT, writeSecret } from '../support/authority.ts';
import { partsFor } from '../support/sign-in-parts.ts';

let authority: Authority;

beforeAll(async () => {
  authority = await startAuthority();
});
afterAll(() => authority[Symbol.asyncDispose]());

const identity = { tenant: TENANT, clientId: CLIENT_ID };

function tokensOf(kind: CredentialKind, env: Readonly<Record<string, string>>): RenewingTokenSource {
  const parts = partsFor(authority, { env });
  return new RenewingTokenSource(credentialSource(kind, parts), { ...parts, random: Math.random });
}

test('what was found in the environment signs in', async () => {
  const env = { AZURE_CLIENT_SECRET_FILE: await writeSecret(authority, 'secret', `${CLIENT_SECRET}\n`) };
  const found = findCredential(env, { kind: undefined }, identity);
  await using source = tokensOf(found.kind, env);
  expect(source.kind).toBe('client-secret');
  const first = await source.token();
  expect(await source.token()).toBe(first);
  expect((await source.renew(first)).token).not.toBe(first.token);
  expect(authority.requests.map((each) => each.answered)).toEqual([200, 200]);
});

test('a ready token is used without any sign-in, and refused with 401 ends with exit 4', async () => {
  authority.requests.length = 0;
  const env = { COUNTERMAND_TOKEN: await authority.token() };
  const found = findCredential(env, { kind: undefined }, identity);
  await using source = tokensOf(found.kind, env);
  const token = await source.token();
  expect(token.token).toBe(env.COUNTERMAND_TOKEN);
  await expect(source.renew(token)).rejects.toMatchObject({ exitCode: 4 });
  expect(authority.requests).toEqual([]);
});

test('msal is loaded only when a kind signs in with it', async () => {
  const folder = fileURLToPath(new URL('../../src/identity/', import.meta.url));
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.ts'));
  const texts = await Promise.all(files.map((file) => readFile(`${folder}${file}`, 'utf8')));
  const importing = texts.filter((text) => text.includes("'@azure/msal-node'"));
  expect(importing.length).toBeGreaterThan(0);
  expect(importing.filter((text) => /^import (?!type)[^;]*'@azure\/msal-node'/m.test(text))).toEqual([]);
});
