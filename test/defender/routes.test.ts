import { describe, expect, it } from 'vitest';
import { type DefenderParts, makeDefender } from '../../src/defender/client.ts';
import { type FilterTerms, filterOf } from '../../src/defender/filter.ts';
import { actionPath, cancelPath, followPath, listPath } from '../../src/defender/routes.ts';
import { ManualClock } from '../support/clock/manual-clock.ts';

const ID = '5382f7ea-7557-4ab7-9782-d50480024a01';
const OTHER = '5382f7ea-7557-4ab7-9782-d50480024a02';
const NONE: FilterTerms = {
  type: [],
  status: [],
  requestor: [],
  machine: [],
  createdAfter: undefined,
  createdBefore: undefined,
};

describe('a path', () => {
  it('a path names the action', () => {
    expect(cancelPath(ID)).toBe(`/api/machineactions/${ID}/cancel`);
    expect(actionPath(ID)).toBe(`/api/machineactions/${ID}`);
  });

  it('a path asks for actions by ID with $top', () => {
    const path = listPath({ ids: [ID, OTHER], top: 2 });
    expect(decodeURIComponent(path)).toBe(`/api/machineactions?$filter=id in ('${ID}','${OTHER}')&$top=2&$count=true`);
  });

  it.each([
    '',
    'abc',
    '../machines/0123456789abcdef0123456789abcdef01234567/offboard?',
    ID.toUpperCase(),
    `{${ID}}`,
    ` ${ID}`,
    `${ID}\n`,
    `${ID}/cancel`,
    `${ID}?`,
    `${ID}%2f`,
    ID.replace('-', '/'),
    ID.replace('4', '.'),
    ID.replace('0', '\uff10'),
    ID.slice(1),
    `${ID}0`,
    `x') or id ne '${ID}`,
  ])('a path is built for a GUID in lower case and nothing else, so not for %j', (id) => {
    expect(() => cancelPath(id)).toThrow(TypeError);
    expect(() => actionPath(id)).toThrow(TypeError);
    expect(() => listPath({ ids: [ID, id], top: 2 })).toThrow(TypeError);
  });

  it('a path is refused before anything is spent on the call', async () => {
    const spent: string[] = [];
    const note = (what: string) => () => {
      spent.push(what);
      return Promise.reject(new Error(what));
    };
    const parts = {
      transport: note('transport'),
      journal: { intent: note('intent'), reply: note('reply'), assertHeld: note('held') },
      quota: { take: note('slot') },
      tokens: { kind: 'token', token: note('token'), renew: note('token') },
      clock: new ManualClock(),
      random: () => 0,
    } as unknown as DefenderParts;
    const { cancel, get, lookUp } = makeDefender(parts, 'https://api.example.com');
    const { signal } = new AbortController();
    const evil = '../machines/x/offboard?';
    for (const call of [
      async () => cancel({ id: evil, comment: 'c', attempt: 1 }, signal),
      async () => get(evil, signal),
      async () => lookUp([evil], signal),
    ]) {
      await expect(call()).rejects.toThrow(TypeError);
    }
    expect(spent).toEqual([]);
  });

  it('a path with a hundred IDs stays under 8 kB', () => {
    const ids = Array.from({ length: 100 }, () => '00000000-0000-4000-8000-000000000000');
    expect(listPath({ ids, top: 100 }).length).toBeLessThan(8000);
  });

  it('a path asks a query for the newest first, page by page', () => {
    const path = listPath({ terms: { ...NONE, status: ['Pending'] }, top: 10_000, skip: 10_000 });
    expect(decodeURIComponent(path)).toBe(
      "/api/machineactions?$filter=status eq 'Pending'&$top=10000&$skip=10000&$orderby=creationDateTimeUtc desc&$count=true",
    );
    expect(listPath({ terms: NONE, top: 5 })).not.toContain('$filter');
  });

  it('a path leaves no character of a filter that a URL would take for its own', () => {
    const path = listPath({ terms: { ...NONE, requestor: ["o'neil & sons #1+2@contoso.com"] }, top: 1 });
    expect(new URL(`http://x.test${path}`).searchParams.get('$filter')).toBe(
      "requestor eq 'o''neil & sons #1+2@contoso.com'",
    );
  });
});

describe('a filter', () => {
  it('a filter joins terms by and, values by or in brackets', () => {
    const terms = { ...NONE, type: ['Isolate', 'LiveResponse'], machine: ['aa'] };
    expect(filterOf(terms)).toBe("(type eq 'Isolate' or type eq 'LiveResponse') and machineId eq 'aa'");
  });
  it('a filter compares moments without quotes, both ends included', () => {
    const terms = { ...NONE, createdAfter: '2026-03-01T00:00:00.000Z', createdBefore: '2026-03-02T00:00:00.000Z' };
    expect(filterOf(terms)).toBe(
      'creationDateTimeUtc ge 2026-03-01T00:00:00.000Z and creationDateTimeUtc le 2026-03-02T00:00:00.000Z',
    );
  });
  it('a filter is empty for no terms', () => {
    expect(filterOf(NONE)).toBe('');
  });
});

describe('a next link', () => {
  const API = 'https://api.security.microsoft.com';
  it('a next link is followed on the same host', () => {
    expect(followPath(`${API}/api/machineactions?$skip=5`, API)).toBe('/api/machineactions?$skip=5');
    expect(followPath('/api/machineactions?$skip=5', API)).toBe('/api/machineactions?$skip=5');
  });
  it.each([
    [`${API}/mock/api/machineactions?$skip=5`, '/api/machineactions?$skip=5'],
    ['?$skip=5', '/api/machineactions?$skip=5'],
    ['machineactions?$skip=5', '/api/machineactions?$skip=5'],
    ['./machineactions?$skip=5', '/api/machineactions?$skip=5'],
    ['/mock/api/machineactions?$skip=5', '/api/machineactions?$skip=5'],
    ['api/machineactions?$skip=5', '/api/machineactions?$skip=5'],
    ['/mock/api/v1.0/MachineActions?$skip=5', '/api/v1.0/MachineActions?$skip=5'],
    ['//API.security.microsoft.com:443/mock/api/machineactions?$skip=5', '/api/machineactions?$skip=5'],
  ])('a next link that says %s leads to %s below the base path', (link, path) => {
    expect(followPath(link, `${API}/mock`)).toBe(path);
  });
  it.each([
    'https://api.security.microsoft.com.evil.test/api/machineactions',
    'https://eu.api.security.microsoft.com/api/machineactions',
    'http://api.security.microsoft.com/api/machineactions',
    'https://api.security.microsoft.com:8443/api/machineactions',
    'https://api.security.microsoft.com@evil.test/api/machineactions',
    '//evil.test/api/machineactions',
    '\\\\evil.test\\api\\machineactions',
    'https://',
    '/api/machines',
    '/api/machines/x/offboard',
    '/api/machineactions/x',
    '/api/machineactions/x/cancel',
    '/api/machineactions/../machines/x/offboard?',
    '/api/machineactions/%2e%2e/machines',
    'javascript:alert(1)',
    'data:,x',
    '/other/api/machineactions',
  ])('a next link is not followed to %s', (link) => {
    expect(followPath(link, API)).toBeUndefined();
  });
});
