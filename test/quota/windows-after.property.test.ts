import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeQuota } from '../../src/quota/local/local-quota.ts';
import { windowsAfter } from '../../src/quota/past-calls.ts';
import { ManualClock } from '../support/clock/manual-clock.ts';

test('the windows that a forecast goes by are those of a quota that is filled with the same calls', () => {
  const windows = [
    { calls: 5, perMs: 1000 },
    { calls: 12, perMs: 60_000 },
  ];
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -70_000, max: 90_000 }), { maxLength: 30 }), (ages) => {
      const past = ages.map((ageMs) => ({ route: 'cancel' as const, ageMs }));
      const clock = new ManualClock();
      const expected = makeQuota({ windows, past, clock }).left();
      expect(windowsAfter(windows, past, clock.monotonicMs())).toEqual(expected);
    }),
    { numRuns: 100 },
  );
});
