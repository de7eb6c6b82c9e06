import { describe, expect, it } from 'vitest';
import { mostInAnySpan, mostInFixedWindows, overQuota } from './checker.ts';

const at = (sentMs: number, latestMs = sentMs) => ({ sentMs, latestMs });

describe('the checker', () => {
  it('the checker counts a call at whatever moment between send and answer is worst', () => {
    // Counted at their answers, these two are 40 ms apart.
    expect(mostInAnySpan([at(0, 60), at(100)], 50)).toBe(2);
    expect(mostInAnySpan([at(0, 49), at(100)], 50)).toBe(1);
  });

  it('the checker lets a span begin anywhere', () => {
    expect(mostInAnySpan([at(0), at(70), at(90), at(110), at(300)], 50)).toBe(3);
  });

  it('the checker does not count one call in two places of a span', () => {
    expect(mostInAnySpan([at(0, 1000)], 50)).toBe(1);
  });

  it('the checker counts fixed windows from any offset', () => {
    const calls = [at(90), at(95), at(105)];
    expect(mostInFixedWindows(calls, 100, 0, () => 0)).toBe(2);
    expect(mostInFixedWindows(calls, 100, 50, () => 0)).toBe(3);
  });

  it('the checker adds up what is over in each window', () => {
    const calls = [at(0), at(1), at(2)];
    expect(overQuota(calls, [{ calls: 2, perMs: 10 }])).toBe(1);
    expect(
      overQuota(calls, [
        { calls: 2, perMs: 10 },
        { calls: 1, perMs: 100 },
      ]),
    ).toBe(3);
    expect(overQuota(calls, [{ calls: 3, perMs: 10 }])).toBe(0);
  });
});
