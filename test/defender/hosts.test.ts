import { describe, expect, test } from 'vitest';
import { resolveHosts } from '../../src/defender/hosts.ts';
import { UsageError } from '../../src/errors.ts';
import type { Job } from '../../src/job/job.ts';
import { CLOUDS } from '../../src/job/known-hosts.ts';

function api(given: Partial<Job['api']>): Job['api'] {
  return { cloud: 'commercial', region: undefined, url: undefined, authorityUrl: undefined, allowHosts: [], ...given };
}

describe('clouds and regions', () => {
  const rows: [Partial<Job['api']>, string, string, string][] = [
    [
      {},
      'https://api.security.microsoft.com',
      'https://api.securitycenter.microsoft.com',
      'https://login.microsoftonline.com',
    ],
    ...(['us', 'eu', 'uk', 'au', 'swa', 'ina', 'aea'] as const).map(
      (region): [Partial<Job['api']>, string, string, string] => [
        { region },
        `https://${region}.api.security.microsoft.com`,
        'https://api.securitycenter.microsoft.com',
        'https://login.microsoftonline.com',
      ],
    ),
    [
      { cloud: 'gcc' },
      'https://api-gcc.securitycenter.microsoft.us',
      'https://api-gcc.securitycenter.microsoft.us',
      'https://login.microsoftonline.com',
    ],
    ...(['gcc-high', 'dod'] as const).map((cloud): [Partial<Job['api']>, string, string, string] => [
      { cloud },
      'https://api-gov.securitycenter.microsoft.us',
      'https://api-gov.securitycenter.microsoft.us',
      'https://login.microsoftonline.us',
    ]),
  ];
  test.each(rows)('the cloud and region %j have their hosts', (given, apiUrl, resource, authorityUrl) => {
    expect(resolveHosts(api(given))).toEqual({ apiUrl, scope: `${resource}/.default`, authorityUrl });
  });

  test.each(['gcc', 'gcc-high', 'dod'] as const)('%s has no regions', (cloud) => {
    expect(() => resolveHosts(api({ cloud, region: 'eu' }))).toThrow(UsageError);
  });

  test('everything in the table is https, without a trailing slash', () => {
    for (const { apiUrl, resource, authorityUrl, regions, aliases } of Object.values(CLOUDS)) {
      for (const url of [apiUrl, resource, authorityUrl, ...Object.values(regions), ...aliases]) {
        expect(new URL(url).origin).toBe(url);
        expect(url).toMatch(/^https:/);
      }
    }
  });
});

describe('--api-url that is taken', () => {
  const rows: [string, string[], string][] = [
    ['https://api.securitycenter.microsoft.com', [], 'https://api.securitycenter.microsoft.com'],
    ['https://eu.api.security.microsoft.com/', [], 'https://eu.api.security.microsoft.com'],
    ['HTTPS://API.Security.Microsoft.COM', [], 'https://api.security.microsoft.com'],
    ['https://api.security.microsoft.com:443', [], 'https://api.security.microsoft.com'],
    ['http://127.0.0.1:8080', [], 'http://127.0.0.1:8080'],
    ['http://127.9.8.7:8080/base/', [], 'http://127.9.8.7:8080/base'],
    ['http://localhost:8080', [], 'http://localhost:8080'],
    ['http://[::1]:8080', [], 'http://[::1]:8080'],
    ['https://127.0.0.1:8443', [], 'https://127.0.0.1:8443'],
    ['https://defender.corp.example', ['defender.corp.example'], 'https://defender.corp.example'],
    ['https://defender.corp.example:8443/mde', ['Defender.Corp.Example'], 'https://defender.corp.example:8443/mde'],
    ['https://10.1.2.3', ['10.1.2.3'], 'https://10.1.2.3'],
  ];
  test.each(rows)('--api-url %s is taken with --allow-host %j', (url, allowHosts, apiUrl) => {
    expect(resolveHosts(api({ url, allowHosts })).apiUrl).toBe(apiUrl);
  });
});

describe('addresses that are refused before any request', () => {
  const rows: [string, string, string[]][] = [
    ['another host', 'https://evil.example', []],
    ['a known host as a prefix', 'https://api.security.microsoft.com.evil.example', []],
    ['a known host as a suffix', 'https://evilapi.security.microsoft.com', []],
    ['a known host as a suffix of a label', 'https://x.api.security.microsoft.com', []],
    ['a known host as user', 'https://api.security.microsoft.com@evil.example', []],
    [
      'a known host as user, with an allowed host',
      'https://api.security.microsoft.com@defender.example',
      ['defender.example'],
    ],
    ['a user and password', 'https://user:hunter2@api.security.microsoft.com', []],
    ['a known host as path', 'https://evil.example/api.security.microsoft.com', []],
    ['a known host behind a fragment', 'https://evil.example#.api.security.microsoft.com', []],
    ['a known host behind a query', 'https://evil.example?.api.security.microsoft.com', []],
    ['a query on a known host', 'https://api.security.microsoft.com/?x=1', []],
    ['a bare question mark', 'https://api.security.microsoft.com?', []],
    ['a fragment on a known host', 'https://api.security.microsoft.com/#', []],
    ['a backslash', 'https://evil.example\\.api.security.microsoft.com', []],
    ['a known host with another port', 'https://api.security.microsoft.com:8443', []],
    ['a trailing dot', 'https://api.security.microsoft.com.', []],
    ['a trailing dot on an allowed host', 'https://defender.example.', ['defender.example']],
    ['a Cyrillic letter', 'https://аpi.security.microsoft.com', []],
    ['full-width letters that become ASCII', 'https://ａpi.security.microsoft.com', []],
    ['an ideographic full stop', 'https://api。security.microsoft.com', []],
    ['percent signs', 'https://api%2Esecurity.microsoft.com', []],
    ['a zero-width character', 'https://api\u200b.security.microsoft.com', []],
    ['a soft hyphen', 'https://a\u00adpi.security.microsoft.com', []],
    ['a line break', 'https://api.security.micro\nsoft.com', []],
    ['loopback as one number', 'http://2130706433', []],
    ['loopback in octal', 'http://0177.0.0.1', []],
    ['loopback shortened', 'http://127.1', []],
    ['any address', 'http://0.0.0.0:8080', []],
    ['loopback within a name', 'http://127.0.0.1.evil.example', []],
    ['localhost within a name', 'http://localhost.evil.example', []],
    ['a name below localhost', 'http://api.localhost', []],
    ['an IPv4-mapped address', 'http://[::ffff:127.0.0.1]', []],
    ['plain HTTP to a known host', 'http://api.security.microsoft.com', []],
    ['plain HTTP to an allowed host', 'http://defender.example', ['defender.example']],
    ['plain HTTP to a private address', 'http://10.0.0.1', ['10.0.0.1']],
    ['another scheme', 'ftp://api.security.microsoft.com', []],
    ['a file', 'file:///etc/passwd', []],
    ['no scheme', 'api.security.microsoft.com', []],
    ['nothing', '', []],
    ['a path behind a known host', 'https://api.security.microsoft.com/api', []],
    ['a tenant behind a login host', 'https://login.microsoftonline.com/contoso.com', []],
    ['a zone', 'http://[fe80::1%25lo]:8080', []],
    ['a name that leads to loopback', 'http://127.0.0.1.nip.io', []],
    ['a name that leads to loopback, though allowed', 'http://127.0.0.1.nip.io', ['127.0.0.1.nip.io']],
    ['loopback in hexadecimal', 'http://0x7f000001', []],
    ['a known host of another ending', 'https://api.security.microsoft.com.evil.test', []],
    ['a host in punycode', 'https://xn--pi-7kc.security.microsoft.com', []],
    ['the any address in IPv6', 'http://[::]:8080', []],
    ['a host that another entry allows', 'https://evil.example', ['defender.example']],
    ['a subdomain of an allowed host', 'https://x.defender.example', ['defender.example']],
  ];
  test.each(rows)('--api-url is refused before any request: %s', (_name, url, allowHosts) => {
    expect(() => resolveHosts(api({ url, allowHosts }))).toThrow(UsageError);
  });
  test.each(rows)('--authority-url is refused before any request: %s', (_name, authorityUrl, allowHosts) => {
    expect(() => resolveHosts(api({ authorityUrl, allowHosts }))).toThrow(UsageError);
  });

  test.each([
    ['http://127.0.0.1:8080/api', '/api'],
    ['http://localhost:8080/base/API/', '/API'],
    ['https://gw.example/mde/api/v1.0', '/api/v1.0'],
    ['https://gw.example/api/machineactions', '/api/machineactions'],
  ])('--api-url %s, which ends in what each call adds, is told to leave that out', (url, route) => {
    const refused = () => resolveHosts(api({ url, allowHosts: ['gw.example'] }));
    expect(refused).toThrow(UsageError);
    expect(refused).toThrow(`${url} ends in ${route}, which every call adds by itself: leave out ${route}`);
  });

  test.each(['https://gw.example/api/mde', 'https://gw.example/my-api', 'https://gw.example/v1.0'])(
    'the path of a gateway may have /api elsewhere: %s',
    (url) => {
      expect(resolveHosts(api({ url, allowHosts: ['gw.example'] })).apiUrl).toBe(url);
    },
  );

  test('the host of another cloud is refused before any request', () => {
    expect(() => resolveHosts(api({ url: 'https://api-gov.securitycenter.microsoft.us' }))).toThrow(/--allow-host/);
    expect(() => resolveHosts(api({ cloud: 'dod', authorityUrl: 'https://login.microsoftonline.com' }))).toThrow(/dod/);
  });

  test('the API host is not a login host, and the other way round', () => {
    expect(() => resolveHosts(api({ authorityUrl: 'https://api.security.microsoft.com' }))).toThrow(UsageError);
    expect(() => resolveHosts(api({ url: 'https://login.microsoftonline.com' }))).toThrow(UsageError);
  });

  test('a password in an address is not shown', () => {
    expect(() => resolveHosts(api({ url: 'https://user:hunter2@evil.example' }))).not.toThrow(/hunter2/);
    expect(() => resolveHosts(api({ url: 'nonsense://user:hunter2@evil.example' }))).not.toThrow(/hunter2/);
    expect(() => resolveHosts(api({ url: 'https://user:hunter2@evil.example' }))).toThrow(UsageError);
  });
});

describe('--allow-host', () => {
  test.each([
    'https://defender.example',
    'defender.example:443',
    'defender.example/',
    'user@defender.example',
    'defender.example.',
    '*.defender.example',
    'défender.example',
    '',
    ' ',
  ])('--allow-host refuses %j', (entry) => {
    expect(() => resolveHosts(api({ allowHosts: [entry] }))).toThrow(UsageError);
  });

  test('--allow-host allows a login host too', () => {
    const given = api({ authorityUrl: 'https://login.corp.example', allowHosts: ['login.corp.example'] });
    expect(resolveHosts(given).authorityUrl).toBe('https://login.corp.example');
  });
});
