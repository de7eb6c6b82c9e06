import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { describeDuration } from '../../src/duration.ts';
import { MARGIN_MS } from '../../src/quota/call-times.ts';
import { allFree, type ForecastInput, forecast } from '../../src/quota/forecast.ts';
import { makeQuota } from '../../src/quota/local/local-quota.ts';
import { DOCUMENTED_WINDOWS } from '../../src/quota/quota.ts';
import { virtualTime } from '../support/clock/virtual-time.ts';

const NOW = 5_000_000;
const plan = (calls: number, more: Partial<ForecastInput> = {}) =>
  forecast({ calls, windows: allFree(DOCUMENTED_WINDOWS), concurrency: 16, roundTripMs: 300, nowMs: NOW, ...more });

describe('a forecast', () => {
  it('a forecast of 1500 calls is 14 minutes and what the bursts take themselves', () => {
    const { nextAtMs, lastAtMs, doneAtMs } = plan(1500);
    expect(nextAtMs).toBe(NOW);
    // A burst of 100 by 16 goes out in seven rounds; its answers hold the next minute's permits.
    expect(lastAtMs).toBe(NOW + 14 * (60_000 + 300 + MARGIN_MS) + 6 * 300);
    expect(doneAtMs).toBe((lastAtMs ?? 0) + 300);
    expect(describeDuration(doneAtMs - NOW)).toBe('14 min 7 s');
  });

  it('a forecast of 10,000 calls is about 6 hours and 9 minutes', () => {
    expect(describeDuration(plan(10_000).doneAtMs - NOW)).toBe('6 h 9 min');
  });

  it('a forecast of no call is over now', () => {
    expect(plan(0)).toEqual({
      nextAtMs: undefined,
      lastAtMs: undefined,
      quartersAtMs: [NOW, NOW, NOW, NOW],
      doneAtMs: NOW,
    });
  });

  it('a forecast says when each quarter is answered', () => {
    const { quartersAtMs, doneAtMs } = plan(400, { roundTripMs: 0 });
    expect(quartersAtMs.map((atMs) => atMs - NOW)).toEqual([0, 60_025, 120_050, 180_075]);
    expect(doneAtMs).toBe(quartersAtMs[3]);
  });

  it('a forecast waits for the slots that are held, in flight, or behind a closed gate', () => {
    const windows = [{ calls: 3, perMs: 60_000, left: 0, freeAtMs: [NOW + 10_000, NOW + 20_000] }];
    expect(plan(1, { windows }).nextAtMs).toBe(NOW + 10_000);
    expect(plan(2, { windows }).lastAtMs).toBe(NOW + 20_000);
    expect(plan(3, { windows }).lastAtMs).toBe(NOW + 60_000 + 300 + MARGIN_MS);
    expect(plan(1, { windows, notBeforeMs: NOW + 15_000 }).nextAtMs).toBe(NOW + 15_000);
  });

  it('a forecast looks up what was called no sooner than it settles, and waits for no call without that', () => {
    const { doneAtMs } = plan(3);
    expect(plan(3, { settlesMs: 5000 }).doneAtMs).toBe(NOW + 300 + 5000 + 300);
    expect(plan(1, { settlesMs: 5000 }).doneAtMs).toBe(NOW + 5000 + 300);
    expect(doneAtMs).toBe(NOW + 300);
    expect(plan(2000, { settlesMs: 5000 }).quartersAtMs[1]).toBe(plan(2000).quartersAtMs[1]);
  });

  it('a forecast goes by the number in flight where no window does', () => {
    expect(plan(160, { windows: [] }).doneAtMs).toBe(NOW + 10 * 300);
  });

  it('a forecast reckons no call by itself once the slowest window sets the pace, and is at most a per mille off', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ calls: fc.integer({ min: 1, max: 12 }), perMs: fc.integer({ min: 0, max: 100_000 }) }), {
          maxLength: 4,
        }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: 1, max: 20_000 }),
        (windows, concurrency, roundTripMs, calls) => {
          const nested = [
            ...windows.map((window) => ({ cap: window.calls, heldMs: window.perMs + MARGIN_MS + roundTripMs })),
            { cap: concurrency, heldMs: roundTripMs },
          ];
          const sentMs: number[] = [];
          for (let n = 0; n < calls; n += 1) {
            sentMs.push(
              Math.max(
                sentMs[n - 1] ?? 0,
                ...nested.map(({ cap, heldMs }) => (n < cap ? 0 : (sentMs[n - cap] ?? 0) + heldMs)),
              ),
            );
          }
          const { lastAtMs } = forecast({ calls, windows: allFree(windows), concurrency, roundTripMs, nowMs: 0 });
          const exactMs = sentMs[calls - 1] ?? 0;
          expect(Math.abs((lastAtMs ?? 0) - exactMs)).toBeLessThanOrEqual(exactMs / 1000);
        },
      ),
      { numRuns: 150, seed: 7 },
    );
  });

  it('a forecast of the documented windows is exact however many calls are left', () => {
    const { lastAtMs } = plan(1_000_000);
    // Whole hours, and of the last 1000 calls ten bursts.
    expect(lastAtMs).toBe(NOW + 666 * (3_600_000 + 300 + MARGIN_MS) + 9 * (60_000 + 300 + MARGIN_MS) + 6 * 300);
  });

  it('a forecast lets no permit that is held for long keep calls from the others', () => {
    const windows = [
      { calls: 10, perMs: 1000, left: 0, freeAtMs: [...Array<number>(9).fill(NOW + 500), NOW + 60_000] },
    ];
    const { lastAtMs } = forecast({ calls: 27, windows, concurrency: 16, roundTripMs: 100, nowMs: NOW });
    expect(lastAtMs).toBe(NOW + 500 + 2 * (1000 + 100 + MARGIN_MS));
  });

  it('a forecast is what the quota then does', async () => {
    using time = virtualTime();
    const windows = [
      { calls: 5, perMs: 60_000 },
      { calls: 12, perMs: 600_000 },
    ];
    const past = [30_000, 100_000].map((ageMs) => ({ route: 'cancel' as const, ageMs }));
    const quota = makeQuota({ windows, past, clock: systemClock });
    const nowMs = systemClock.monotonicMs();
    const said = forecast({ calls: 40, windows: quota.left(), concurrency: 4, roundTripMs: 200, nowMs });
    let started = 0;
    let ended = 0;
    let lastMs = 0;
    const worker = async () => {
      while (started < 40) {
        started += 1;
        const slot = await quota.take('cancel');
        lastMs = systemClock.monotonicMs();
        await systemClock.sleep(200);
        slot.settle();
        ended += 1;
      }
    };
    for (let n = 0; n < 4; n += 1) void worker();
    await time.runUntil(() => ended === 40);
    expect(Math.abs(lastMs - (said.lastAtMs ?? 0))).toBeLessThan(100);
  });
});
