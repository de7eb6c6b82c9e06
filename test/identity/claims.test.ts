import { UnsecuredJWT } from 'jose';
import { expect, test } from 'vitest';
import { readClaims } from '../../src/identity/claims.ts';

const jwt = (payload: Record<string, unknown>) => new UnsecuredJWT(payload).encode();

test('an application token has roles, a delegated one scp', () => {
  expect(readClaims(jwt({ roles: ['Machine.Scan'], aud: 'api', tid: 't', appid: 'a', exp: 1000 }))).toEqual({
    roles: ['Machine.Scan'],
    scp: undefined,
    aud: 'api',
    tid: 't',
    appid: 'a',
    expiresAtMs: 1_000_000,
    name: undefined,
  });
  expect(readClaims(jwt({ scp: 'Machine.Read  Machine.Scan', azp: 'b', name: 'Responder' }))).toMatchObject({
    scp: ['Machine.Read', 'Machine.Scan'],
    roles: undefined,
    appid: 'b',
    name: 'Responder',
  });
});

test('claims of an unexpected shape count as absent', () => {
  expect(readClaims(jwt({ roles: 'Machine.Scan', scp: 7, aud: {}, tid: '', appid: null, exp: 'soon' }))).toEqual({
    roles: undefined,
    scp: undefined,
    aud: undefined,
    tid: undefined,
    appid: undefined,
    expiresAtMs: undefined,
    name: undefined,
  });
  expect(readClaims(jwt({ roles: ['a', 7, null], aud: [7, 'api'] }))).toMatchObject({ roles: ['a'], aud: 'api' });
});

test.each(['', 'opaque', 'a.b', 'a.b.c', 'eyJhbGciOiJub25lIn0.W10.', 'é.é.é'])('%j is opaque', (token) => {
  expect(readClaims(token)).toBeUndefined();
});
