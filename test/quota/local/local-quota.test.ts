import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { byOurClock } from '../../../src/ledger/call-age.ts';
import { MARGIN_MS } from '../../../src/quota/call-times.ts';
import { makeQuota } from '../../../src/quota/local/local-quota.ts';
import { agedCalls } from '../../../src/quota/past-calls.ts';
import { DOCUMENTED_WINDOWS, type Quota, type Slot } from '../../../src/quota/quota.ts';
import { type VirtualTime, virtualTime } from '../virtual-time.ts';

let time: VirtualTime;
beforeEach(() => {
  time = virtualTime();
});
afterEach(() => {
  time[Symbol.dispose]();
});

const clock = systemClock;
const minute = { calls: 2, perMs: 60_000 };
const hour = { calls: 3, perMs: 3_600_000 };

/** Takes slots and notes when each was given, in ms from now. */
function takeMany(quota: Quota, count: number, route: 'cancel' | 'get' | 'list' = 'cancel') {
  const beganMs = clock.monotonicMs();
  const slots: Slot[] = [];
  const atMs: number[] = [];
  for (let i = 0; i < count; i += 1) {
    void quota.take(route).then((slot) => {
      slots.push(slot);
      atMs.push(clock.monotonicMs() - beganMs);
    });
  }
  return { slots, atMs };
}

/** Lets what needs no more than a few timer ticks happen. */
const soon = () => time.pass(15);

describe('a slot', () => {
  it('is given as long as every window has one, first come first served', async () => {
    const quota = makeQuota({ windows: [minute, hour], clock });
    const { slots } = takeMany(quota, 5);
    await soon();
    expect(slots).toHaveLength(2);
  });

  it('is free again a window and the margin after its answer, in each window by its own length', async () => {
    const quota = makeQuota({ windows: [minute, hour], clock });
    const { slots, atMs } = takeMany(quota, 5);
    await soon();
    const settledMs = clock.monotonicMs();
    for (const slot of slots.splice(0)) slot.settle();
    expect(quota.left()).toEqual([
      { ...minute, left: 0, freeAtMs: [settledMs + 60_000 + MARGIN_MS, settledMs + 60_000 + MARGIN_MS] },
      { ...hour, left: 1, freeAtMs: [settledMs + 3_600_000 + MARGIN_MS, settledMs + 3_600_000 + MARGIN_MS] },
    ]);
    await time.runUntil(() => atMs.length === 3);
    expect(clock.monotonicMs() - settledMs).toBeGreaterThanOrEqual(60_000 + MARGIN_MS);
    expect(clock.monotonicMs() - settledMs).toBeLessThan(60_000 + MARGIN_MS + 20);
    slots[0]?.settle();
    await time.runUntil(() => atMs.length === 5);
    expect(clock.monotonicMs() - settledMs).toBeGreaterThanOrEqual(3_600_000 + MARGIN_MS);
    expect(clock.monotonicMs() - settledMs).toBeLessThan(3_600_000 + MARGIN_MS + 20);
  });

  it('without an answer is held from a minute after its send', async () => {
    const quota = makeQuota({ windows: [{ calls: 1, perMs: 1000 }], clock });
    const { slots, atMs } = takeMany(quota, 2);
    await soon();
    const sentMs = clock.monotonicMs();
    await time.pass(30_000);
    slots[0]?.settleUnanswered(sentMs);
    expect(quota.left()[0]?.freeAtMs).toEqual([sentMs + 61_000 + MARGIN_MS]);
    await time.runUntil(() => atMs.length === 2);
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(sentMs + 61_000 + MARGIN_MS);
  });

  it('that was released is free at once, in every window', async () => {
    const quota = makeQuota({ windows: [minute, hour], clock });
    const { slots } = takeMany(quota, 3);
    await soon();
    slots[0]?.release();
    await soon();
    expect(slots).toHaveLength(3);
  });

  it('keeps to the first word said about it', async () => {
    const quota = makeQuota({ windows: [{ calls: 1, perMs: 1000 }], clock });
    const { slots } = takeMany(quota, 2);
    await soon();
    slots[0]?.settle();
    slots[0]?.release();
    await soon();
    expect(slots).toHaveLength(1);
    expect(quota.left()[0]?.freeAtMs).toHaveLength(1);
  });

  it('is held for a window longer than a timer can be', async () => {
    const perMs = 2 ** 31 + 5000;
    const quota = makeQuota({ windows: [{ calls: 1, perMs }], clock });
    const { slots, atMs } = takeMany(quota, 2);
    await soon();
    slots[0]?.settle();
    await time.runUntil(() => atMs.length === 2);
    expect(atMs[1]).toBeGreaterThanOrEqual(perMs + MARGIN_MS);
  });

  it('waits for its window when the wall clock is put back meanwhile, not for the wall clock', async () => {
    const quota = makeQuota({ windows: [{ calls: 1, perMs: 1000 }], clock });
    const { slots, atMs } = takeMany(quota, 2);
    await soon();
    slots[0]?.settle();
    const realNow = Date.now;
    using _ = { [Symbol.dispose]: vi.spyOn(Date, 'now').mockImplementation(() => realNow() - 3_600_000).mockRestore };
    await time.runUntil(() => atMs.length === 2);
    expect(atMs[1]).toBeLessThan(1100);
  });
});

describe('a slot that nobody waited for when it became free', () => {
  const one = { calls: 1, perMs: 1000 };

  it('goes to one caller, and the next waits until it is free again', async () => {
    const quota = makeQuota({ windows: [one], clock });
    (await quota.take('cancel')).settle();
    await time.pass(5000);
    expect(quota.left()[0]?.left).toBe(1);
    const { slots, atMs } = takeMany(quota, 2);
    await soon();
    expect(slots).toHaveLength(1);
    slots[0]?.settle();
    await time.runUntil(() => atMs.length === 2);
    expect(atMs[1]).toBeGreaterThanOrEqual(1000 + MARGIN_MS);
  });

  it('is one slot, however often it was given back', async () => {
    const quota = makeQuota({ windows: [one], clock });
    const slot = await quota.take('cancel');
    slot.release();
    slot.release();
    const { slots } = takeMany(quota, 2);
    slot.release();
    await soon();
    expect(slots).toHaveLength(1);
  });

  it('does not overtake who came first', async () => {
    const quota = makeQuota({ windows: [one], clock });
    const slot = await quota.take('cancel');
    const order: string[] = [];
    void quota.take('cancel').then(() => order.push('first'));
    slot.release();
    void quota.take('cancel').then(() => order.push('second'));
    await soon();
    expect(order).toEqual(['first']);
  });

  it('is filled by a past call like any other, at once or as soon as it is free', async () => {
    const quota = makeQuota({ windows: [minute], clock });
    const slots = [await quota.take('cancel'), await quota.take('cancel')];
    slots[0]?.release();
    quota.seed([{ route: 'cancel', ageMs: 0 }]);
    quota.seed([{ route: 'cancel', ageMs: 0 }]);
    slots[1]?.release();
    const { atMs } = takeMany(quota, 1);
    await time.runUntil(() => atMs.length === 1);
    expect(atMs[0]).toBeGreaterThanOrEqual(60_000 + MARGIN_MS);
  });
});

describe('a caller that gives up', () => {
  it('is told the reason of its signal, also when that was there before', async () => {
    const quota = makeQuota({ windows: [{ calls: 1, perMs: 1000 }], clock });
    await expect(quota.take('cancel', AbortSignal.abort('too late'))).rejects.toBe('too late');
    const { slots } = takeMany(quota, 1);
    await soon();
    const stop = new AbortController();
    const waiting = quota.take('cancel', stop.signal);
    stop.abort('enough');
    await expect(waiting).rejects.toBe('enough');
    expect(slots).toHaveLength(1);
  });

  it('leaves no slot taken, neither the one it waited for nor those it had', async () => {
    const quota = makeQuota({
      windows: [
        { calls: 1, perMs: 1000 },
        { calls: 2, perMs: 5000 },
      ],
      clock,
    });
    const first = takeMany(quota, 1);
    await soon();
    const stop = new AbortController();
    // It has a permit in the longer window and waits for the shorter one.
    const gaveUp = expect(quota.take('cancel', stop.signal)).rejects.toBe('enough');
    await soon();
    stop.abort('enough');
    await gaveUp;
    first.slots[0]?.settle();
    const second = takeMany(quota, 1);
    await time.runUntil(() => second.slots.length === 1);
    expect(second.atMs[0]).toBeLessThan(1000 + MARGIN_MS + 20);
    second.slots[0]?.release();
    await time.pass(10_000);
    expect(quota.left().map(({ left }) => left)).toEqual([1, 2]);
  });

  it('cannot give up a slot that it has been given', async () => {
    const quota = makeQuota({ windows: [{ calls: 1, perMs: 1000 }], clock });
    const stop = new AbortController();
    let slot: Slot | undefined;
    void quota.take('cancel', stop.signal).then((given) => {
      slot = given;
    });
    await soon();
    stop.abort();
    await soon();
    expect(slot).toBeDefined();
    expect(quota.left()[0]?.left).toBe(0);
  });
});

describe('past calls', () => {
  const pastCalls = (count: number, ageMs: number) => Array.from({ length: count }, () => ({ route: 'cancel', ageMs }));

  it('take each window for what is left of it', () => {
    const quota = makeQuota({ windows: [minute, hour], clock });
    quota.seed([...pastCalls(1, 100_000), ...pastCalls(1, 10_000), ...pastCalls(7, 4_000_000)]);
    const now = clock.monotonicMs();
    expect(quota.left()).toEqual([
      { ...minute, left: 1, freeAtMs: [now + 50_000 + MARGIN_MS] },
      { ...hour, left: 1, freeAtMs: [now + 3_500_000 + MARGIN_MS, now + 3_590_000 + MARGIN_MS] },
    ]);
  });

  it('that are still to count are held from then on', () => {
    const quota = makeQuota({ windows: [minute], clock });
    quota.seed(pastCalls(1, -65_000));
    expect(quota.left()[0]?.freeAtMs).toEqual([clock.monotonicMs() + 125_000 + MARGIN_MS]);
  });

  it('beyond the cap, from a time of another quota, hold back until no more than the cap are left', async () => {
    const quota = makeQuota({ windows: [{ calls: 2, perMs: 60_000 }], clock });
    quota.seed([50_000, 40_000, 30_000, 20_000, 10_000].map((ageMs) => ({ route: 'cancel', ageMs })));
    const { atMs } = takeMany(quota, 2);
    await time.runUntil(() => atMs.length === 2);
    expect(atMs[0]).toBeGreaterThanOrEqual(40_000);
    expect(atMs[0]).toBeLessThan(40_100);
    expect(atMs[1]).toBeGreaterThanOrEqual(50_000);
  });

  it('go before callers that are waiting already', async () => {
    const quota = makeQuota({ windows: [{ calls: 2, perMs: 1000 }], clock });
    const { slots } = takeMany(quota, 3);
    await soon();
    quota.seed(pastCalls(1, 0));
    slots[0]?.release();
    await soon();
    expect(slots).toHaveLength(2);
  });

  it('of a run killed after 90 of 100 calls and resumed 5 s later leave 10 calls, and then the wait for the minute, not one more', async () => {
    const killed = makeQuota({ windows: DOCUMENTED_WINDOWS, clock });
    const before = takeMany(killed, 90);
    await time.runUntil(() => before.slots.length === 90);
    const past = before.slots.map((slot) => {
      slot.settle();
      const atMs = clock.wallMs();
      return { route: 'cancel' as const, intentAtMs: atMs - 50, repliedAtMs: atMs, unanswered: false, skewMs: 0 };
    });
    const lastAnswerMs = clock.monotonicMs();
    await time.pass(5000);

    const resumed = makeQuota({ windows: DOCUMENTED_WINDOWS, clock });
    resumed.seed(agedCalls(past, byOurClock(clock.wallMs())));
    const after = takeMany(resumed, 30);
    await time.runUntil(() => after.slots.length === 11);
    expect(after.atMs[9]).toBeLessThan(1000);
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(lastAnswerMs + 60_000 + MARGIN_MS);
    expect(clock.monotonicMs()).toBeLessThan(lastAnswerMs + 65_000);
  });
});

describe('routes', () => {
  it('share the windows', async () => {
    const quota = makeQuota({ windows: [minute], clock });
    const cancels = takeMany(quota, 1, 'cancel');
    const lists = takeMany(quota, 3, 'list');
    await soon();
    expect(cancels.slots.length + lists.slots.length).toBe(2);
    quota.seed([{ route: 'get', ageMs: 0 }]);
    expect(quota.left()[0]?.freeAtMs).toHaveLength(1);
  });

  it('have windows of their own when told so, past calls too', async () => {
    const quota = makeQuota({ windows: [minute], routes: 'separate', clock });
    quota.seed([{ route: 'get', ageMs: 0 }]);
    expect(quota.left()[0]?.left).toBe(2);
    const taken = (['cancel', 'get', 'list'] as const).map((route) => takeMany(quota, 5, route).slots);
    await soon();
    expect(taken.map(({ length }) => length)).toEqual([2, 1, 2]);
  });
});

it('a share is the floor of each cap, but at least one call', async () => {
  const quota = makeQuota({
    windows: [
      { calls: 5, perMs: 1000 },
      { calls: 1, perMs: 10 },
    ],
    share: 0.5,
    clock,
  });
  expect(quota.left().map(({ calls }) => calls)).toEqual([2, 1]);
  expect(() => makeQuota({ windows: [], share: 0, clock })).toThrow(RangeError);
});

it('1500 calls take 14 minutes and what their bursts take themselves', async () => {
  const quota = makeQuota({ windows: DOCUMENTED_WINDOWS, clock });
  const beganMs = clock.monotonicMs();
  let sent = 0;
  let lastSentMs = 0;
  const work = async () => {
    while (sent < 1500) {
      sent += 1;
      const slot = await quota.take('cancel');
      lastSentMs = clock.monotonicMs();
      await clock.sleep(200);
      slot.settle();
    }
  };
  let idle = 0;
  for (let worker = 0; worker < 16; worker += 1) void work().then(() => (idle += 1));
  await time.runUntil(() => idle === 16);
  const firstBurstMs = Math.ceil(100 / 16) * (200 + 10);
  expect(lastSentMs - beganMs).toBeGreaterThan(14 * 60_000);
  expect(lastSentMs - beganMs).toBeLessThan(14 * 60_000 + 15 * (200 + MARGIN_MS) + firstBurstMs);
});
