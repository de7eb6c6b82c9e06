import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { filterFromFlags } from '../../src/job/action-filter.ts';
import { givenSettings } from '../../src/job/given-settings.ts';
import { parseJobFile } from '../../src/job/job-file.ts';
import { readJobText } from '../../src/job/job-text.ts';
import { ACTION_STATUSES, ACTION_TYPES } from '../../src/job/known-names.ts';
import { resolveJob } from '../../src/job/resolve-job.ts';
import { SETTING_NAMES, SETTINGS } from '../../src/job/settings.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
const ENV = { AZURE_TENANT_ID: 'contoso.com', AZURE_CLIENT_ID: '5a0dbc0c-7d53-4e1c-9f6e-000000000002' };

const jobOf = (flags: Record<string, unknown>) =>
  resolveJob({ sourceArg: 'ids.csv', flags, env: ENV, cwd: '/', nowMs: NOW });

describe('a value out of its range is a sentence', () => {
  it.each([
    ['created-after', '999999999d'],
    ['created-after', '36501d'],
    ['created-before', '0000-01-01'],
    ['created-before', '1969-12-31'],
    ['created-before', '9999-12-31'],
    ['created-before', '99999-01-01'],
    ['created-before', '2026-02-30'],
    ['created-before', '2026-01-01T25:00:00Z'],
    ['created-before', '-1d'],
    ['created-before', 'NaN'],
    ['created-before', '1e9'],
    ['patience', '999999999d'],
    ['patience', '-5m'],
    ['patience', '0'],
    ['max-duration', '999999999h'],
    ['plan-max-age', '1e9'],
    ['keep-ledgers', '999999999d'],
    ['confirm-for', '999999999d'],
    ['confirm-for', 'Infinity'],
    ['quota', ['0/1m']],
    ['quota', ['100/0s']],
    ['quota', ['100/999999999d']],
    ['quota', ['1e9/1m']],
    ['quota', ['-1/1m']],
    ['quota', ['100/1m,1/1s,1/2s,1/3s,1/4s,1/5s,1/6s,1/7s,1/8s,1/9s,1/10s']],
    ['quota-share', '0'],
    ['quota-share', '1.01'],
    ['quota-share', 'NaN'],
    ['quota-share', '-0.5'],
    ['concurrency', '0'],
    ['concurrency', '1000000000'],
    ['concurrency', '1.5'],
    ['max-failures', '101%'],
    ['max-failures', '-1%'],
    ['max-failures', '1e3'],
    ['max-failures', '99999999999'],
    ['max-actions', '0'],
    ['max-actions', '99999999999999999999'],
    ['max-actions', '3.000'],
    ['max-actions', '3,000'],
    ['first', '1.000'],
    ['first', '1.'],
    ['concurrency', '16.0'],
    ['first', '-1'],
  ])('--%s %s is refused in a sentence', (flag, value) => {
    expect(() => jobOf({ [flag]: value })).toThrow(UsageError);
    expect(() => jobOf({ [flag]: value })).toThrow(`--${flag} must be`);
  });

  it('a setting is taken or refused with its name, whatever it is given, and nothing else happens', () => {
    const odd = fc.oneof(
      fc.string(),
      fc.constantFrom('999999999d', '-1', '1e309', 'NaN', '0x10', '1/1s', '%', '100%', '275760-09-13', '2026-11-01'),
      fc.tuple(fc.nat(), fc.constantFrom('s', 'm', 'h', 'd', '%', '/1m', '')).map(([n, unit]) => `${n}${unit}`),
    );
    fc.assert(
      fc.property(fc.constantFrom(...SETTING_NAMES), odd, (name, value) => {
        const { flag, kind } = SETTINGS[name];
        const flags = { [flag]: kind === 'texts' ? [value] : value };
        try {
          expect(JSON.stringify(jobOf(flags))).toContain('contoso.com'.slice(0, name === 'tenant' ? 0 : 11));
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
        }
        for (const problem of givenSettings(flags, {}, { cwd: '/' }).problems)
          expect(problem).toContain(`--${flag} must be`);
      }),
      { numRuns: 2000 },
    );
  });

  it('an age up to a hundred years and a date of any year that may be meant are taken', () => {
    expect(jobOf({ 'created-after': '36500d' }).guards.createdAfter).toBe('1926-12-18T12:00:00.000Z');
    expect(jobOf({ 'created-before': '2199-12-31' }).guards.createdBefore).toBe('2199-12-31T00:00:00.000Z');
  });
});

describe('a type or status', () => {
  it.each([
    ['type', 'Isolated', 'Isolate'],
    ['type', 'isolation', 'Isolate'],
    ['type', 'RunAntivirusScna', 'RunAntiVirusScan'],
    ['type', 'Scan', 'RunAntiVirusScan'],
    ['type', 'Quarantine', 'StopAndQuarantineFile'],
    ['type', 'LiveRespons', 'LiveResponse'],
    ['status', 'pnding', 'Pending'],
    ['status', 'Pendign', 'Pending'],
    ['status', 'Inprogres', 'InProgress'],
    ['status', 'Suceeded', 'Succeeded'],
    ['status', 'Progress', 'InProgress'],
  ])('%s %s is refused, with %s as what was meant', (flag, given, meant) => {
    expect(() => filterFromFlags({ [flag]: [given] }, NOW)).toThrow(`did you mean ${meant}?`);
    expect(() => filterFromFlags({ [flag]: ['Pending', given] }, NOW)).toThrow(`--${flag} must be`);
    if (flag === 'type') expect(() => jobOf({ 'only-type': [given] })).toThrow(`did you mean ${meant}?`);
    const text = `source: {query: {${flag}: [${given}]}}`;
    expect(() => parseJobFile(text, '/a.yaml', {})).toThrow(`did you mean ${meant}?`);
  });

  it.each([
    'Isolate;Offboard',
    'Isolate|Offboard',
    'Isolate Offboard',
    'isolate / live-response',
    'Isolate\tOffboard',
    'Isolate+x; y',
  ])('a list of types that is not separated with commas is refused with that: %s', (given) => {
    const wanted = /must be an action type such as Isolate, .*\(separate them with commas\), not/;
    expect(() => filterFromFlags({ type: [given] }, NOW)).toThrow(wanted);
    expect(() => jobOf({ 'only-type': [given] })).toThrow(wanted);
    const { problems } = givenSettings({}, { COUNTERMAND_ONLY_TYPE: given }, { cwd: '/' });
    expect(problems).toEqual([expect.stringMatching(/^COUNTERMAND_ONLY_TYPE must be .*separate them with commas/)]);
  });

  it('a list of machines or accounts that is not separated with commas is refused with that', () => {
    for (const flag of ['only-machine', 'only-requestor']) {
      expect(() => jobOf({ [flag]: ['one;two'] })).toThrow(`--${flag} must be`);
      expect(() => jobOf({ [flag]: ['one;two'] })).toThrow('(separate them with commas)');
      expect(() => jobOf({ [flag]: ['One Two', 'o+t@contoso.com'] })).not.toThrow();
    }
  });

  it.each([
    ['type', 'live response', 'LiveResponse'],
    ['type', 'run-antivirus-scan', 'RunAntiVirusScan'],
    ['status', 'IN PROGRESS', 'InProgress'],
    ['status', 'Canceled', 'Cancelled'],
    ['status', 'TimedOut', 'TimeOut'],
    ['type', 'ContainUser', 'ContainUser'],
    ['status', 'Queued', 'Queued'],
  ])('%s %s is taken as %s', (flag, given, taken) => {
    expect(filterFromFlags({ [flag]: [given] }, NOW)).toMatchObject({ [flag]: [taken] });
  });

  it('a type or status with one letter wrong, missing or too many never matches nothing without a word', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ACTION_TYPES, ...ACTION_STATUSES),
        fc.nat(),
        fc.constantFrom('', 'x'),
        (name, at, put) => {
          const slip = name.slice(0, at % name.length) + put + name.slice((at % name.length) + 1);
          const flag = ACTION_TYPES.some((type) => type === name) ? 'type' : 'status';
          try {
            const taken = filterFromFlags({ [flag]: [slip] }, NOW)[flag];
            expect([...ACTION_TYPES, ...ACTION_STATUSES]).toContain(taken[0]);
          } catch (error) {
            expect(String(error)).toContain('did you mean');
          }
        },
      ),
    );
  });
});

describe('a job file', () => {
  const refusal = (text: string): string => {
    try {
      parseJobFile(text, '/a.yaml', {});
    } catch (error) {
      expect(error).toBeInstanceOf(UsageError);
      return String(error);
    }
    return '';
  };

  it.each([
    ['lists nested a thousand deep', `source: ${'['.repeat(1000)}${']'.repeat(1000)}`],
    ['maps nested a thousand deep', `source: ${'{a: '.repeat(1000)}1${'}'.repeat(1000)}`],
    ['lists nested a hundred thousand deep', `source: ${'['.repeat(100_000)}`],
    ['blocks nested three hundred deep', Array.from({ length: 300 }, (_, n) => `${' '.repeat(n)}a:`).join('\n')],
    ['sequences nested three hundred deep', `source:\n  ${'- '.repeat(300)}x`],
  ])('a job file of %s is refused in words', (_, text) => {
    expect(refusal(text)).toMatch(/nested/);
  });

  it('a job file of aliases that grow a thousandfold with each line is refused at once', () => {
    const lines = Array.from({ length: 9 }, (_, n) => `a${n + 1}: &a${n + 1} [${Array(9).fill(`*a${n}`).join(', ')}]`);
    expect(refusal(`a0: &a0 [x]\n${lines.join('\n')}\nsource: {file: x}`)).toMatch(/anchors and aliases are not used/);
  });

  it.each([
    '!!js/function "x"',
    '!!binary aGVsbG8=',
    '!!str x',
    '!thing x',
    '!!set {a}',
    '!!python/object:os.system x',
  ])('a job file with the tag of %s is refused', (value) => {
    expect(refusal(`source: {file: x}\ncomment: ${value}`)).toMatch(/tag/);
  });
});

describe('the path of a job file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'countermand-job-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const at = (name: string) => join(folder, name);

  it('the path of a job file that leads to a pipe, a device or a directory is refused at once', async () => {
    execFileSync('mkfifo', [at('pipe.yaml')]);
    await symlink('/dev/zero', at('zero.yaml'));
    await mkdir(at('folder.yaml'));
    await symlink('loop.yaml', at('loop.yaml'));
    await expect(readJobText(at('pipe.yaml'))).rejects.toThrow(/pipe\.yaml is a pipe, device or socket/);
    await expect(readJobText(at('zero.yaml'))).rejects.toThrow(/zero\.yaml is a pipe, device or socket/);
    await expect(readJobText(at('folder.yaml'))).rejects.toThrow(/folder\.yaml is a directory/);
    await expect(readJobText(at('loop.yaml'))).rejects.toThrow(/loop\.yaml cannot be read \(ELOOP\)/);
  });

  it('the path of a job file that leads to a hundred megabytes is refused without reading them', async () => {
    await writeFile(at('large.yaml'), '');
    await truncate(at('large.yaml'), 100_000_000);
    await expect(readJobText(at('large.yaml'))).rejects.toThrow(/too long for a job file/);
  });
});
