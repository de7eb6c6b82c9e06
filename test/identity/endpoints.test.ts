import { MockAgent } from 'undici';
import { describe, expect, it, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { UsageError } from '../../src/errors.ts';
import { refuseFarEndpoints, refuseOtherAuthority, refuseUnsafeTls } from '../../src/identity/endpoints.ts';
import { duringSignIn, networkClient, type SignInCall } from '../../src/identity/sign-in-call.ts';

const VARIABLES = ['IDENTITY_ENDPOINT', 'IMDS_ENDPOINT', 'MSI_ENDPOINT', 'AZURE_POD_IDENTITY_AUTHORITY_HOST'];

describe.each(VARIABLES)('%s', (name) => {
  it.each([
    'http://localhost:42356/msi/token',
    'http://127.0.0.1:41741/msi/token/',
    'http://169.254.169.254',
    'http://169.254.129.2:8081/msi/token',
    'https://localhost:2377/metadata/identity/oauth2/token',
    'http://[::1]:40342',
    'http://[fe80::1]/token',
    '',
  ])('an identity endpoint may be %j', (value) => {
    expect(() => refuseFarEndpoints({ [name]: value })).not.toThrow();
  });

  it.each([
    'http://evil.example/token',
    'http://10.0.0.4/token',
    'http://0.0.0.0/token',
    'http://127.0.0.1.nip.io/token',
    'http://localhost.evil.example',
    'http://169.254.169.254.evil.example',
    'http://169.254.169.254@evil.example',
    'http://me:hush-hush@localhost',
    'http://[::ffff:10.0.0.1]',
    'http://[fd00::1]',
    'http://[ff02::1]',
    'ftp://localhost',
    'localhost:42356',
    'nonsense',
  ])('an identity endpoint may not be %j', (value) => {
    const refused = () => refuseFarEndpoints({ [name]: value });
    expect(refused).toThrow(UsageError);
    expect(refused).toThrow(name);
    expect(refused).not.toThrow(/hush-hush/);
  });
});

describe('AZURE_AUTHORITY_HOST', () => {
  it.each([
    'https://login.microsoftonline.com/',
    'https://login.microsoftonline.us',
    'login.microsoftonline.com',
    'https://login.corp.example/',
    '',
  ])('AZURE_AUTHORITY_HOST may be %j where that is where tools of this kind sign in', (value) => {
    const check = () => refuseOtherAuthority({ AZURE_AUTHORITY_HOST: value }, 'https://login.corp.example');
    expect(check).not.toThrow();
  });

  it.each([
    'https://evil.example',
    'http://login.microsoftonline.com',
    'https://login.microsoftonline.com.evil.example',
    'https://login.microsoftonline.com@evil.example',
    'https://login.microsoftonline.com:8443',
    'nonsense nonsense',
  ])('AZURE_AUTHORITY_HOST may not be %j', (value) => {
    const check = () => refuseOtherAuthority({ AZURE_AUTHORITY_HOST: value }, 'https://login.microsoftonline.com');
    expect(check).toThrow(/AZURE_AUTHORITY_HOST.*--authority-url/);
  });
});

describe('TLS', () => {
  test.each<[string, Record<string, string>, string[]]>([
    ['by its variable', { NODE_TLS_REJECT_UNAUTHORIZED: '0' }, []],
    ['by keys written to a file', { NODE_OPTIONS: '--max-old-space-size=512 --tls-keylog=/tmp/keys' }, []],
    ['by another spelling', { NODE_OPTIONS: '"--tls_keylog" /tmp/keys' }, []],
    ['by a trace', { NODE_OPTIONS: '--trace-tls' }, []],
    ['by a flag of the command line', {}, ['--tls-keylog=k']],
  ])('TLS that is switched off %s is refused, with the remedy', (_, env, flags) => {
    expect(() => refuseUnsafeTls(env, flags)).toThrow(UsageError);
    expect(() => refuseUnsafeTls(env, flags)).toThrow(/NODE_EXTRA_CA_CERTS/);
  });

  test.each<Record<string, string>>([
    {},
    { NODE_TLS_REJECT_UNAUTHORIZED: '1' },
    { NODE_TLS_REJECT_UNAUTHORIZED: '' },
    { NODE_OPTIONS: '--tls-min-v1.2 --enable-source-maps', NODE_EXTRA_CA_CERTS: '/etc/ca.pem' },
  ])('TLS that is on is left alone: %j', (env) => {
    expect(() => refuseUnsafeTls(env)).not.toThrow();
  });
});

test('a sign-in that is led to another host than its own asks nobody there', async () => {
  const agent = new MockAgent();
  agent.disableNetConnect();
  const call: SignInCall = {
    dispatcher: agent,
    clock: systemClock,
    signal: new AbortController().signal,
    host: undefined,
    answer: undefined,
    elsewhere: undefined,
    mayAsk: ({ origin }) => origin === 'https://login.microsoftonline.com',
  };
  const ask = (url: string) => duringSignIn(call, () => networkClient.sendPostRequestAsync(url, { body: 'a secret' }));
  await expect(ask('https://westeurope.login.microsoft.com/t/oauth2/v2.0/token')).rejects.toThrow('another host');
  expect(call.elsewhere).toBe('westeurope.login.microsoft.com');
  expect(call.answer).toBeUndefined();
});
