import { describe, expect, it } from 'vitest';
import { DOCUMENTED_WINDOWS } from '../../src/quota/quota.ts';
import { flagWindow, parseWindow, shareOf } from '../../src/quota/windows.ts';

describe('a window', () => {
  it('a window is read and written as calls and the span they belong to', () => {
    const texts = ['100/1m', '1500/1h', '7/90s'];
    expect(texts.map(parseWindow)).toEqual([...DOCUMENTED_WINDOWS, { calls: 7, perMs: 90_000 }]);
    expect(texts.map(parseWindow).map((window) => window && flagWindow(window))).toEqual(texts);
    expect(parseWindow(' 100 / 1m ')).toEqual({ calls: 100, perMs: 60_000 });
  });

  it.each(['', '100', '100/', '/1m', '0/1m', '-5/1m', '1.5/1m', '100/0', '100/0s', '100/m', '100/1m/1h', '100 per 1m'])(
    '%j is not understood',
    (text) => {
      expect(parseWindow(text)).toBeUndefined();
    },
  );
});

describe('a share', () => {
  it('a share is the floor of each cap and never less than one call', () => {
    expect(
      shareOf(
        [
          { calls: 99, perMs: 1 },
          { calls: 1, perMs: 2 },
        ],
        0.5,
      ),
    ).toEqual([
      { calls: 49, perMs: 1 },
      { calls: 1, perMs: 2 },
    ]);
  });

  it.each([0, -1, 1.01, Number.NaN])('a share of %d is refused', (share) => {
    expect(() => shareOf(DOCUMENTED_WINDOWS, share)).toThrow(RangeError);
  });
});
