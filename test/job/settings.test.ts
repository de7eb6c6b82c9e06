import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flagDuration, parseDuration } from '../../src/duration.ts';
import { defaultSettings, readSetting } from '../../src/job/given-settings.ts';
import { secretNamed } from '../../src/job/secrets.ts';
import { type Setting, variableOf } from '../../src/job/setting.ts';
import { SETTING_NAMES, SETTINGS } from '../../src/job/settings.ts';
import { DOCUMENTED_WINDOWS } from '../../src/quota/quota.ts';

const table = SETTING_NAMES.map((name): [string, Setting] => [name, SETTINGS[name]]);

describe('the table of settings', () => {
  it('the table of settings names each flag, job key and variable once', () => {
    for (const names of [
      table.map(([, { flag }]) => flag),
      table.flatMap(([, { job }]) => job ?? []),
      table.map(([, { flag }]) => variableOf(flag)),
    ]) {
      expect(new Set(names).size).toBe(names.length);
    }
  });

  it('the table of settings calls each setting by its flag', () => {
    for (const [name, { flag }] of table)
      expect(flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())).toBe(name);
  });

  it('the table of settings says of each setting without a job key why it has none', () => {
    for (const [, { job, notInJob }] of table) expect(job === undefined).toBe(notInJob !== undefined);
  });

  it('the table of settings holds no secret', () => {
    for (const [name, { flag }] of table)
      expect([secretNamed(name), secretNamed(flag)]).toEqual([undefined, undefined]);
  });

  it('the table of settings has the defaults of the documentation', () => {
    expect(defaultSettings()).toEqual({
      cloud: 'commercial',
      quota: DOCUMENTED_WINDOWS,
      quotaShare: 1,
      quotaRoutes: 'shared',
      concurrency: 16,
      maxFailures: { percent: 10 },
      patience: 3_600_000,
      screen: 'auto',
      order: 'source',
      confirmFor: 120_000,
      strictInput: false,
      logFormat: 'auto',
      planMaxAge: 86_400_000,
    });
  });

  it('the table of settings has a variable for each flag', () => {
    expect(variableOf('max-actions')).toBe('COUNTERMAND_MAX_ACTIONS');
  });
});

describe('readSetting', () => {
  it('readSetting takes a duration exactly when it is one', () => {
    const text = fc.oneof(
      fc.string(),
      fc.stringMatching(/^ ?\d{0,11}[smhdw]? ?$/),
      fc.integer({ min: 1 }).map((s) => flagDuration(s * 1000)),
    );
    fc.assert(
      fc.property(text, (given) => {
        const ms = parseDuration(given);
        const reading = readSetting('patience', given);
        if (ms !== undefined && ms > 0) expect(reading).toEqual({ value: ms });
        else expect(reading).toHaveProperty('problem');
      }),
    );
  });

  it('readSetting never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.constantFrom(...SETTING_NAMES), fc.anything({ withBigInt: true }), (name, raw) => {
        expect(Object.keys(readSetting(name, raw))).toHaveLength(1);
      }),
    );
  });
});
