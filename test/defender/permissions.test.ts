import { describe, expect, test } from 'vitest';
import {
  assessPermissions,
  CANCEL_PERMISSIONS,
  type Expected,
  permissionLines,
  READ_PERMISSIONS,
} from '../../src/defender/permissions.ts';
import type { TokenClaims } from '../../src/identity/claims.ts';

const TENANT = '11111111-1111-4111-8111-111111111111';
const CLIENT = '22222222-2222-4222-8222-222222222222';
const expected: Expected = {
  scope: 'https://api.securitycenter.microsoft.com/.default',
  tenant: TENANT,
  clientId: CLIENT,
};

function claims(given: Partial<TokenClaims>): TokenClaims {
  return {
    roles: undefined,
    scp: undefined,
    aud: 'https://api.securitycenter.microsoft.com',
    tid: TENANT,
    appid: CLIENT,
    expiresAtMs: undefined,
    name: undefined,
    domain: undefined,
    ...given,
  };
}

describe('cancelling', () => {
  test.each(Object.keys(CANCEL_PERMISSIONS))(
    '%s alone allows to cancel, for an application and for a person',
    (name) => {
      expect(assessPermissions(claims({ roles: [name] }), expected)).toMatchObject({
        canCancel: true,
        bearer: 'application',
      });
      expect(assessPermissions(claims({ scp: [name] }), expected)).toMatchObject({
        canCancel: true,
        bearer: 'delegated',
      });
    },
  );

  test('there are seven permissions, and together they cover the documented types', () => {
    expect(Object.keys(CANCEL_PERMISSIONS)).toHaveLength(7);
    expect(Object.values(CANCEL_PERMISSIONS).flat().toSorted()).toEqual([
      'CollectInvestigationPackage',
      'Isolate',
      'LiveResponse',
      'Offboard',
      'RestrictCodeExecution',
      'RunAntiVirusScan',
      'StopAndQuarantineFile',
      'Unisolate',
      'UnrestrictCodeExecution',
    ]);
  });

  test('the sentence for a token without any cancel permission names all seven and how to grant them', () => {
    const { canCancel, missing } = assessPermissions(claims({ roles: ['Machine.Read.All'] }), expected);
    expect(canCancel).toBe(false);
    expect(missing).toHaveLength(1);
    for (const name of Object.keys(CANCEL_PERMISSIONS)) expect(missing[0]).toContain(name);
    expect(missing[0]).toContain('WindowsDefenderATP');
    expect(missing[0]).toContain('Application permissions');
    expect(missing[0]).toContain('admin consent');
    expect(missing[0]).toContain(CLIENT);
  });

  test('a person without them is told of delegated permissions', () => {
    const { missing } = assessPermissions(claims({ scp: ['User.Read'] }), expected);
    expect(missing[0]).toContain('Delegated permissions');
  });

  test('a token without roles and scp is nobody, and may nothing', () => {
    expect(assessPermissions(claims({}), expected)).toMatchObject({
      bearer: 'nobody',
      canCancel: false,
      canRead: false,
    });
  });

  test('a name that only begins like a permission is none', () => {
    expect(
      assessPermissions(claims({ roles: ['Machine.IsolateSomething', 'machine.isolate'] }), expected).canCancel,
    ).toBe(false);
  });
});

describe('reading', () => {
  test.each(READ_PERMISSIONS.application)('%s allows an application to read, not a person', (name) => {
    expect(assessPermissions(claims({ roles: ['Machine.Scan', name] }), expected)).toMatchObject({
      canRead: true,
      missing: [],
    });
    expect(assessPermissions(claims({ scp: ['Machine.Scan', name] }), expected).canRead).toBe(false);
  });

  test.each(READ_PERMISSIONS.delegated)('%s allows a person to read, not an application', (name) => {
    expect(assessPermissions(claims({ scp: ['Machine.Scan', name] }), expected)).toMatchObject({
      canRead: true,
      missing: [],
    });
    expect(assessPermissions(claims({ roles: ['Machine.Scan', name] }), expected).canRead).toBe(false);
  });

  test('the sentence for a token that may not read says what will not work, and names the permission', () => {
    const { canRead, missing } = assessPermissions(claims({ roles: ['Machine.Scan'] }), expected);
    expect(canRead).toBe(false);
    expect(missing).toHaveLength(1);
    expect(missing[0]).toMatch(/Machine\.Read\.All.*screened or confirmed.*guards/);
  });
});

describe('mismatches', () => {
  const rows: [string, Partial<TokenClaims>, Partial<Expected>, string[]][] = [
    ['everything fits', {}, {}, []],
    ['another tenant', { tid: '99999999-1111-4111-8111-111111111111' }, {}, ['tid']],
    ['the same tenant in capitals', { tid: TENANT.toUpperCase() }, {}, []],
    ['a tenant given as a domain cannot be compared', { tid: TENANT }, { tenant: 'contoso.onmicrosoft.com' }, []],
    ['another application', { appid: '99999999-2222-4222-8222-222222222222' }, {}, ['appid']],
    ['an application that is not known', { appid: CLIENT }, { clientId: '' }, []],
    ['Graph as audience', { aud: 'https://graph.microsoft.com' }, {}, ['aud']],
    ['the audience with a slash', { aud: 'https://api.securitycenter.microsoft.com/' }, {}, []],
    ['the audience as application ID', { aud: 'fc780465-2017-40d4-a0c5-307022471b92' }, {}, []],
    [
      'a commercial audience in a government cloud',
      {},
      { scope: 'https://api-gov.securitycenter.microsoft.us/.default' },
      ['aud'],
    ],
    [
      'the audience of the government cloud',
      { aud: 'https://api-gov.securitycenter.microsoft.us' },
      { scope: 'https://api-gov.securitycenter.microsoft.us/.default' },
      [],
    ],
    ['all three', { tid: CLIENT, appid: TENANT, aud: 'https://graph.microsoft.com' }, {}, ['tid', 'appid', 'aud']],
    ['absent claims are no mismatch', { tid: undefined, appid: undefined, aud: undefined }, {}, []],
  ];
  test.each(rows)('a token is held against what was asked for: %s', (_name, given, asked, found) => {
    const { mismatches } = assessPermissions(claims({ roles: ['Machine.Scan'], ...given }), { ...expected, ...asked });
    expect(mismatches.map((each) => each.claim)).toEqual(found);
  });

  test('a claim with control characters does not reach the terminal', () => {
    const { mismatches } = assessPermissions(claims({ aud: 'https://evil\u001b[2J' }), expected);
    expect(mismatches[0]?.sentence).not.toContain('\u001b');
  });
});

describe('warnings', () => {
  test('types whose own permission is absent are counted', () => {
    const types = new Map([
      ['Isolate', 3],
      ['LiveResponse', 12],
      ['Offboard', 1],
      ['SomethingNew', 7],
    ]);
    const { warnings } = assessPermissions(claims({ roles: ['Machine.Isolate'] }), { ...expected, types });
    expect(warnings).toEqual([
      '1 action is of type Offboard, and the token lacks Machine.Offboard: Defender may refuse it',
      '12 actions are of type LiveResponse, and the token lacks Machine.LiveResponse: Defender may refuse them',
    ]);
  });

  test('an opaque token is let through with a note', () => {
    const assessed = assessPermissions(undefined, expected);
    expect(assessed).toMatchObject({
      bearer: 'opaque',
      canCancel: undefined,
      canRead: undefined,
      missing: [],
      mismatches: [],
    });
    expect(assessed.warnings).toEqual([expect.stringContaining('opaque')]);
  });
});

describe('lines for check', () => {
  const lines = (given: Partial<TokenClaims>) =>
    permissionLines(assessPermissions(claims(given), expected)).map(({ level, text }) => [level, text.slice(0, 40)]);

  test('the lines for check say when all is well', () => {
    expect(lines({ roles: ['Machine.Scan', 'Machine.Read.All'] })).toEqual([
      ['ok', 'application permissions: Machine.Scan, M'],
    ]);
  });

  test('no permission to read is a warning, none to cancel is wrong', () => {
    expect(lines({ roles: ['Machine.Scan'] }).map(([level]) => level)).toEqual(['ok', 'warning']);
    expect(lines({ roles: ['Machine.Read.All'] }).map(([level]) => level)).toEqual(['wrong']);
    expect(lines({}).map(([level]) => level)).toEqual(['wrong', 'warning']);
  });

  test('a token of another tenant is wrong', () => {
    const found = lines({ roles: ['Machine.Scan', 'Machine.Read.All'], tid: CLIENT });
    expect(found.map(([level]) => level)).toEqual(['ok', 'wrong']);
  });
});
