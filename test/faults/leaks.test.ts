import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fault } from '../../src/sandbox/faults.ts';
import { type Authority, CLIENT_SECRET, startAuthority, TROUBLES, writeSecret } from '../support/authority.ts';
import { type ClientCertificate, makeClientCertificate } from '../support/certificates.ts';
import { filesIn } from '../support/files-in.ts';
import { COMMENT } from '../support/harness.ts';
import { leaksIn, logged, openSignInHarness, type SignInHarness } from '../support/sign-in-harness.ts';

let authority: Authority;
let certificate: ClientCertificate;

beforeAll(async () => {
  authority = await startAuthority();
  certificate = await makeClientCertificate(authority.dir, 'app');
  authority.register(await readFile(certificate.certFile, 'utf8'));
  for (const file of [certificate.keyFile, certificate.encryptedKeyFile]) {
    authority.secrets.add(await readFile(file, 'utf8'));
  }
  authority.secrets.add(certificate.passphrase);
  authority.secrets.add(WRONG);
  authority.secrets.add(PROXY_PASSWORD);
});
afterAll(() => authority[Symbol.asyncDispose]());

const WRONG = 'a-wrong-secret-is-a-secret-too';
const PROXY_PASSWORD = 'the-password+of/the proxy';
const LEDGER = 'ledgers/ids.jsonl';

const ENVIRONMENTS: Record<string, () => Promise<Record<string, string | undefined>>> = {
  'client-secret': async () => ({ AZURE_CLIENT_SECRET: CLIENT_SECRET }),
  certificate: async () => ({
    AZURE_CLIENT_CERTIFICATE_PATH: certificate.certFile,
    AZURE_CLIENT_CERTIFICATE_KEY_PATH: certificate.encryptedKeyFile,
    AZURE_CLIENT_CERTIFICATE_PASSWORD: certificate.passphrase,
  }),
  'workload-identity': async () => ({
    AZURE_FEDERATED_TOKEN_FILE: await writeSecret(authority, 'cluster', await authority.clusterToken()),
  }),
  'managed-identity': async () => ({
    IDENTITY_ENDPOINT: authority.identityEndpoint,
    IDENTITY_HEADER: authority.identityHeader,
  }),
  'device-code': async () => ({}),
  token: async () => ({ COUNTERMAND_TOKEN: await authority.token() }),
};

/** How many {@link badAnswers} there are. The last ends a run whose token cannot be renewed. */
const BAD_ANSWERS = 12;

/** One of each that an answer can be, some of which say the token back. */
function badAnswers(harness: SignInHarness): (n: number) => Fault | undefined {
  const echo = () => harness.seen.at(-1) ?? '';
  const bad: (() => Fault | undefined)[] = [
    () => ({ kind: 'status', status: 500, message: echo() }),
    () => ({ kind: 'status', status: 409, code: echo() }),
    () => ({ kind: 'status', status: 409, code: 'Conflict', message: `Bearer ${echo()}` }),
    () => ({ kind: 'too-many', seconds: 1 }),
    () => ({ kind: 'html', status: 502 }),
    () => ({ kind: 'reset' }),
    () => ({ kind: 'cut-json' }),
    () => ({ kind: 'reset-in-body' }),
    () => ({ kind: 'wrong-id' }),
    () => ({ kind: 'redirect', status: 307, location: `https://elsewhere.example/?token=${echo()}` }),
    () => ({ kind: 'forbidden' }),
    () => ({ kind: 'unauthorized', claims: '{"access_token":{"nbf":{"essential":true,"value":"1"}}}' }),
  ];
  return (n) => bad[n - 1]?.();
}

/** Everything that lies in a folder, as one text. */
async function everythingIn(folder: string): Promise<string> {
  return (await filesIn(folder)).map(([path, text]) => `${path}\n${text}`).join('\n');
}

/** Runs commands at trace, one after the other, and keeps all they say. */
function listener(harness: SignInHarness, flags: readonly string[]) {
  const said: string[] = [];
  return {
    said,
    hear: async (args: readonly string[], env: Record<string, string | undefined> = {}) => {
      // Of the bad answers some close the gate, and the rest is met by one probe after the other.
      const run = harness.start([...args, '--log-level', 'trace', ...flags], { env, timeoutMs: 120_000 });
      // What lies beside the ledger while it is held.
      await run.says('"level":').catch(() => undefined);
      said.push(await everythingIn(harness.folder));
      const ended = await run.ended;
      said.push(ended.stdout, ended.stderr);
      return ended;
    },
  };
}

describe.concurrent('no secret shows in anything that is said or written, at trace, over every command and failure, with', () => {
  it.for(Object.keys(ENVIRONMENTS))(
    'no secret shows in anything that is said or written, at trace, with %s',
    async (kind, { expect }) => {
      await using harness = await openSignInHarness(authority, {
        count: 16,
        env: (await ENVIRONMENTS[kind]?.()) ?? {},
      });
      const { said, hear } = listener(harness, ['--auth', kind]);
      const quiet = listener(harness, []);
      await hear(['plan', 'ids.txt', '--html', 'plan.html', '--csv', 'plan.csv']);
      await hear(['list', '--json']);
      await hear(['list']);
      const answer = badAnswers(harness);
      let cancels = 0;
      harness.sandbox.faults.script(({ route }) => (route === 'cancel' ? answer(++cancels) : undefined));
      const metrics = ['--metrics-file', 'metrics.prom', '--confirm-for', '0'];
      const ran = await hear(['run', 'ids.txt', '--yes', '--json', ...COMMENT, ...metrics, '--max-failures', '100%']);
      expect(cancels).toBeGreaterThanOrEqual(BAD_ANSWERS);
      await hear(['resume', LEDGER, '--dry-run']);
      await hear([
        'resume',
        LEDGER,
        ...metrics,
        '--retry',
        'failed,forbidden,unconfirmed,unknown',
        '--max-failures',
        '100%',
      ]);
      await hear(['verify', LEDGER]);
      await hear(['check', '--json']);
      await hear(['check']);
      await quiet.hear(['verify', LEDGER, '--offline']);
      await quiet.hear(['report', LEDGER, '--json', '--csv', 'r.csv', '--html', 'r.html', '--out', 'report']);
      await quiet.hear(['report', LEDGER]);

      const all = [...said, ...quiet.said, await everythingIn(harness.folder)].join('\n');
      for (const name of ['plan.html', 'plan.csv', 'metrics.prom', 'report/report.html', 'report/SHA256SUMS', LEDGER]) {
        expect(all).toContain(harness.path(name));
      }
      expect(leaksIn(all, authority.secrets)).toEqual([]);

      // The log says something of each call, and nothing that is not for it.
      const lines = logged(ran.stderr).filter(({ route }) => route === 'cancel');
      expect(lines.length).toBeGreaterThanOrEqual(BAD_ANSWERS);
      for (const line of lines) expect(line).toMatchObject({ id: expect.any(String), attempt: expect.any(Number) });
      expect(lines).toContainEqual(
        expect.objectContaining({
          http: 200,
          ms: expect.any(Number),
          slotWaitMs: expect.any(Number),
          gateWaitMs: expect.any(Number),
        }),
      );
    },
  );
});

describe('no secret shows when signing in fails', () => {
  /** What the command has shown the authority, or got from it. */
  const echoed = (kind: string) => {
    const own = { 'client-secret': CLIENT_SECRET, 'managed-identity': authority.identityHeader }[kind];
    const tokens = [...authority.secrets].filter((secret) => secret.startsWith('eyJ')).slice(-3);
    return [own, ...tokens].filter((each) => each !== undefined).join(' ');
  };

  it.for(Object.keys(ENVIRONMENTS))(
    'no secret shows with %s when the authority says back what it was told',
    async (kind) => {
      await using harness = await openSignInHarness(authority, { env: (await ENVIRONMENTS[kind]?.()) ?? {} });
      const { said, hear } = listener(harness, ['--auth', kind]);
      authority.trouble({ ...TROUBLES.htmlPage, body: `<html>${echoed(kind)}</html>` }, 1);
      authority.trouble({ ...TROUBLES.jsonString, body: JSON.stringify(echoed(kind)) }, 1);
      authority.trouble(
        { ...TROUBLES.serverError, body: JSON.stringify({ error: 'server_error', error_description: echoed(kind) }) },
        1,
      );
      authority.trouble('reset', 1);
      await hear(['check']);
      authority.heal();
      authority.trouble({
        status: 400,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          error: 'invalid_client',
          error_description: `AADSTS99999: ${echoed(kind)}`,
          error_codes: [99_999],
        }),
      });
      await hear(['run', 'ids.txt', '--yes', ...COMMENT]);
      await hear(['check', '--json']);
      authority.heal();
      expect(leaksIn([...said, await everythingIn(harness.folder)].join('\n'), authority.secrets)).toEqual([]);
    },
  );

  it('no secret shows when signing in fails with a wrong secret, a wrong passphrase, a broken key, a token with a line break, or a proxy that is away', async () => {
    await using harness = await openSignInHarness(authority);
    const key = await readFile(certificate.keyFile, 'utf8');
    const token = await authority.token();
    const broken = await writeSecret(authority, 'broken.pem', key.replace(/\n/g, ' '));
    const certificatePath = { AZURE_CLIENT_CERTIFICATE_PATH: certificate.certFile };
    const environments: Record<string, string>[] = [
      { AZURE_CLIENT_SECRET: WRONG },
      { ...certificatePath, AZURE_CLIENT_CERTIFICATE_KEY_PATH: broken },
      {
        ...certificatePath,
        AZURE_CLIENT_CERTIFICATE_KEY_PATH: certificate.encryptedKeyFile,
        AZURE_CLIENT_CERTIFICATE_PASSWORD: WRONG,
      },
      { AZURE_CLIENT_CERTIFICATE_PATH: certificate.keyFile },
      { COUNTERMAND_TOKEN: `${token}\n${token}` },
      { COUNTERMAND_TOKEN: `Bearer ${token}` },
      { COUNTERMAND_TOKEN: token, COUNTERMAND_TOKEN_FILE: '/nowhere' },
      { COUNTERMAND_TOKEN_FILE: token },
      { AZURE_FEDERATED_TOKEN_FILE: certificate.keyFile },
      {
        AZURE_CLIENT_SECRET: CLIENT_SECRET,
        HTTPS_PROXY: `socks5://soc:${encodeURIComponent(PROXY_PASSWORD)}@127.0.0.1:1`,
      },
      {
        AZURE_CLIENT_SECRET: CLIENT_SECRET,
        HTTPS_PROXY: `http://soc:${encodeURIComponent(PROXY_PASSWORD)}@127.0.0.1:1`,
      },
    ];
    const listeners = environments.map(async (env) => {
      const { said, hear } = listener(harness, []);
      const ended = await hear(['check'], env);
      expect([2, 4, 6]).toContain(ended.code);
      return said;
    });
    expect(leaksIn((await Promise.all(listeners)).flat().join('\n'), authority.secrets)).toEqual([]);
  });
});

describe('the search itself', () => {
  it('the search itself finds a secret in every form that it may take', () => {
    const secret = 'a"secret+with/odd=signs';
    const forms = [
      `x${secret}x`,
      Buffer.from(secret).toString('base64'),
      Buffer.from(secret).toString('base64url'),
      encodeURIComponent(secret),
      JSON.stringify({ secret }),
      JSON.stringify(JSON.stringify({ secret })),
    ];
    for (const form of forms) expect(leaksIn(form, [secret])).not.toEqual([]);
    expect(leaksIn('a secret with odd signs', [secret])).toEqual([]);
  });

  it('the search itself finds a line of a key, and the payload of a token', async () => {
    const key = await readFile(certificate.keyFile, 'utf8');
    expect(leaksIn(key.split('\n')[3] ?? '', [key])).not.toEqual([]);
    const token = await authority.token();
    expect(leaksIn(token.split('.')[1] ?? '', [token])).not.toEqual([]);
  });
});
