import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { refuseUnknownSafeties, unknownVariables } from '../../../src/cli/flags/unknown-variables.ts';
import { UsageError } from '../../../src/errors.ts';
import { variableOf } from '../../../src/job/setting.ts';
import { SETTING_NAMES, SETTINGS } from '../../../src/job/settings.ts';

const refusal = (name: string, value = '5'): string => {
  try {
    refuseUnknownSafeties({ [name]: value });
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return String(error);
  }
  return '';
};

describe('an unknown variable that names a safety', () => {
  test.each([
    ['COUNTERMAND_MAX_ACTION', 'COUNTERMAND_MAX_ACTIONS'],
    ['COUNTERMAND_MAXACTIONS', 'COUNTERMAND_MAX_ACTIONS'],
    ['countermand_max_actions', 'COUNTERMAND_MAX_ACTIONS'],
    ['COUNTERMAND_JOB_MAX_ACTIONS', 'COUNTERMAND_MAX_ACTIONS'],
    ['COUNTERMAND_ONLY_TYPES', 'COUNTERMAND_ONLY_TYPE'],
    ['COUNTERMAND_ONLY_MACHINES', 'COUNTERMAND_ONLY_MACHINE'],
    ['COUNTERMAND_CREATED_BEFOR', 'COUNTERMAND_CREATED_BEFORE'],
    ['COUNTERMAND_FRIST', 'COUNTERMAND_FIRST'],
    ['COUNTERMAND_QUOTAS', 'COUNTERMAND_QUOTA'],
    ['COUNTERMAND_MAX_FAILURE', 'COUNTERMAND_MAX_FAILURES'],
    ['COUNTERMAND_SCREENING', 'COUNTERMAND_SCREEN'],
    ['COUNTERMAND_CONCURENCY', 'COUNTERMAND_CONCURRENCY'],
    ['COUNTERMAND_TYPE', 'COUNTERMAND_ONLY_TYPE'],
    ['COUNTERMAND_ACTION_TYPES', 'COUNTERMAND_ONLY_TYPE'],
    ['COUNTERMAND_MACHINE_ACTION_TYPE', 'COUNTERMAND_ONLY_TYPE'],
    ['COUNTERMAND_DEVICE', 'COUNTERMAND_ONLY_MACHINE'],
    ['COUNTERMAND_MACHINES', 'COUNTERMAND_ONLY_MACHINE'],
    ['COUNTERMAND_ONLY_DEVICE_NAME', 'COUNTERMAND_ONLY_MACHINE'],
    ['COUNTERMAND_REQUESTOR', 'COUNTERMAND_ONLY_REQUESTOR'],
    ['COUNTERMAND_REQUESTER', 'COUNTERMAND_ONLY_REQUESTOR'],
    ['COUNTERMAND_SINCE', 'COUNTERMAND_CREATED_AFTER'],
    ['COUNTERMAND_OLDER', 'COUNTERMAND_CREATED_BEFORE'],
    ['COUNTERMAND_LIMIT', 'COUNTERMAND_MAX_ACTIONS'],
  ])('%s is refused, with %s as what was meant', (name, meant) => {
    expect(refusal(name)).toMatch(new RegExp(`The variable ${name} .*Did you mean ${meant}\\?`));
    expect(unknownVariables({ [name]: '5' })).toEqual([]);
  });

  test.each([
    ['COUNTERMAND_DRY_RUN', '--dry-run'],
    ['COUNTERMAND_DRYRUN', '--dry-run'],
    ['COUNTERMAND_DRY', '--dry-run'],
    ['COUNTERMAND_NO_DRY_RUN', '--dry-run'],
    ['Countermand_Dry_Run', '--dry-run'],
    ['COUNTERMAND_OFFLINE', '--offline'],
    ['COUNTERMAND_HEAD', '--head'],
    ['COUNTERMAND_KEEP_MISSING', '--keep-missing'],
  ])('%s is refused with any value: there is only the flag %s', (name, flag) => {
    for (const value of ['true', 'false', '1', '']) expect(refusal(name, value)).toContain(`${flag} is a flag`);
  });

  test.each([
    'COUNTERMAND_STATUS',
    'COUNTERMAND_ONLY',
    'COUNTERMAND_ONLY_USER',
    'COUNTERMAND_FILTER',
    'COUNTERMAND_EXCLUDE_HOSTS',
  ])('%s is refused as a filter that there is not, with those that there are', (name) => {
    expect(refusal(name)).toMatch(/looks like a filter.*COUNTERMAND_ONLY_TYPE.*COUNTERMAND_CREATED_BEFORE/);
    expect(unknownVariables({ [name]: '5' })).toEqual([]);
  });

  test.each([
    'COUNTERMAND_AUTH_TYPE',
    'COUNTERMAND_DEVICE_CODE',
    'COUNTERMAND_NAME',
    'COUNTERMAND_ACTION',
    'COUNTERMAND_USER',
  ])('%s filters nothing, and is told alone', (name) => {
    expect(refusal(name)).toBe('');
    expect(unknownVariables({ [name]: '5' })).toHaveLength(1);
  });

  test('one slip in the name of a guard is never a warning alone', () => {
    const guards = SETTING_NAMES.map((name) => SETTINGS[name].flag).filter((flag) => /^(only|created|max)/.test(flag));
    fc.assert(
      fc.property(fc.constantFrom(...guards), fc.nat(), fc.constantFrom('', 'X', '_'), (flag, at, put) => {
        const name = variableOf(flag);
        const slip = 'COUNTERMAND_'.length + (at % (name.length - 'COUNTERMAND_'.length));
        const written = name.slice(0, slip) + put + name.slice(slip + 1);
        fc.pre(!SETTING_NAMES.some((each) => variableOf(SETTINGS[each].flag) === written));
        expect(refusal(written)).toContain(written);
      }),
    );
  });
});

describe('an unknown variable that names no safety', () => {
  test('an unknown variable that names no safety is told, with the one that was meant', () => {
    expect(unknownVariables({ COUNTERMAND_TENNANT: 'x' })).toEqual([
      'the variable COUNTERMAND_TENNANT is not one that countermand knows, so it does nothing; did you mean COUNTERMAND_TENANT?',
    ]);
    expect(refusal('COUNTERMAND_TENNANT')).toBe('');
  });

  test('an unknown variable that names no safety is told without a guess where it is like none of ours', () => {
    expect(unknownVariables({ COUNTERMAND_FAVOURITE_COLOUR: 'green' })[0]).not.toContain('did you mean');
  });
});

test('our own variables, those of other programs and those that a cluster sets for a service are left alone', () => {
  const env = {
    COUNTERMAND_MAX_ACTIONS: '5',
    COUNTERMAND_TOKEN_FILE: '/run/secrets/token',
    COUNTERMAND_YES: 'true',
    COUNTERMAND_SERVICE_HOST: '10.0.0.1',
    COUNTERMAND_PORT: 'tcp://10.0.0.1:80',
    COUNTERMAND_PORT_80_TCP_PROTO: 'tcp',
    AZURE_TENANT_ID: 'contoso.com',
    DRY_RUN: '1',
  };
  expect(unknownVariables(env)).toEqual([]);
  expect(() => refuseUnknownSafeties(env)).not.toThrow();
});
