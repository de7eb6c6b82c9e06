import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { noCalls } from '../../../src/ledger/state/calls.ts';
import { summarise } from '../../../src/report/facts/summary.ts';
import { usageOf } from '../../../src/report/facts/usage.ts';
import { FROZEN_JOB } from '../../support/frozen-job.ts';
import { T0 } from '../records.ts';
import { runStory } from '../stories.ts';
import { viewOf } from '../views.ts';

const MINUTE = 60_000;
const HOUR = { calls: 1500, perMs: 60 * MINUTE };

function minute(at: number, calls: number) {
  return { atMs: at * MINUTE, ...noCalls(), cancel: calls };
}

describe('the usage of a window', () => {
  test('a window is as full as the calls of its length before, and empties as they grow older', () => {
    const [usage] = usageOf([HOUR], [minute(0, 100), minute(1, 50), minute(90, 20)]);
    expect(usage?.points).toEqual([
      { atMs: 1 * MINUTE, calls: 100 },
      { atMs: 2 * MINUTE, calls: 150 },
      { atMs: 61 * MINUTE, calls: 50 },
      { atMs: 62 * MINUTE, calls: 0 },
      { atMs: 91 * MINUTE, calls: 20 },
      { atMs: 151 * MINUTE, calls: 0 },
    ]);
  });

  test('a window of a minute or less has no usage of its own: the bars of the minutes show it', () => {
    expect(usageOf([{ calls: 100, perMs: MINUTE }], [minute(0, 100)])).toEqual([]);
  });

  test('calls that kept to a window are never shown above its limit', () => {
    const moments = fc.array(fc.integer({ min: 0, max: 5 * 3_600_000 }), { maxLength: 200 });
    fc.assert(
      fc.property(
        moments,
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 120_000, max: 7_200_000 }),
        (at, calls, perMs) => {
          const kept: number[] = [];
          for (const moment of at.sort((a, b) => a - b)) {
            const before = kept.at(-calls);
            if (before === undefined || moment - before >= perMs) kept.push(moment);
          }
          const counts = new Map<number, number>();
          for (const moment of kept) {
            const of = Math.floor(moment / MINUTE);
            counts.set(of, (counts.get(of) ?? 0) + 1);
          }
          const minutes = [...counts].map(([of, n]) => minute(of, n));
          const [usage] = usageOf([{ calls, perMs }], minutes);
          expect(Math.max(0, ...(usage?.points ?? []).map((point) => point.calls))).toBeLessThanOrEqual(calls);
          expect(usage?.points.at(-1)?.calls ?? 0).toBe(0);
        },
      ),
    );
  });
});

describe('the limits of a report', () => {
  const nowMs = T0 + 86_400_000;
  const storyOf = (run: string, change: Record<string, unknown> = {}) =>
    viewOf(
      runStory({ run }).map((record) => (record.kind === 'open' ? { ...record, ...change } : record)),
      `ledgers/${run}.jsonl`,
    );
  const [one, two] = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'] as const;
  const windowsOf = (...views: ReturnType<typeof storyOf>[]) => summarise(views, { nowMs }).windows;

  test('ledgers of one sender share their limits', () => {
    expect(windowsOf(storyOf(one), storyOf(two))).toHaveLength(2);
  });

  test('ledgers of two tenants, or of routes with windows of their own, have no limit in common', () => {
    const other = { tenant: '33333333-3333-4333-8333-333333333333' };
    expect(windowsOf(storyOf(one), storyOf(two, other))).toEqual([]);
    const job = { ...FROZEN_JOB, quota: { ...FROZEN_JOB.quota, routes: 'separate' } };
    expect(windowsOf(storyOf(one, { job }))).toEqual([]);
  });
});
