import { expect, it } from 'vitest';
import { backoffMs } from '../../src/defender/retry-rule.ts';

const ceilings = (random: number) =>
  [1, 2, 3, 6, 7, 8, 100, 2000].map((attempt) => backoffMs({ attempt, retryAfterMs: undefined, random: () => random }));

it('the wait before the next attempt is anywhere below a ceiling that doubles from one second to sixty', () => {
  expect(ceilings(1)).toEqual([1000, 2000, 4000, 32_000, 60_000, 60_000, 60_000, 60_000]);
  expect(ceilings(0.25)).toEqual([250, 500, 1000, 8000, 15_000, 15_000, 15_000, 15_000]);
  expect(ceilings(0)).toEqual(Array(8).fill(0));
});

it('what the answer asked for goes first, and takes no random number', () => {
  const random = () => {
    throw new Error('not asked for');
  };
  expect(backoffMs({ attempt: 5, retryAfterMs: 123_000, random })).toBe(123_000);
});
