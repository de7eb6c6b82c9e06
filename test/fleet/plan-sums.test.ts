import { expect, test } from 'vitest';
import { addUp, type PlanSums, planSumsSchema } from '../../src/fleet/plan-sums.ts';

function sums(more: Partial<PlanSums>): PlanSums {
  return {
    ...{ head: 'a'.repeat(32), madeAtMs: 1, maxAgeMs: 86_400_000, admitted: 0, toCancel: 0, types: [], oldest: null },
    ...{ notFound: 0, unseen: 0, rejected: 0, needsRelease: 0, calls: 0, takesMs: 0 },
    ...more,
  };
}

test('sums are those of all plans, the oldest action and the longest run among them', () => {
  const one = sums({
    ...{ admitted: 5, toCancel: 3, types: [{ name: 'Isolate', n: 3 }], oldest: '2026-11-02T10:00:00.1234567Z' },
    ...{ notFound: 1, rejected: 2, calls: 5, takesMs: 60_000 },
  });
  const two = sums({
    ...{ admitted: 9, toCancel: 8, oldest: '2026-11-02T09:59:00Z', needsRelease: 1, unseen: 4, calls: 10 },
    ...{
      takesMs: 90_000,
      types: [
        { name: 'RunAntiVirusScan', n: 6 },
        { name: 'Isolate', n: 2 },
      ],
    },
  });
  expect(addUp([one, two, sums({})])).toEqual({
    ...{ plans: 3, admitted: 14, toCancel: 11, oldest: '2026-11-02T09:59:00Z', longestMs: 90_000, totalMs: 150_000 },
    types: [
      { name: 'RunAntiVirusScan', n: 6 },
      { name: 'Isolate', n: 5 },
    ],
    ...{ notFound: 1, unseen: 4, rejected: 2, needsRelease: 1, calls: 15 },
  });
  expect(addUp([])).toMatchObject({ plans: 0, oldest: null, longestMs: 0 });
});

test('what another version left out is no plan that can be started unread', () => {
  const { calls: _calls, ...without } = sums({});
  expect(planSumsSchema.safeParse(JSON.parse(JSON.stringify(sums({})))).success).toBe(true);
  expect(planSumsSchema.safeParse(without).success).toBe(false);
});
