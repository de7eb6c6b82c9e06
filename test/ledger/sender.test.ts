import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CLOUDS } from '../../src/job/known-hosts.ts';
import {
  areDifferentTenants,
  isSameApi,
  mayBeSameSender,
  type SenderId,
  senderName,
  serviceOf,
} from '../../src/ledger/sender.ts';
import { senderLockPath } from '../../src/store/folder/hold.ts';
import { machine, makeHarness, OPEN } from '../store/folder/harness.ts';

const guid = fc.uuid();
const hostsOf = ({ apiUrl, regions, aliases }: (typeof CLOUDS)[keyof typeof CLOUDS]) => [
  apiUrl,
  ...Object.values(regions),
  ...aliases,
];

/** Spellings of one text that differ in case alone. */
function inAnyCase(text: string): fc.Arbitrary<string> {
  return fc
    .array(fc.boolean(), { minLength: text.length, maxLength: text.length })
    .map((upper) => [...text].map((letter, n) => (upper[n] ? letter.toUpperCase() : letter.toLowerCase())).join(''));
}

const port = fc.integer({ min: 1024, max: 65_535 });
const octet = fc.integer({ min: 0, max: 255 });
/** Names and numbers by which a machine reaches itself. */
const loopback = fc.oneof(
  fc.constantFrom('localhost', 'LocalHost', '127.0.0.1', '[::1]', '[0:0:0:0:0:0:0:1]', '[::ffff:127.0.0.1]', '127.1'),
  fc.constantFrom('0x7f.1', '2130706433', 'a.localhost', 'localhost.', '0.0.0.0', '[::]'),
  fc.tuple(octet, octet, octet).map((rest) => `127.${rest.join('.')}`),
);
/** Two base URLs of one service. */
const oneService: fc.Arbitrary<[string, string]> = fc.oneof(
  fc.constantFrom(...Object.values(CLOUDS)).chain((cloud) => {
    const url = fc
      .constantFrom(...hostsOf(cloud))
      .chain((host) =>
        fc.tuple(inAnyCase(host), fc.constantFrom('', '/', ':443', ':443/', '.')).map((parts) => parts.join('')),
      );
    return fc.tuple(url, url);
  }),
  fc
    .tuple(port, loopback, loopback, fc.constantFrom('http', 'https'))
    .map(([at, one, other, scheme]): [string, string] => [`${scheme}://${one}:${at}`, `${scheme}://${other}:${at}/`]),
);

describe('a sender', () => {
  test('a sender has one name and one lock in every spelling of tenant, client and service', () => {
    const spelt = fc
      .tuple(guid, guid, oneService)
      .chain(([tenant, client, [one, other]]) =>
        fc.tuple(
          fc.record({ tenant: inAnyCase(tenant), client: inAnyCase(client), api: fc.constant(one) }),
          fc.record({ tenant: inAnyCase(tenant), client: inAnyCase(client), api: fc.constant(other) }),
        ),
      );
    fc.assert(
      fc.property(spelt, ([one, other]) => {
        expect(senderName(one)).toBe(senderName(other));
        expect(senderLockPath('/ledgers', one)).toBe(senderLockPath('/ledgers', other));
        expect(mayBeSameSender(one, other)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test('a sender is another one with another tenant, client, cloud, or port', () => {
    const sender = fc.record({
      tenant: fc.oneof(guid, fc.domain()),
      client: guid,
      api: fc.oneof(
        fc.constantFrom(CLOUDS.commercial.apiUrl, CLOUDS.gcc.apiUrl, CLOUDS.dod.apiUrl),
        port.map((at) => `http://127.0.0.1:${at}`),
        fc.domain().map((host) => `https://${host}`),
      ),
    });
    fc.assert(
      fc.property(sender, sender, (one, other) => {
        const isSame =
          one.tenant.toLowerCase() === other.tenant.toLowerCase() &&
          one.client === other.client &&
          one.api === other.api;
        expect(senderName(one) === senderName(other)).toBe(isSame);
      }),
      { numRuns: 2000 },
    );
  });

  const base: SenderId = { tenant: OPEN.tenant, client: OPEN.client, api: CLOUDS.commercial.apiUrl };
  test.each([
    ['a domain, which may be any tenant', { tenant: 'contoso.com' }, true],
    ['another GUID', { tenant: '99999999-9999-4999-8999-999999999999' }, false],
    ['the same GUID in capitals', { tenant: OPEN.tenant.toUpperCase() }, true],
    ['another application', { client: '99999999-9999-4999-8999-999999999999' }, false],
    ['an application that only its credential knows', { client: 'managed-identity' }, true],
    ['a region of the same cloud', { api: CLOUDS.commercial.regions.eu ?? '' }, true],
    ['another cloud', { api: CLOUDS.gcc.apiUrl }, false],
  ])('a sender with %s may be the same one: %s, %s', (_, other, expected) => {
    expect(mayBeSameSender(base, { ...base, ...other })).toBe(expected);
    expect(mayBeSameSender({ ...base, ...other }, base)).toBe(expected);
  });
});

test.each([
  ['https://api-gov.securitycenter.microsoft.us', 'https://api-gcc.securitycenter.microsoft.us', false],
  ['https://new.api.security.microsoft.com', 'https://api.security.microsoft.com', true],
  ['https://api.security.microsoft.com.example.com', 'https://api.security.microsoft.com', false],
  ['http://localhost:1', 'http://127.0.0.1:2', false],
  ['http://localhost', 'http://127.0.0.1:80', true],
  ['https://gateway.example.com/a', 'https://gateway.example.com/b', true],
])('%s and %s are one service: %s', (one, other, expected) => {
  expect(serviceOf(one) === serviceOf(other)).toBe(expected);
});

test('a path behind a host of one’s own is another API, though it counts against one quota', () => {
  expect(isSameApi('https://gateway.example.com/a', 'https://gateway.example.com/b')).toBe(false);
  expect(isSameApi('https://gateway.example.com/a/', 'https://Gateway.example.com/a')).toBe(true);
});

test('no two domains are certainly different tenants', () => {
  fc.assert(
    fc.property(fc.domain(), fc.domain(), (one, other) => {
      expect(areDifferentTenants(one, other)).toBe(false);
    }),
  );
});

describe('a ledger', () => {
  const both = new Map([
    [1, 'a'],
    [2, 'b'],
  ]);
  const first = { processes: machine(1, both) };
  const second = { path: '/ledgers/b.jsonl', processes: machine(2, both) };

  test.each([
    ['the tenant in another case', { tenant: OPEN.tenant.toUpperCase() }, { tenant: OPEN.tenant.toLowerCase() }],
    ['localhost for 127.0.0.1', { api: 'http://127.0.0.1:8080' }, { api: 'http://localhost:8080' }],
    ['[::1] for localhost', { api: 'http://[::1]:8080' }, { api: 'http://localhost:8080' }],
    ['a region of the same cloud', { api: CLOUDS.commercial.apiUrl }, { api: CLOUDS.commercial.regions.uk ?? '' }],
  ])('a ledger is gone on with, and its sender is the same one, with %s', async (_, then, now) => {
    const harness = makeHarness();
    const ledger = await harness.open({ ...first, open: { ...OPEN, ...then } });
    await expect(harness.open({ ...second, open: { ...OPEN, ...now } })).rejects.toMatchObject({ exitCode: 11 });
    await ledger[Symbol.asyncDispose]();
    const next = await harness.open({ processes: machine(2, both), open: { ...OPEN, ...now } });
    expect(next.state.sessions).toHaveLength(2);
  });

  const domain = { ...OPEN, tenant: 'contoso.com' };
  test.each([
    ['a domain, gone on with by its GUID', domain, OPEN],
    ['a GUID, gone on with by its domain', OPEN, domain],
  ])('a ledger of %s is accepted once a token shows that they are one', async (_, then, now) => {
    const harness = makeHarness();
    await (await harness.open({ open: then }))[Symbol.asyncDispose]();
    const other = '99999999-9999-4999-8999-999999999999';
    for (const shownTenant of [undefined, other]) {
      await expect(harness.open({ open: now, shownTenant })).rejects.toThrow(/is of tenant .* no token showed/);
    }
    const ledger = await harness.open({ open: now, shownTenant: OPEN.tenant.toUpperCase() });
    expect(ledger.state.sessions).toHaveLength(2);
  });

  test('a ledger of one domain is not gone on with by another domain', async () => {
    const harness = makeHarness();
    await (await harness.open({ open: domain }))[Symbol.asyncDispose]();
    const now = { ...OPEN, tenant: 'fabrikam.com' };
    await expect(harness.open({ open: now, shownTenant: OPEN.tenant })).rejects.toMatchObject({ exitCode: 2 });
  });

  test('a ledger of a session that sends nothing is begun beside a run of the same sender, and keeps none from beginning', async () => {
    const harness = makeHarness();
    const one = await harness.open(first);
    const { ledger: two, holdSender } = await harness.opened({ ...second, sendsNothing: true });
    await holdSender(OPEN);
    await one[Symbol.asyncDispose]();
    const third = await harness.open({ path: '/ledgers/c.jsonl', processes: machine(1, both) });
    for (const ledger of [two, third]) await ledger[Symbol.asyncDispose]();
  });

  test('a ledger holds the sender that a token shows, besides the one that was given', async () => {
    const harness = makeHarness();
    const { ledger: one, holdSender } = await harness.opened({ ...first, open: domain });
    const two = await harness.open(second);
    await expect(holdSender(OPEN)).rejects.toThrow(/is held by process 2/);
    await two[Symbol.asyncDispose]();
    await holdSender(OPEN);
    // Once more is no other lock.
    await holdSender(OPEN);
    await expect(harness.open(second)).rejects.toThrow(/is held by process 1/);
    await one[Symbol.asyncDispose]();
    expect([...harness.disk.files.keys()].filter((path) => path.endsWith('.lock'))).toEqual([]);
  });
});
