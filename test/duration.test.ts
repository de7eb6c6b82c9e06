import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeDuration, flagDuration, parseDuration } from '../src/duration.ts';

describe('a duration', () => {
  it.each([
    ['90s', 90_000],
    ['50m', 3_000_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    [' 1m ', 60_000],
    ['0', 0],
    ['0s', 0],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '5', '-1s', '1.5h', '10 m', '1h30m', '5ms', '3w', 'm', '1M', 'Infinityh', '9999999999s'])(
    '%j is not understood',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  it('a duration is written in the largest unit that fits, and read back as it was', () => {
    expect([60_000, 90_000, 3_600_000, 86_400_000, 0, 1500].map(flagDuration)).toEqual([
      '1m',
      '90s',
      '1h',
      '1d',
      '0s',
      '2s',
    ]);
    fc.assert(
      fc.property(fc.nat(100_000_000), (seconds) => {
        expect(parseDuration(flagDuration(seconds * 1000))).toBe(seconds * 1000);
      }),
    );
  });

  it('a duration is said to a person in its two largest units', () => {
    expect([-5, 0, 340, 52_000, 59_700, 843_000, 22_140_000, 183_600_000, 86_400_000].map(describeDuration)).toEqual([
      '0 ms',
      '0 ms',
      '340 ms',
      '52 s',
      '1 min',
      '14 min 3 s',
      '6 h 9 min',
      '2 d 3 h',
      '1 d',
    ]);
  });
});
