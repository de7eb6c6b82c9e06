import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../src/clock.ts';
import { byOurClock } from '../../src/ledger/call-age.ts';
import { MARGIN_MS, UNANSWERED_MS } from '../../src/quota/call-times.ts';
import { makeGate } from '../../src/quota/gate/gate.ts';
import { agedCalls } from '../../src/quota/past-calls.ts';
import { type AgedCall, DOCUMENTED_WINDOWS, type Quota, type Slot, type Window } from '../../src/quota/quota.ts';
import { type VirtualTime, virtualTime } from '../support/clock/virtual-time.ts';
import { mostInFixedWindows, overQuota } from './checker.ts';
import { killedSessions, propertySettings, sessionTasks, smallWindows } from './schedules.ts';
import { startSession, type World } from './sender.ts';

/** What a quota is made from: a sender of its own each time, in which only `past` was called. */
export interface QuotaSetup {
  windows: readonly Window[];
  share?: number;
  routes?: 'shared' | 'separate';
  past?: readonly AgedCall[];
  /** Moved by the test, by way of the global timers. */
  clock: Clock;
}

export interface MadeQuota extends AsyncDisposable {
  quota: Quota;
  /** Makes a slot in hand one that is not usable any more; `pass` lets time pass. Left out where slots always are. */
  lapse?: (slot: Slot, pass: (ms: number) => Promise<void>) => Promise<void>;
}

export interface QuotaSubject {
  /** For the names of the tests. */
  name: string;
  make(setup: QuotaSetup): Promise<MadeQuota>;
  /** Resolves when all has happened that can happen without time passing. @default a turn of the event loop */
  settled?: () => Promise<void>;
  /** How long after it became free a slot may be given, and its state be shown. */
  lateMs: number;
  /** How often each property is tried. */
  runs: number;
}

/** What every implementation of `Quota` must hold. */
export function quotaSuite({ name, ...subject }: QuotaSubject): void {
  describe(name, () => contractOf(subject));
}

function contractOf({ make, settled, lateMs, runs }: Omit<QuotaSubject, 'name'>): void {
  const clock = systemClock;
  const minute = { calls: 2, perMs: 60_000 };
  const hour = { calls: 3, perMs: 3_600_000 };
  const second = { calls: 1, perMs: 1000 };

  let time: VirtualTime;
  const made: MadeQuota[] = [];
  const begin = () => {
    time = virtualTime(settled === undefined ? {} : { settled });
  };
  beforeEach(begin);
  afterEach(async () => {
    for (const each of made.splice(0)) await each[Symbol.asyncDispose]();
    time[Symbol.dispose]();
  });

  /** A time in which nothing is left of what was before. */
  const beginAgain = () => {
    time[Symbol.dispose]();
    begin();
  };
  const makeOne = async (setup: Omit<QuotaSetup, 'clock'>): Promise<MadeQuota> => {
    const one = await make({ ...setup, clock });
    made.push(one);
    return one;
  };
  const quotaOf = async (setup: Omit<QuotaSetup, 'clock'>): Promise<Quota> => (await makeOne(setup)).quota;
  /** Lets happen what is due. */
  const soon = () => time.pass(lateMs);
  const leftOf = (quota: Quota) => quota.left().map(({ left }) => left);
  const expectFreeAt = (quota: Quota, window: number, expectedMs: readonly number[]) => {
    const shownMs = quota.left()[window]?.freeAtMs ?? [];
    expect(shownMs).toHaveLength(expectedMs.length);
    for (const [index, atMs] of shownMs.entries()) {
      expect(atMs).toBeGreaterThanOrEqual(expectedMs[index] ?? 0);
      expect(atMs).toBeLessThanOrEqual((expectedMs[index] ?? 0) + lateMs);
    }
  };

  describe('a slot', () => {
    it('a slot is given as long as every window has one', async () => {
      const { slots } = takeMany(await quotaOf({ windows: [minute, hour] }), 5);
      await soon();
      expect(slots).toHaveLength(2);
    });

    it('a slot is free again a window and the margin after its answer, in each window by its own length', async () => {
      const quota = await quotaOf({ windows: [minute, hour] });
      const { slots, atMs } = takeMany(quota, 5);
      await soon();
      const settledMs = clock.monotonicMs();
      for (const slot of slots.splice(0)) slot.settle();
      const minuteMs = settledMs + minute.perMs + MARGIN_MS;
      const hourMs = settledMs + hour.perMs + MARGIN_MS;
      await time.runUntil(() => leftOf(quota)[1] === 1);
      expectFreeAt(quota, 0, [minuteMs, minuteMs]);
      expectFreeAt(quota, 1, [hourMs, hourMs]);
      await time.runUntil(() => atMs.length === 3);
      expectBetween(clock.monotonicMs(), minuteMs, lateMs);
      slots[0]?.settle();
      await time.runUntil(() => atMs.length === 5);
      expectBetween(clock.monotonicMs(), hourMs, lateMs);
    });

    it('a slot without an answer is held from a minute after its send', async () => {
      const quota = await quotaOf({ windows: [second] });
      const { slots, atMs } = takeMany(quota, 2);
      await soon();
      const sentMs = clock.monotonicMs();
      await time.pass(30_000);
      slots[0]?.settleUnanswered(sentMs);
      await soon();
      expectFreeAt(quota, 0, [sentMs + UNANSWERED_MS + second.perMs + MARGIN_MS]);
      await time.runUntil(() => atMs.length === 2);
      expectBetween(clock.monotonicMs(), sentMs + UNANSWERED_MS + second.perMs + MARGIN_MS, lateMs);
    });

    it('a slot that was released is free at once, in every window', async () => {
      const { slots } = takeMany(await quotaOf({ windows: [minute, hour] }), 3);
      await soon();
      slots[0]?.release();
      await soon();
      expect(slots).toHaveLength(3);
    });

    it('a slot keeps to the first word said about it', async () => {
      const quota = await quotaOf({ windows: [second] });
      const { slots } = takeMany(quota, 2);
      await soon();
      slots[0]?.settle();
      slots[0]?.release();
      await soon();
      expect(slots).toHaveLength(1);
      expect(quota.left()[0]?.freeAtMs).toHaveLength(1);
    });

    it('a slot is one slot, however often it was given back', async () => {
      const quota = await quotaOf({ windows: [second] });
      const first = takeMany(quota, 1);
      await soon();
      first.slots[0]?.release();
      first.slots[0]?.release();
      const { slots } = takeMany(quota, 2);
      first.slots[0]?.release();
      await soon();
      expect(slots).toHaveLength(1);
    });

    it('a slot that nobody waited for when it became free goes to one caller, and the next waits until it is free again', async () => {
      const quota = await quotaOf({ windows: [second] });
      const first = takeMany(quota, 1);
      await soon();
      first.slots[0]?.settle();
      await time.pass(5000);
      expect(leftOf(quota)).toEqual([1]);
      const { slots, atMs } = takeMany(quota, 2);
      await soon();
      expect(slots).toHaveLength(1);
      slots[0]?.settle();
      await time.runUntil(() => atMs.length === 2);
      expect(atMs[1]).toBeGreaterThanOrEqual(second.perMs + MARGIN_MS);
    });

    it('a slot is held for a window longer than a timer can be', async () => {
      const perMs = 2 ** 31 + 5000;
      const { slots, atMs } = takeMany(await quotaOf({ windows: [{ calls: 1, perMs }] }), 2);
      await soon();
      slots[0]?.settle();
      await time.runUntil(() => atMs.length === 2);
      expect(atMs[1]).toBeGreaterThanOrEqual(perMs + MARGIN_MS);
    });

    it('a slot is usable until it lapses, where it can, and its release then gives nothing back twice', async () => {
      const { quota, lapse } = await makeOne({ windows: [second] });
      const { slots } = takeMany(quota, 1);
      await soon();
      const [slot] = slots;
      expect(slot?.usable()).toBe(true);
      if (slot === undefined || lapse === undefined) {
        await time.pass(3_600_000);
        expect(slot?.usable()).toBe(true);
        return;
      }
      await lapse(slot, time.pass);
      expect(slot.usable()).toBe(false);
      slot.release();
      const after = takeMany(quota, 2);
      await soon();
      expect(after.slots).toHaveLength(1);
      expect(after.slots[0]?.usable()).toBe(true);
    });
  });

  describe('callers', () => {
    it('callers are served in the order in which they came', async () => {
      const quota = await quotaOf({ windows: [second, { calls: 2, perMs: 5000 }] });
      const order: number[] = [];
      for (let caller = 0; caller < 5; caller += 1) {
        void quota.take('cancel').then((slot) => {
          order.push(caller);
          slot.settle();
        });
      }
      await time.runUntil(() => order.length === 5);
      expect(order).toEqual([0, 1, 2, 3, 4]);
    });

    it('callers are not overtaken by who comes just as a slot is given back', async () => {
      const quota = await quotaOf({ windows: [second] });
      const { slots } = takeMany(quota, 1);
      await soon();
      const order: string[] = [];
      void quota.take('cancel').then(() => order.push('first'));
      await soon();
      slots[0]?.release();
      void quota.take('cancel').then(() => order.push('second'));
      await soon();
      expect(order).toEqual(['first']);
    });

    it('callers that give up are told the reason of their signal, also when that was there before', async () => {
      const quota = await quotaOf({ windows: [second] });
      await expect(quota.take('cancel', AbortSignal.abort('too late'))).rejects.toBe('too late');
      const { slots } = takeMany(quota, 1);
      await soon();
      const stop = new AbortController();
      const waiting = quota.take('cancel', stop.signal);
      stop.abort('enough');
      await expect(waiting).rejects.toBe('enough');
      expect(slots).toHaveLength(1);
    });

    it('callers that give up leave no slot taken, in no window', async () => {
      const quota = await quotaOf({ windows: [second, { calls: 2, perMs: 5000 }] });
      const first = takeMany(quota, 1);
      await soon();
      const stop = new AbortController();
      const gaveUp = expect(quota.take('cancel', stop.signal)).rejects.toBe('enough');
      await soon();
      stop.abort('enough');
      await gaveUp;
      first.slots[0]?.settle();
      const next = takeMany(quota, 1);
      await time.runUntil(() => next.slots.length === 1);
      expectBetween(next.atMs[0] ?? 0, second.perMs + MARGIN_MS, lateMs);
      next.slots[0]?.release();
      await time.pass(10_000);
      expect(leftOf(quota)).toEqual([1, 2]);
    });

    it('callers cannot give up a slot that they have been given', async () => {
      const quota = await quotaOf({ windows: [second] });
      const stop = new AbortController();
      let slot: Slot | undefined;
      void quota.take('cancel', stop.signal).then((given) => {
        slot = given;
      });
      await soon();
      stop.abort();
      await soon();
      expect(slot).toBeDefined();
      expect(leftOf(quota)).toEqual([0]);
    });
  });

  describe('past calls', () => {
    const past = (count: number, ageMs: number) =>
      Array.from({ length: count }, () => ({ route: 'cancel' as const, ageMs }));

    it('past calls take each window for what is left of it', async () => {
      const calls = [...past(1, 100_000), ...past(1, 10_000), ...past(7, 4_000_000)];
      const quota = await quotaOf({ windows: [minute, hour], past: calls });
      const now = clock.monotonicMs();
      expect(leftOf(quota)).toEqual([1, 1]);
      expectFreeAt(quota, 0, [now + 50_000 + MARGIN_MS]);
      expectFreeAt(quota, 1, [now + 3_500_000 + MARGIN_MS, now + 3_590_000 + MARGIN_MS]);
    });

    it('past calls that are still to count are held from then on', async () => {
      const quota = await quotaOf({ windows: [minute], past: past(1, -65_000) });
      expectFreeAt(quota, 0, [clock.monotonicMs() + 125_000 + MARGIN_MS]);
    });

    it('past calls give their slots back one by one', async () => {
      const ages = [55_000, 40_000, 10_000];
      const windows = [{ calls: 3, perMs: 60_000 }];
      const quota = await quotaOf({ windows, past: ages.flatMap((ageMs) => past(1, ageMs)) });
      const { atMs } = takeMany(quota, 3);
      await time.runUntil(() => atMs.length === 3);
      for (const [index, ageMs] of ages.entries()) {
        expectBetween(atMs[index] ?? 0, 60_000 - ageMs + MARGIN_MS, lateMs);
      }
    });

    it('past calls beyond the cap, from a time of another quota, hold back until no more than the cap are left', async () => {
      const calls = [50_000, 40_000, 30_000, 20_000, 10_000].flatMap((ageMs) => past(1, ageMs));
      const { atMs } = takeMany(await quotaOf({ windows: [minute], past: calls }), 2);
      await time.runUntil(() => atMs.length === 2);
      expectBetween(atMs[0] ?? 0, 40_000 + MARGIN_MS, lateMs);
      expectBetween(atMs[1] ?? 0, 50_000 + MARGIN_MS, lateMs);
    });

    it('past calls leave all slots free once their windows have passed', async () => {
      const quota = await quotaOf({ windows: [minute, hour], past: past(9, 0) });
      expect(leftOf(quota)).toEqual([0, 0]);
      await time.pass(3_600_000 + MARGIN_MS + lateMs);
      expect(leftOf(quota)).toEqual([2, 3]);
      const { slots } = takeMany(quota, 5);
      await soon();
      expect(slots).toHaveLength(2);
    });

    it('past calls of a run killed after 90 of 100 calls and resumed 5 s later leave 10 calls, and then the wait for the minute, not one more', async () => {
      const before = takeMany(await quotaOf({ windows: DOCUMENTED_WINDOWS }), 90);
      await time.runUntil(() => before.slots.length === 90);
      const calls = before.slots.map((slot) => {
        slot.settle();
        const atMs = clock.wallMs();
        return { route: 'cancel' as const, intentAtMs: atMs - 50, repliedAtMs: atMs, unanswered: false, skewMs: 0 };
      });
      const lastAnswerMs = clock.monotonicMs();
      await time.pass(5000);

      const aged = agedCalls(calls, byOurClock(clock.wallMs()));
      const after = takeMany(await quotaOf({ windows: DOCUMENTED_WINDOWS, past: aged }), 30);
      await time.runUntil(() => after.slots.length >= 11);
      expect(after.atMs[9]).toBeLessThan(1000);
      expect(clock.monotonicMs()).toBeGreaterThanOrEqual(lastAnswerMs + 60_000 + MARGIN_MS);
      expect(clock.monotonicMs()).toBeLessThan(lastAnswerMs + 65_000);
    });
  });

  describe('routes', () => {
    it('routes share the windows, past calls too', async () => {
      const quota = await quotaOf({ windows: [minute], past: [{ route: 'get', ageMs: 0 }] });
      const taken = (['cancel', 'get', 'list', 'machines'] as const).map((route) => takeMany(quota, 2, route).slots);
      await soon();
      expect(taken.flat()).toHaveLength(1);
    });

    it('routes have windows of their own when told so, past calls too', async () => {
      const quota = await quotaOf({ windows: [minute], routes: 'separate', past: [{ route: 'get', ageMs: 0 }] });
      expect(leftOf(quota)).toEqual([2]);
      const taken = (['cancel', 'get', 'list', 'machines'] as const).map((route) => takeMany(quota, 5, route).slots);
      await soon();
      expect(taken.map(({ length }) => length)).toEqual([2, 1, 2, 2]);
    });
  });

  describe('the windows', () => {
    it('the windows are cut to a share of each cap, but to no less than one call', async () => {
      const windows = [
        { calls: 5, perMs: 1000 },
        { calls: 1, perMs: 10 },
      ];
      const quota = await quotaOf({ windows, share: 0.5 });
      expect(quota.left().map(({ calls }) => calls)).toEqual([2, 1]);
    });

    it('the windows are shown in the order in which they were given', async () => {
      const quota = await quotaOf({ windows: [hour, second, minute] });
      expect(quota.left().map(({ perMs }) => perMs)).toEqual([hour.perMs, second.perMs, minute.perMs]);
    });

    it('the windows let 1500 calls through in 14 minutes and what their bursts take themselves', async () => {
      const quota = await quotaOf({ windows: DOCUMENTED_WINDOWS });
      const beganMs = clock.monotonicMs();
      let begun = 0;
      let lastSentMs = 0;
      let idle = 0;
      const work = async () => {
        while (begun < 1500) {
          begun += 1;
          const slot = await quota.take('cancel');
          lastSentMs = clock.monotonicMs();
          await clock.sleep(200);
          slot.settle();
        }
        idle += 1;
      };
      for (let worker = 0; worker < 16; worker += 1) void work();
      await time.runUntil(() => idle === 16);
      const firstBurstMs = Math.ceil(100 / 16) * (200 + lateMs);
      expect(lastSentMs - beganMs).toBeGreaterThan(14 * 60_000);
      expect(lastSentMs - beganMs).toBeLessThan(14 * 60_000 + 15 * (200 + MARGIN_MS + lateMs) + firstBurstMs);
    });
  });

  describe('under any schedule', () => {
    const settings = propertySettings();

    it('a quota under any schedule has no more calls than the cap in any span of any window, whatever the latencies, retries, aborts, timeouts, pauses and syncs, and loses no slot', {
      timeout: 120_000,
    }, async () => {
      const part = fc.float({ min: 0, max: 1, noNaN: true });
      const offsets = fc.tuple(fc.nat(240_000), fc.array(part, { minLength: 1 }));
      const schedule = fc.asyncProperty(
        smallWindows,
        sessionTasks,
        fc.boolean(),
        offsets,
        async (windows, work, gated, [offsetMs, parts]) => {
          beginAgain();
          await using one = await make({ windows, clock });
          const { quota } = one;
          const world: World = { counted: [], ledger: [] };
          const session = startSession(work, { quota, world, ...(gated && { gate: makeGate({ clock }) }) });
          await time.runUntil(() => session.done() === work.length);
          expect(overQuota(world.counted, windows)).toBe(0);
          for (const { calls, perMs } of windows) {
            const partOf = (index: number) => parts[index % parts.length] ?? 0;
            expect(mostInFixedWindows(world.counted, perMs, offsetMs, partOf)).toBeLessThanOrEqual(calls);
          }
          await time.pass(500_000);
          expect(leftOf(quota)).toEqual(windows.map(({ calls }) => calls));
        },
      );
      await fc.assert(schedule, { numRuns: runs, ...settings });
    });

    it('a quota under any schedule does not overspend when a session is killed at any moment and started again with its past', {
      timeout: 120_000,
    }, async () => {
      const restarts = fc.asyncProperty(smallWindows, killedSessions, async (windows, sessions) => {
        beginAgain();
        const world: World = { counted: [], ledger: [] };
        for (const { work, afterMs, downMs, wallOffsetMs } of sessions) {
          const wallMs = Date.now() + wallOffsetMs;
          const defenderMs = Math.abs(wallOffsetMs) > 2000 ? Date.now() : wallMs;
          const past = agedCalls(world.ledger, { wallMs, defenderMs, fileMs: undefined });
          await using one = await make({ windows, past, clock });
          const session = startSession(work, { quota: one.quota, world, wallOffsetMs });
          await time.pass(afterMs);
          session.kill();
          await time.pass(downMs);
        }
        expect(overQuota(world.counted, windows)).toBe(0);
      });
      await fc.assert(restarts, { numRuns: Math.ceil(runs / 3), ...settings });
    });
  });

  /** Takes slots and notes when each was given, in ms from now. */
  function takeMany(quota: Quota, count: number, route: Parameters<Quota['take']>[0] = 'cancel') {
    const beganMs = clock.monotonicMs();
    const slots: Slot[] = [];
    const atMs: number[] = [];
    for (let n = 0; n < count; n += 1) {
      void quota.take(route).then((slot) => {
        slots.push(slot);
        atMs.push(clock.monotonicMs() - beganMs);
      });
    }
    return { slots, atMs };
  }
}

/** Not before it is due, and soon after. */
function expectBetween(atMs: number, dueMs: number, lateMs: number): void {
  expect(atMs).toBeGreaterThanOrEqual(dueMs);
  expect(atMs).toBeLessThan(dueMs + lateMs);
}
