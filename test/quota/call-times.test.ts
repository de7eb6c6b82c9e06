import { expect, it } from 'vitest';
import { ANSWER_LIMIT_MS, CLOCK_DOUBT_MS, LATEST_COUNT_MS, UNANSWERED_MS } from '../../src/quota/call-times.ts';

it('the call times add up to what docs/design.md promises', () => {
  expect({ ANSWER_LIMIT_MS, UNANSWERED_MS, LATEST_COUNT_MS, CLOCK_DOUBT_MS }).toEqual({
    ANSWER_LIMIT_MS: 30_000,
    UNANSWERED_MS: 60_000,
    LATEST_COUNT_MS: 65_000,
    CLOCK_DOUBT_MS: 4000,
  });
});
