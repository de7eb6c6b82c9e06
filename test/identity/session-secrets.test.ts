import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { link, mkdtemp, open, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SECRET_FILE_VARIABLES, sessionSecrets } from '../../src/identity/session-secrets.ts';

let folder: string;
const at = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countermand-secrets-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a file that a variable names for its secret', () => {
  it.each([
    ['its own name', (name: string) => Promise.resolve(at(name))],
    [
      'a symbolic link',
      async (name: string) => {
        await symlink(at(name), at(`${name}.link`));
        return at(`${name}.link`);
      },
    ],
    [
      'a hard link',
      async (name: string) => {
        await link(at(name), at(`${name}.hard`));
        return at(`${name}.hard`);
      },
    ],
  ])('a file that a variable names for its secret is known by %s, for every variable', async (what, reach) => {
    for (const variable of SECRET_FILE_VARIABLES) {
      const name = `${what.replaceAll(' ', '-')}-${variable}`;
      await writeFile(at(name), `the-secret-of-${variable}\n`);
      const secrets = sessionSecrets({ [variable]: at(name) });
      const file = await stat(await reach(name));
      expect(secrets.variableOf(file)).toBe(variable);
      expect(secrets.isSecretFile(file)).toBe(true);
    }
  });

  it('a file that a variable names for its secret is known by an open handle, and another file is not', async () => {
    await writeFile(at('token'), 'a-token-in-a-file');
    await writeFile(at('Token'), 'another file');
    const secrets = sessionSecrets({ COUNTERMAND_TOKEN_FILE: at('token') });
    await using handle = await open(at('token'));
    expect(secrets.isSecretFile(await handle.stat())).toBe(true);
    expect(secrets.isSecretFile(await stat(at('Token')))).toBe(false);
  });

  it('a file that a variable names for its secret is known again after it was replaced', async () => {
    await writeFile(at('federated'), 'the first one');
    const secrets = sessionSecrets({ AZURE_FEDERATED_TOKEN_FILE: at('federated') });
    await writeFile(at('federated.new'), 'the second one');
    await rename(at('federated.new'), at('federated'));
    expect(secrets.isSecretFile(await stat(at('federated')))).toBe(true);
  });

  it('a file that a variable names for its secret is not read when it is a pipe, which would use it up', () => {
    execFileSync('mkfifo', [at('pipe')]);
    expect(sessionSecrets({ COUNTERMAND_TOKEN_FILE: at('pipe') }).values()).toEqual([]);
  });

  it('a file that a variable names and that does not exist is no secret', () => {
    expect(sessionSecrets({ COUNTERMAND_TOKEN_FILE: at('nothing') }).values()).toEqual([]);
    expect(sessionSecrets({ COUNTERMAND_TOKEN_FILE: at('nothing') }).isSecretFile({ dev: 0, ino: 0 })).toBe(false);
  });
});

describe('a secret value', () => {
  it.each([
    ['AZURE_CLIENT_SECRET', 'a~secret.Value+that/must=not'],
    ['AZURE_CLIENT_CERTIFICATE_PASSWORD', 'changeit'],
    ['COUNTERMAND_TOKEN', 'an-opaque-token'],
    ['COUNTERMAND_STORE_PASSWORD', 'hunter2'],
    ['IDENTITY_HEADER', '0b1b7e9a-1111'],
    ['MSI_SECRET', 'of the machine'],
    ['PGPASSWORD', 'postgres'],
  ])('a secret value of %s is found in a text', (variable, value) => {
    const secrets = sessionSecrets({ [variable]: value });
    expect(secrets.values()).toContain(value);
    expect(secrets.originIn(`INC-4711 ${value}!`)).toBe(variable);
    expect(secrets.originIn('INC-4711')).toBeUndefined();
  });

  it.each([
    ['HTTPS_PROXY', 'http://me:hush-hush@proxy:8080'],
    ['https_proxy', 'me:hush-hush@proxy:8080'],
    ['HTTP_PROXY', 'http://me:hush%2Dhush@proxy'],
  ])('a secret value in the address of %s is its password', (variable, address) => {
    const secrets = sessionSecrets({ [variable]: address });
    expect(secrets.originIn('see hush-hush')).toBe(variable);
    expect(secrets.originIn('by me through proxy:8080')).toBeUndefined();
  });

  it('a secret value of a file is what stands in it, without the end of its line', async () => {
    await writeFile(at('secret'), 'a secret in a file\r\n');
    expect(sessionSecrets({ AZURE_CLIENT_SECRET_FILE: at('secret') }).values()).toEqual(['a secret in a file']);
  });

  it('the secret values of a PEM file are its key and the lines of that, and nothing of its certificate', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const certificate = `-----BEGIN CERTIFICATE-----\n${'A'.repeat(64)}\n-----END CERTIFICATE-----\n`;
    await writeFile(at('both.pem'), certificate + key);
    const secrets = sessionSecrets({ AZURE_CLIENT_CERTIFICATE_PATH: at('both.pem') });
    expect(secrets.originIn(`x ${key.split('\n')[3]} y`)).toBe('AZURE_CLIENT_CERTIFICATE_PATH');
    expect(secrets.originIn('A'.repeat(64))).toBeUndefined();
    expect(secrets.originIn('-----BEGIN PRIVATE KEY-----')).toBeUndefined();
  });

  it('a secret value that comes later is known from then on', () => {
    const secrets = sessionSecrets({});
    const token = `eyJhbGciOiJub25lIn0.${'p'.repeat(50)}.${'s'.repeat(50)}`;
    expect(secrets.originIn(token)).toBeUndefined();
    secrets.learn(token, 'an access token');
    expect(secrets.originIn(`only its end: ${'s'.repeat(50)}`)).toBe('an access token');
    expect(secrets.values()[0]).toBe(token);
  });

  it('a secret value shorter than a word is not looked for', () => {
    expect(sessionSecrets({ AZURE_CLIENT_SECRET: 'ab' }).originIn('about')).toBeUndefined();
  });
});
