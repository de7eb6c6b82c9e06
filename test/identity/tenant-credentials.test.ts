import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CREDENTIAL_ORDER, CREDENTIAL_VARIABLES, findCredential } from '../../src/identity/find-credential.ts';
import { TenantCredentials } from '../../src/identity/tenant-credentials.ts';

const TENANT = '0a1b2c3d-1111-4222-8333-444455556666';
const OTHER = '99999999-1111-4222-8333-444455556666';

async function folderWith(...names: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'countermand-credentials-'));
  for (const name of names) await writeFile(join(folder, name), 'not read here\n', { mode: 0o600 });
  return {
    credentials: new TenantCredentials(folder),
    folder,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** All that a worker can be given to sign in with, and what is none of it. */
const EVERYTHING = { ...Object.fromEntries(CREDENTIAL_VARIABLES.map((name) => [name, 'x'])), HTTPS_PROXY: 'p' };

describe("tenants' own credentials", () => {
  it.each([
    [`${TENANT}.pem`, TENANT, 'certificate', 'AZURE_CLIENT_CERTIFICATE_PATH'],
    [`${TENANT}.secret`, TENANT, 'client-secret', 'AZURE_CLIENT_SECRET_FILE'],
    [`${TENANT.toUpperCase()}.PEM`, TENANT, 'certificate', 'AZURE_CLIENT_CERTIFICATE_PATH'],
    [`${TENANT}.pem`, TENANT.toUpperCase(), 'certificate', 'AZURE_CLIENT_CERTIFICATE_PATH'],
    ['contoso.example.secret', 'Contoso.example', 'client-secret', 'AZURE_CLIENT_SECRET_FILE'],
  ])(
    'tenants’ own credentials: %s signs %s in by %s, and nothing else of the worker does',
    async (name, tenant, kind, variable) => {
      await using made = await folderWith(name, `${OTHER}.pem`);
      const own = await made.credentials.of(tenant, EVERYTHING);
      expect(own).toEqual({ kind, env: { HTTPS_PROXY: 'p', [variable]: join(made.folder, name) } });
      const found = findCredential(own?.env ?? {}, { kind: undefined }, { tenant, clientId: 'its own' });
      expect(found).toMatchObject({ kind, from: [variable], ignored: [] });
    },
  );

  it.each([
    ['another tenant', OTHER],
    ['a path', '../../etc/passwd'],
    ['a path to its file', `./${TENANT}`],
    ['nothing', ''],
    ['a name with its ending', `${TENANT}.pem`],
  ])('tenants’ own credentials hold nothing for %s', async (_, tenant) => {
    await using made = await folderWith(`${TENANT}.pem`, '.secret', '.pem');
    expect(await made.credentials.of(tenant, EVERYTHING)).toBeUndefined();
  });

  it('tenants’ own credentials: two for one tenant are that tenant’s mistake, and no other’s', async () => {
    await using made = await folderWith(`${TENANT}.pem`, `${TENANT}.secret`, `${OTHER}.pem`);
    await expect(made.credentials.of(TENANT, {})).rejects.toThrow(
      `${TENANT}.pem and ${TENANT}.secret are for the same`,
    );
    expect(await made.credentials.of(OTHER, {})).toMatchObject({ kind: 'certificate' });
  });

  it('tenants’ own credentials are counted, and a file that is for nobody is told', async () => {
    const odd = ['contoso.example.key', 'a customer.pem', 'README'];
    await using made = await folderWith(`${TENANT}.pem`, `${TENANT}.secret`, `${OTHER}.secret`, '..data', ...odd);
    await mkdir(join(made.folder, '..2026'));
    const { tenants, doubts } = await made.credentials.look();
    expect(tenants).toBe(2);
    expect(doubts).toHaveLength(odd.length + 1);
    for (const name of odd) expect(doubts.join('\n')).toContain(`"${name}" is used for nobody`);
  });

  it('tenants’ own credentials in what is no folder are refused', async () => {
    await using made = await folderWith('file');
    for (const path of ['file', 'nowhere']) {
      const credentials = new TenantCredentials(join(made.folder, path));
      await expect(credentials.look()).rejects.toThrow(/--credentials names no folder that can be read \(E/);
      await expect(credentials.of(TENANT, {})).rejects.toThrow('no folder that can be read');
    }
  });

  it('tenants’ own credentials leave no variable of any kind of credential', () => {
    const all = CREDENTIAL_ORDER.flatMap(({ variables }) => variables.flat());
    expect(all.filter((name) => !CREDENTIAL_VARIABLES.includes(name))).toEqual([]);
  });
});
