import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { inspect } from 'node:util';
import { Agent } from 'undici';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CountermandError } from '../../src/errors.ts';
import type { CredentialSource, SignInParts } from '../../src/identity/credential-source.ts';
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
  type Trouble,
  writeSecret,
} from '../support/authority.ts';
import { type ClientCertificate, makeClientCertificate } from '../support/certificates.ts';
import { ManualClock } from '../support/clock/manual-clock.ts';
import { partsFor } from '../support/sign-in-parts.ts';

let authority: Authority;
let certificate: ClientCertificate;
let other: ClientCertificate;
let expired: ClientCertificate;
const never = new AbortController().signal;
/** Every error of this file: none of them may show a secret. */
const errors: CountermandError[] = [];
const wrongSecret = 'wrong~secret/that+must.not=show';

beforeAll(async () => {
  authority = await startAuthority();
  authority.secrets.add(wrongSecret);
  [certificate, other, expired] = await Promise.all([
    makeClientCertificate(authority.dir, 'app'),
    makeClientCertificate(authority.dir, 'other'),
    makeClientCertificate(authority.dir, 'expired', { expired: true }),
  ]);
  for (const { passphrase, keyFile } of [certificate, other, expired]) {
    authority.secrets.add(passphrase);
    // The middle of the key, whatever it is wrapped in.
    authority.secrets.add((await readFile(keyFile, 'utf8')).split('\n')[5] ?? '');
  }
  authority.register(await readFile(certificate.certFile, 'utf8'));
});
beforeEach(() => {
  authority.heal();
  authority.refuseWith = undefined;
  authority.requests.length = 0;
});
afterAll(() => authority[Symbol.asyncDispose]());

async function failure(source: CredentialSource, request = {}): Promise<CountermandError> {
  const error: unknown = await source.acquire(request, never).then(
    () => new Error('it signed in'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof CountermandError)) throw error;
  errors.push(error);
  return error;
}

function secretSource(given: Partial<SignInParts> = {}, secret = CLIENT_SECRET): CredentialSource {
  return clientSecretSource(partsFor(authority, { env: { AZURE_CLIENT_SECRET: secret }, ...given }));
}

describe('credentials that are refused end with exit 4, the cause and the remedy', () => {
  test('a wrong secret ends with exit 4, the cause and the remedy', async () => {
    const error = await failure(secretSource({}, wrongSecret));
    expect(error).toMatchObject({ exitCode: 4, name: 'RefusedError' });
    expect(error.message).toMatch(
      new RegExp(
        `^sign-in refused: the client secret is wrong; put the secret's value .* for application ${CLIENT_ID} into AZURE_CLIENT_SECRET \\(AADSTS7000215, correlation [0-9a-f-]{36}\\)$`,
      ),
    );
  });

  test('a wrong secret from a file names the file variable', async () => {
    const path = await writeSecret(authority, 'wrong', `${wrongSecret}\n`);
    const error = await failure(clientSecretSource(partsFor(authority, { env: { AZURE_CLIENT_SECRET_FILE: path } })));
    expect(error.message).toContain('into AZURE_CLIENT_SECRET_FILE');
  });

  const numbered: [number, string, RegExp][] = [
    [7000222, 'invalid_client', /secret has expired; make a new one/],
    [700027, 'invalid_client', /certificate .* upload its public part/],
    [700016, 'unauthorized_client', /does not know application .* check --client-id and --tenant/],
    [7000112, 'unauthorized_client', /disabled/],
    [65001, 'invalid_grant', /no consent .* WindowsDefenderATP .* admin consent/],
    [1002012, 'invalid_scope', /no Application permissions .* admin consent/],
    [500011, 'invalid_resource', /does not know the Defender API; check --cloud/],
    [53003, 'invalid_grant', /Conditional Access/],
    [7000218, 'invalid_client', /Allow public client flows/],
  ];
  test.each(numbered)('AADSTS%i ends with exit 4, the cause and the remedy', async (code, error, sentence) => {
    authority.refuseWith = { code, error, description: 'as Entra words it.' };
    const refusal = await failure(secretSource());
    expect(refusal.exitCode).toBe(4);
    expect(refusal.message).toMatch(sentence);
    expect(refusal.message).toContain(`AADSTS${code}`);
  });

  test('an unknown tenant ends with exit 4, the cause and the remedy', async () => {
    const parts = partsFor(authority);
    const target = { ...parts.target, tenant: 'contoso.example' };
    const error = await failure(secretSource({ target }));
    expect(error).toMatchObject({ exitCode: 4 });
    expect(error.message).toMatch(/tenant contoso\.example does not exist in this cloud; check --tenant and --cloud/);
  });

  test('an unknown application ends with exit 4, the cause and the remedy', async () => {
    const parts = partsFor(authority);
    const error = await failure(secretSource({ target: { ...parts.target, clientId: TENANT } }));
    expect(error).toMatchObject({ exitCode: 4 });
    expect(error.message).toContain(`does not know application ${TENANT}`);
  });

  test('a refusal nobody foresaw keeps its number and first words', async () => {
    authority.refuseWith = { code: 999999, error: 'brand_new', description: 'Something new happened.\r\nTrace' };
    const error = await failure(secretSource());
    expect(error).toMatchObject({ exitCode: 4 });
    expect(error.message).toMatch(/said: Something new happened\. \(AADSTS999999/);
  });

  test('an authority that repeats the secret and the assertion in its answer does not get them into the message', async () => {
    authority.refuseWith = {
      code: 999999,
      error: 'brand_new',
      description: `you sent ${CLIENT_SECRET} (${encodeURIComponent(CLIENT_SECRET)}) and ${await authority.token()}`,
    };
    const error = await failure(secretSource());
    expect(error.message).toContain('you sent [hidden] ([hidden]) and [hidden]');
  });
});

describe('certificates', () => {
  const rows: [string, () => Promise<NodeJS.ProcessEnv>, RegExp][] = [
    [
      'that expired is told before anything is asked',
      async () => ({
        AZURE_CLIENT_CERTIFICATE_PATH: expired.certFile,
        AZURE_CLIENT_CERTIFICATE_KEY_PATH: expired.keyFile,
      }),
      /expired-cert\.pem expired at 2020-02-01T00:00:00\.000Z; make a new one/,
    ],
    [
      'whose file is missing',
      async () => ({ AZURE_CLIENT_CERTIFICATE_PATH: '/nowhere/cert.pem' }),
      /AZURE_CLIENT_CERTIFICATE_PATH names \/nowhere\/cert\.pem, which cannot be read \(ENOENT\)/,
    ],
    [
      'without a key',
      async () => ({ AZURE_CLIENT_CERTIFICATE_PATH: certificate.certFile }),
      /holds no private key; add it there, or name its file in AZURE_CLIENT_CERTIFICATE_KEY_PATH/,
    ],
    [
      'with the key of another one',
      async () => ({
        AZURE_CLIENT_CERTIFICATE_PATH: certificate.certFile,
        AZURE_CLIENT_CERTIFICATE_KEY_PATH: other.keyFile,
      }),
      /does not belong to the certificate/,
    ],
    [
      'with an encrypted key and no passphrase',
      async () => ({
        AZURE_CLIENT_CERTIFICATE_PATH: certificate.certFile,
        AZURE_CLIENT_CERTIFICATE_KEY_PATH: certificate.encryptedKeyFile,
      }),
      /is encrypted; give its passphrase in AZURE_CLIENT_CERTIFICATE_PASSWORD/,
    ],
    [
      'with a wrong passphrase',
      async () => ({
        AZURE_CLIENT_CERTIFICATE_PATH: certificate.certFile,
        AZURE_CLIENT_CERTIFICATE_KEY_PATH: certificate.encryptedKeyFile,
        AZURE_CLIENT_CERTIFICATE_PASSWORD: other.passphrase,
      }),
      /does not open with the passphrase/,
    ],
    [
      'that is no PEM',
      async () => ({ AZURE_CLIENT_CERTIFICATE_PATH: await writeSecret(authority, 'cert.pfx', '0\u0082\u0001binary') }),
      /holds no PEM certificate; a \.pfx becomes one/,
    ],
    [
      'that is cut',
      async () => {
        const text = await readFile(certificate.certFile, 'utf8');
        const cut = text.split('\n').toSpliced(3, 8).join('\n');
        return { AZURE_CLIENT_CERTIFICATE_PATH: await writeSecret(authority, 'cut.pem', cut) };
      },
      /holds a certificate that cannot be read/,
    ],
  ];
  test.each(rows)('a certificate %s is refused', async (_name, env, sentence) => {
    const error = await failure(certificateSource(partsFor(authority, { env: await env() })));
    expect(error).toMatchObject({ exitCode: 4 });
    expect(error.message).toMatch(sentence);
    expect(authority.requests).toEqual([]);
  });

  test('a certificate that is not registered is refused', async () => {
    const env = { AZURE_CLIENT_CERTIFICATE_PATH: other.certFile, AZURE_CLIENT_CERTIFICATE_KEY_PATH: other.keyFile };
    const error = await failure(certificateSource(partsFor(authority, { env })));
    expect(error).toMatchObject({ exitCode: 4 });
    expect(error.message).toContain('AADSTS700027');
  });
});

describe('federated tokens', () => {
  test('a federated token whose file is missing is refused', async () => {
    const env = { AZURE_FEDERATED_TOKEN_FILE: '/nowhere/token' };
    const error = await failure(workloadIdentitySource(partsFor(authority, { env })));
    expect(error).toMatchObject({ exitCode: 4 });
    expect(error.message).toContain('AZURE_FEDERATED_TOKEN_FILE names /nowhere/token, which cannot be read (ENOENT)');
  });

  test.each(['AZURE_FEDERATED_TOKEN_FILE', 'COUNTERMAND_TOKEN_FILE'])(
    'a token put where %s wants the path of its file is not shown',
    async (name) => {
      const token = await authority.clusterToken();
      const make = name.startsWith('AZURE') ? workloadIdentitySource : readyTokenSource;
      const error = await failure(make(partsFor(authority, { env: { [name]: token } })));
      expect(error.message).toContain(`${name} names something that does not begin with / or ./`);
      expect(error.message).not.toContain(token);
    },
  );

  const rows: [string, Parameters<Authority['clusterToken']>[0], RegExp][] = [
    [
      'that ran out',
      { expiresInSeconds: -600 },
      /not valid now; check this machine's clock and that the file is renewed/,
    ],
    ['of another issuer', { issuer: 'https://other.example/' }, /has the issuer of/],
    ['for another audience', { audience: 'https://kubernetes.default.svc' }, /has the audience of/],
    ['of another service account', { subject: 'system:serviceaccount:default:default' }, /has the subject of/],
  ];
  test.each(rows)('a federated token %s is refused', async (_name, claims, sentence) => {
    const path = await writeSecret(authority, 'federated', await authority.clusterToken(claims));
    const error = await failure(
      workloadIdentitySource(partsFor(authority, { env: { AZURE_FEDERATED_TOKEN_FILE: path } })),
    );
    expect(error).toMatchObject({ exitCode: 4 });
    expect(error.message).toMatch(sentence);
  });

  test('a federated token that somebody forged is refused', async () => {
    const [head, body] = (await authority.clusterToken()).split('.');
    const path = await writeSecret(authority, 'forged', `${head}.${body}.${Buffer.alloc(256).toString('base64url')}`);
    const error = await failure(
      workloadIdentitySource(partsFor(authority, { env: { AZURE_FEDERATED_TOKEN_FILE: path } })),
    );
    expect(error).toMatchObject({ exitCode: 4 });
  });
});

describe('ready tokens', () => {
  test('a ready token that ended is refused', async () => {
    const env = { COUNTERMAND_TOKEN: await authority.token({ lifetimeSeconds: -60 }) };
    const error = await failure(readyTokenSource(partsFor(authority, { env })));
    expect(error).toMatchObject({ exitCode: 4 });
    expect(error.message).toMatch(/^the token in COUNTERMAND_TOKEN ended at .*; get a new one, then resume$/);
  });

  test.each([
    ['JSON', (token: string) => `{"accessToken":"${token}"}`],
    ['quotes', (token: string) => `"${token}"`],
  ])('a ready token in %s is refused with the way to the bare one', async (_what, dressed) => {
    const env = { COUNTERMAND_TOKEN: dressed(await authority.token()) };
    const error = await failure(readyTokenSource(partsFor(authority, { env })));
    expect(error).toMatchObject({ exitCode: 4 });
    expect(error.message).toMatch(/quotes or JSON around the token; give the bare token/);
  });

  test('a ready token with a line break inside is refused', async () => {
    const token = await authority.token();
    const env = { COUNTERMAND_TOKEN: `${token.slice(0, 50)}\r\n${token.slice(50)}` };
    const error = await failure(readyTokenSource(partsFor(authority, { env })));
    expect(error.message).toContain('characters that a token cannot have');
  });

  test('a ready token whose file is empty is refused', async () => {
    const env = { COUNTERMAND_TOKEN_FILE: await writeSecret(authority, 'empty', '\n') };
    const error = await failure(readyTokenSource(partsFor(authority, { env })));
    expect(error).toMatchObject({ exitCode: 4 });
    expect(error.message).toContain('is empty');
  });
});

describe('device codes', () => {
  test('a device code that nobody enters ends the sign-in', async () => {
    const clock = new ManualClock();
    authority.pendingPolls = 3;
    // The authority forgets the code, as Entra does after fifteen minutes.
    const source = deviceCodeSource(partsFor(authority, { clock, prompt: () => expire() }));
    const expire = () => {
      authority.refuseWith = { code: 70019, error: 'expired_token', description: 'The code has expired.' };
    };
    const error = await failure(source);
    expect(error).toMatchObject({ exitCode: 4 });
    expect(error.message).toMatch(/device code expired before it was entered; start again/);
  });

  test.each([TROUBLES.serverError, TROUBLES.jsonWithoutToken])(
    'device codes are not shown to anybody when the authority gives none: %j',
    async (trouble) => {
      const parts = partsFor(authority);
      authority.trouble(trouble);
      const error = await failure(deviceCodeSource(parts));
      authority.heal();
      expect(error).toMatchObject({ exitCode: 6 });
      expect(parts.prompts).toEqual([]);
    },
  );

  test('a device code that is declined ends the sign-in', async () => {
    const source = deviceCodeSource(
      partsFor(authority, {
        prompt: () => {
          authority.refuseWith = { code: 70000, error: 'authorization_declined', description: 'no.' };
        },
      }),
    );
    expect((await failure(source)).message).toMatch(/declined in the browser/);
  });
});

describe('an authority out of reach ends with exit 6, the cause and the remedy', () => {
  const rows: [keyof typeof TROUBLES, RegExp][] = [
    ['throttled', /asks to wait \(HTTP 429\)/],
    ['serverError', /HTTP 500/],
    ['unavailable', /temporarily unavailable/],
    ['htmlPage', /HTTP 502 and something that is not a token \(text\/html\)/],
    ['loginPage', /HTTP 200 and something that is not a token .* proxy or login page/],
    ['redirect', /HTTP 302/],
    ['jsonString', /HTTP 200 and something that is not a token/],
    ['jsonWithoutToken', /JSON without a token/],
    ['hugeBody', /something that is not a token/],
    ['reset', /no connection to 127\.0\.0\.1:\d+ \(\w+\); check the network and HTTPS_PROXY/],
    ['cut', /no connection/],
  ];
  test.each(rows)(
    'an authority out of reach ends with exit 6, the cause and the remedy: %s',
    async (name, sentence) => {
      const trouble: Trouble = TROUBLES[name];
      authority.trouble(trouble, 1);
      const error = await failure(secretSource());
      expect(error).toMatchObject({ exitCode: 6 });
      expect(error.message).toMatch(sentence);
      expect(authority.requests).toHaveLength(1);
    },
  );

  test('a redirect is not followed, so the secret goes nowhere else', async () => {
    authority.trouble({ ...TROUBLES.redirect, status: 307, headers: { location: `${authority.url}/elsewhere` } }, 1);
    await failure(secretSource());
    expect(authority.requests).toHaveLength(1);
  });

  test('a hanging authority is given 10 s', async () => {
    const clock = new ManualClock();
    authority.trouble('hang');
    const waited = failure(secretSource({ clock }));
    await authority.requested(1);
    await clock.advance(10_000);
    const error = await waited;
    expect(error).toMatchObject({ exitCode: 6 });
    expect(error.message).toMatch(/did not answer within 10 s; check the network and HTTPS_PROXY/);
  });

  test('an authority where nobody listens ends with exit 6, the cause and the remedy', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const target = { ...partsFor(authority).target, authorityUrl: `https://127.0.0.1:${port}` };
    const error = await failure(secretSource({ target }));
    expect(error).toMatchObject({ exitCode: 6, retryable: true });
    expect(error.message).toContain(`no connection to 127.0.0.1:${port} (ECONNREFUSED)`);
  });

  test('an authority whose name does not exist ends with exit 6, the cause and the remedy', async () => {
    const target = { ...partsFor(authority).target, authorityUrl: 'https://login.invalid' };
    const dispatcher = new Agent({
      connect: {
        lookup: (name, _options, callback) =>
          callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' }), []),
      },
    });
    const error = await failure(secretSource({ target, dispatcher }));
    expect(error).toMatchObject({ exitCode: 6 });
    expect(error.message).toMatch(/the name of login\.invalid is not known/);
  });

  test('a certificate of an unknown CA names NODE_EXTRA_CA_CERTS, and is not tried again', async () => {
    const error = await failure(secretSource({ dispatcher: new Agent() }));
    expect(error).toMatchObject({ exitCode: 6, retryable: false });
    expect(error.message).toMatch(/certificate of an unknown authority .*; name the CA's file in NODE_EXTRA_CA_CERTS/);
    expect(authority.requests).toEqual([]);
  });

  test('an authority with a certificate for another name ends with exit 6, the cause and the remedy', async () => {
    const dispatcher = new Agent({ connect: { ca: authority.ca, servername: 'login.example' } });
    const error = await failure(secretSource({ dispatcher }));
    expect(error).toMatchObject({ exitCode: 6, retryable: false });
    expect(error.message).toContain('ERR_TLS_CERT_ALTNAME_INVALID');
  });
});

test('an interruption ends a sign-in at once with the reason of the signal', async () => {
  authority.trouble('hang');
  const interrupted = new AbortController();
  const waited = secretSource().acquire({}, interrupted.signal);
  await authority.requested(1);
  interrupted.abort(new Error('SIGINT'));
  await expect(waited).rejects.toThrow('SIGINT');
});

test('no error of any of these shows a secret, an assertion or a token, however deep one looks', async () => {
  expect(errors.length).toBeGreaterThan(45);
  const secrets = [...authority.secrets].filter((each) => each.length > 0);
  expect(secrets.length).toBeGreaterThan(20);
  for (const error of errors) {
    const shown = [
      error.message,
      error.stack ?? '',
      String(error.cause),
      inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true, getters: true }),
      JSON.stringify(error),
      JSON.stringify(error, Object.getOwnPropertyNames(error)),
    ].join('\n');
    for (const secret of secrets) {
      expect(shown.includes(secret), error.message).toBe(false);
      expect(shown.includes(encodeURIComponent(secret)), error.message).toBe(false);
    }
    expect(shown).not.toMatch(/client_assertion=|client_secret=|eyJ[\w-]{8}/);
    expect(error.message).not.toContain('\n');
  }
});
