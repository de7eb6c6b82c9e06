import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addUp, campaignHead, type PlanSums, planSumsSchema } from '../../src/fleet/plan-sums.ts';

function sums(more: Partial<PlanSums>): PlanSums {
  return {
    ...{ head: 'a'.repeat(32), madeAtMs: 1, maxAgeMs: 86_400_000, admitted: 0, toCancel: 0, types: [], oldest: null },
    ...{ notFound: 0, unseen: 0, rejected: 0, needsRelease: 0, calls: 0, takesMs: 0 },
    ...more,
  };
}

test('the head of a campaign is the SHA-256 of a line for each plan, by name, cut to the length of a head', () => {
  const [a, b] = ['1'.repeat(32), '2'.repeat(32)];
  const digest = createHash('sha256').update(`${b} stuck/a.com\n${a} stuck/b.com\n`).digest('hex');
  const plans = [
    { name: 'stuck/b.com', head: a },
    { name: 'stuck/a.com', head: b },
  ];
  expect(campaignHead(plans)).toBe(digest.slice(0, 32));
  expect(campaignHead([])).toBe(null);
});

test('a head is of its plans in whatever order they come, and of no others', () => {
  const hex = fc.stringMatching(/^[0-9a-f]{32}$/);
  const plan = fc.record({ name: fc.stringMatching(/^c\/[a-z0-9.-]{1,8}$/), head: hex });
  const plans = fc.uniqueArray(plan, { selector: ({ name }) => name, minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(plans, fc.nat(), hex, (given, at, other) => {
      const head = campaignHead(given);
      expect(campaignHead([...given].reverse())).toBe(head);
      expect(campaignHead(given.slice(1))).not.toBe(head);
      const [changed, ...rest] = [...given.slice(at % given.length), ...given.slice(0, at % given.length)];
      if (changed === undefined || changed.head === other) return;
      expect(campaignHead([{ ...changed, head: other }, ...rest])).not.toBe(head);
      expect(campaignHead([{ ...changed, name: `${changed.name}0` }, ...rest])).not.toBe(head);
    }),
  );
});

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
