import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byOurClock, type ClocksNow, largestSkewOf, leastAgeMs, slowestOf } from '../../src/ledger/call-age.ts';
import type { PastCall } from '../../src/ledger/state/run-state.ts';
import { CLOCK_DOUBT_MS, LATEST_COUNT_MS } from '../../src/quota/call-times.ts';

const NOW = Date.UTC(2026, 0, 5, 12);
const HOUR = 3_600_000;

const answered = (agoMs: number, more: Partial<PastCall> = {}): PastCall => ({
  route: 'cancel',
  intentAtMs: NOW - agoMs - 200,
  repliedAtMs: NOW - agoMs,
  unanswered: false,
  skewMs: 0,
  ...more,
});

/** Without the doubt that is taken off every age. */
const ageOf = (call: PastCall, now: ClocksNow) => leastAgeMs(call, now, 0) + CLOCK_DOUBT_MS;

describe('the age of a past call', () => {
  it('the age of a past call is by our clock where Defender’s is ahead, absent or another time altogether', () => {
    for (const defenderMs of [NOW + 2 * HOUR, undefined, NOW + 100 * 365 * 24 * HOUR]) {
      expect(ageOf(answered(30_000), { wallMs: NOW, defenderMs, fileMs: undefined })).toBe(30_000);
    }
  });

  it('the age of a past call is by Defender’s where ours jumped ahead', () => {
    const now = { wallMs: NOW + 50 * 60_000, defenderMs: NOW, fileMs: undefined };
    expect(ageOf(answered(30_000), now)).toBe(30_000);
  });

  it('the age of a past call is by the file’s where the clock that wrote was slow and no answer showed it', () => {
    const call = answered(2 * HOUR, { fileAheadMs: 2 * HOUR - 30_000 });
    expect(ageOf(call, { wallMs: NOW, defenderMs: NOW, fileMs: NOW })).toBe(30_000);
  });

  it('the age of a past call is by the file’s where ours jumped ahead and the file system has a clock of its own', () => {
    const now = { wallMs: NOW + HOUR, defenderMs: undefined, fileMs: NOW };
    expect(ageOf(answered(30_000, { fileAheadMs: 0 }), now)).toBe(30_000);
  });

  it('the age of a past call is less by what two clocks may differ without a word of it in the ledger', () => {
    expect(leastAgeMs(answered(30_000), byOurClock(NOW), 0)).toBe(30_000 - CLOCK_DOUBT_MS);
  });

  it('the age of a past call is none for a record from the future', () => {
    expect(ageOf(answered(-HOUR), byOurClock(NOW))).toBe(0);
  });
});

/** How far a clock is off the true time: when the calls were made, and at the restart. */
const LIES = [0, 2 * HOUR, -2 * HOUR, 50 * 60_000, -50 * 60_000, 26 * HOUR, -26 * HOUR];

it('no call looks older than it is while one of the clocks ran true, whatever the others say, then and now', () => {
  const off = fc.constantFrom(...LIES);
  const scenario = fc.record({
    wall: fc.tuple(off, off),
    defender: fc.tuple(off, fc.option(fc.oneof(off, fc.constant(8000 * 365 * 24 * HOUR)), { nil: undefined })),
    file: fc.tuple(off, fc.option(off, { nil: undefined })),
    honest: fc.constantFrom('wall', 'defender', 'file'),
    steadyOffMs: off,
    calls: fc.array(fc.record({ agoMs: fc.nat(3 * HOUR), tookMs: fc.nat(30_000), answered: fc.boolean() }), {
      minLength: 1,
      maxLength: 12,
    }),
  });
  fc.assert(
    fc.property(scenario, ({ honest, steadyOffMs, calls, ...lies }) => {
      const { wall, defender, file } = { ...lies, [honest]: [steadyOffMs, steadyOffMs] } as typeof lies;
      const past = calls.map(({ agoMs, tookMs, answered: isAnswered }): PastCall & { latestMs: number } => {
        const intentMs = NOW - agoMs - tookMs;
        return {
          route: 'cancel',
          intentAtMs: intentMs + wall[0],
          repliedAtMs: isAnswered ? NOW - agoMs + wall[0] : undefined,
          unanswered: false,
          // In doubt: it has the skew of the answer before it.
          skewMs: defender[0] - wall[0],
          fileAheadMs: file[0] - wall[0],
          latestMs: isAnswered ? NOW - agoMs : intentMs + LATEST_COUNT_MS,
        };
      });
      const now = {
        wallMs: NOW + wall[1],
        defenderMs: defender[1] === undefined ? undefined : NOW + defender[1],
        fileMs: file[1] === undefined ? undefined : NOW + file[1],
      };
      const largest = largestSkewOf(
        past.map(({ skewMs }) => skewMs),
        now,
      );
      for (const call of past) {
        expect(leastAgeMs(call, now, largest)).toBeLessThanOrEqual(Math.max(0, NOW - call.latestMs) - CLOCK_DOUBT_MS);
      }
      expect(slowestOf(now)).toBeLessThanOrEqual(now.wallMs);
    }),
    { numRuns: 3000 },
  );
});
