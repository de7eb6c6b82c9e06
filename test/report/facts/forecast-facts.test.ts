import { expect, test } from 'vitest';
import { allFree } from '../../../src/quota/forecast.ts';
import { DOCUMENTED_WINDOWS } from '../../../src/quota/quota.ts';
import { forecastFacts } from '../../../src/report/facts/plan-summary.ts';
import { T0 } from '../records.ts';

const input = { windows: allFree(DOCUMENTED_WINDOWS), concurrency: 16, roundTripMs: 200, nowMs: 7000 };

test('a forecast is put on the wall clock, and its curve rises from none to all of the calls', () => {
  const { calls, startsAtMs, endsAtMs, quartersAtMs, curve } = forecastFacts({ ...input, calls: 2000 }, T0);
  expect(startsAtMs).toBe(T0);
  expect(curve[0]).toEqual({ atMs: T0, done: 0 });
  expect(curve.at(-1)).toEqual({ atMs: endsAtMs, done: calls });
  expect(quartersAtMs.at(-1)).toBe(endsAtMs);
  for (const [i, { atMs, done }] of curve.entries()) {
    expect(atMs).toBeGreaterThanOrEqual(curve[i - 1]?.atMs ?? 0);
    expect(done).toBeGreaterThanOrEqual(curve[i - 1]?.done ?? 0);
  }
  // The hour's quota is spent after 1500; the rest waits for it.
  expect(endsAtMs - T0).toBeGreaterThan(3_600_000);
});

test('a forecast lets only the last call wait for those before it to settle', () => {
  const plain = forecastFacts({ ...input, calls: 27 }, T0);
  const settling = forecastFacts({ ...input, calls: 27, settlesMs: 5000 }, T0);
  expect(settling.curve.slice(0, -1)).toEqual(plain.curve.slice(0, -1));
  expect(settling.quartersAtMs.slice(0, 3)).toEqual(plain.quartersAtMs.slice(0, 3));
  expect(settling.curve.at(-1)).toEqual({ atMs: settling.endsAtMs, done: 27 });
  expect(settling.endsAtMs - plain.endsAtMs).toBeGreaterThanOrEqual(5000);
});

test('a forecast of nothing has no length', () => {
  const facts = forecastFacts({ ...input, calls: 0 }, T0);
  expect(facts).toMatchObject({ calls: 0, startsAtMs: T0, endsAtMs: T0, curve: [{ atMs: T0, done: 0 }] });
});

test.each([
  [3000, 0, { firstMinute: 100, firstHour: 1400, later: 1500 }],
  [3000, 60, { firstMinute: 98, firstHour: 1372, later: 1530 }],
  [40, 2, { firstMinute: 40, firstHour: 0, later: 0 }],
  [0, 0, { firstMinute: 0, firstHour: 0, later: 0 }],
])('a forecast says of %i cancels and %i lookups which are called when', (cancels, lookups, when) => {
  const order = { asked: 'last-seen', by: 'source', cancels } as const;
  const facts = forecastFacts({ ...input, calls: cancels + lookups }, T0, order);
  expect(facts.order).toMatchObject({ asked: 'last-seen', by: 'source' });
  const { firstMinute = 0, firstHour = 0, later = 0 } = facts.order ?? {};
  expect({ firstMinute, firstHour, later }).toEqual(when);
  expect(firstMinute + firstHour + later).toBe(cancels);
});
