import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { byOurClock } from '../../../src/ledger/call-age.ts';
import type { Gate } from '../../../src/quota/gate/gate.ts';
import { makeQuota } from '../../../src/quota/local/local-quota.ts';
import { agedCalls } from '../../../src/quota/past-calls.ts';
import type { AgedCall, Quota } from '../../../src/quota/quota.ts';
import { virtualTime } from '../../support/clock/virtual-time.ts';
import { overQuota } from '../checker.ts';
import { type Fate, type SessionOptions, startSession, type Task, type World } from '../sender.ts';
import { makeLeasingQuota } from './leasing-quota.ts';
import { earlyClock, makeTrapQuota } from './trap-quotas.ts';

/*
 * Each trap is stepped into on purpose, and the checker must notice. Beside it the real quota goes the same way, so
 * that the way itself is known to be passable.
 */
const minute = { calls: 4, perMs: 60_000 };
const hour = { calls: 10, perMs: 3_600_000 };
const windows = [minute, hour];

const answer = (afterMs: number, syncMs = 2): Fate => ({ kind: 'answer', afterMs, syncMs });
const tasks = (count: number, ...fates: Fate[]): Task[] =>
  Array.from({ length: count }, () => ({ startMs: 0, fates, abandonMs: undefined }));
const world = (): World => ({ counted: [], ledger: [] });
const real = (clock = systemClock) => makeQuota({ windows, clock });

/** Calls over quota once all tasks are done. */
async function overAfter(
  work: readonly Task[],
  quota: () => Quota,
  trap: Partial<SessionOptions> = {},
): Promise<number> {
  using time = virtualTime();
  const seen = world();
  const session = startSession(work, { quota: quota(), world: seen, ...trap });
  await time.runUntil(() => session.done() === work.length);
  return overQuota(seen.counted, windows);
}

interface Restart {
  work: readonly Task[];
  killedAfterMs: number;
  downMs: number;
  pastCalls: (past: World['ledger']) => AgedCall[];
  trap?: Partial<SessionOptions>;
}

/** Calls over quota of a session that is killed, and of another that takes up what the ledger says. */
async function overAfterRestart({ work, killedAfterMs, downMs, pastCalls, trap = {} }: Restart): Promise<number> {
  using time = virtualTime();
  const seen = world();
  const killed = startSession(work, { quota: real(), world: seen, ...trap });
  await time.pass(killedAfterMs);
  killed.kill();
  await time.pass(downMs);
  const quota = makeQuota({ windows, past: pastCalls(seen.ledger), clock: systemClock });
  const resumed = startSession(tasks(4, answer(50)), { quota, world: seen });
  await time.runUntil(() => resumed.done() === 4);
  return overQuota(seen.counted, windows);
}

const remembered = (past: World['ledger']) => agedCalls(past, byOurClock(Date.now()));

describe('limiters that are chained instead of nested', () => {
  const work = tasks(25, answer(100));
  it('limiters that are chained instead of nested overspend the hour, because its permits are freed with those of the minute', async () => {
    expect(
      await overAfter(work, () => makeTrapQuota({ minute, hour, clock: systemClock, chained: true })),
    ).toBeGreaterThan(0);
  });
  it('limiters that are chained are told from nested ones by nothing else', async () => {
    expect(await overAfter(work, () => makeTrapQuota({ minute, hour, clock: systemClock }))).toBe(0);
    expect(await overAfter(work, real)).toBe(0);
  });
});

describe('a retry', () => {
  const work = tasks(8, { kind: 'server-error', afterMs: 40, syncMs: 2 }, answer(40));
  it('a retry overspends when it goes out on the slot of the call before', async () => {
    expect(await overAfter(work, real, { retriesOnOneSlot: true })).toBeGreaterThan(0);
  });
  it('a retry does not overspend with a slot of its own', async () => {
    expect(await overAfter(work, real)).toBe(0);
  });
});

describe('a slot', () => {
  const work = [...tasks(4, answer(20_000)), ...tasks(4, answer(10))];
  it('a slot overspends when its window begins at the send, because the service may count as late as the answer', async () => {
    expect(await overAfter(work, real, { settlesAtSend: true })).toBeGreaterThan(0);
  });
  it('a slot does not overspend when its window begins at the answer', async () => {
    expect(await overAfter(work, real)).toBe(0);
  });
});

describe('a slot that lapsed at a closed gate', () => {
  /** Holds the first four calls for 200 s, long after their slots were given to others. */
  const closedGate = (): Gate => {
    let passed = 0;
    return {
      pass: async () => {
        passed += 1;
        if (passed <= 4) await systemClock.sleep(200_000);
        return { probe: false, stillOpen: () => true, report: () => ({ costsAttempt: true }), cancel: () => {} };
      },
      pause: undefined,
      closedAtMs: undefined,
      lastSuccessMs: 0,
    };
  };
  const late = tasks(4, answer(50)).map((task) => ({ ...task, startMs: 195_000 }));
  const work = [...tasks(4, answer(50)), ...late];
  const leased = () => makeLeasingQuota({ windows, clock: systemClock }, 2000).quota;
  it('a slot that lapsed at a closed gate overspends when it is sent on all the same', async () => {
    expect(await overAfter(work, leased, { gate: closedGate(), ignoresLapse: true })).toBeGreaterThan(0);
  });
  it('a slot that lapsed at a closed gate does not overspend when it is asked whether it is still usable', async () => {
    expect(await overAfter(work, leased, { gate: closedGate() })).toBe(0);
  });
});

describe('a timer that fires a millisecond early', () => {
  const work = tasks(8, answer(0, 0));
  it('a timer that fires a millisecond early makes a slot without a margin overspend', async () => {
    expect(
      await overAfter(work, () => makeTrapQuota({ minute, hour, clock: earlyClock(), withoutMargin: true })),
    ).toBeGreaterThan(0);
  });
  it('a timer that fires a millisecond early does no harm to one with the margin', async () => {
    expect(await overAfter(work, () => makeTrapQuota({ minute, hour, clock: earlyClock() }))).toBe(0);
    expect(await overAfter(work, () => real(earlyClock()))).toBe(0);
  });
});

describe('an intent older than its send', () => {
  // Killed 21 s after the intents, 1 s after the sends: the service may count until 80 s after the intents.
  const slow = { work: tasks(4, answer(30_000, 20_000)), killedAfterMs: 21_000, downMs: 0 };
  it('an intent older than its send makes a restart overspend when it was sent all the same', async () => {
    const downMs = 105_500;
    expect(
      await overAfterRestart({ ...slow, downMs, pastCalls: remembered, trap: { ignoresSlowSync: true } }),
    ).toBeGreaterThan(0);
  });
  it('an intent older than its send does not overspend when a call whose sync took five seconds starts over', async () => {
    expect(await overAfterRestart({ ...slow, downMs: 105_500, pastCalls: remembered })).toBe(0);
  });

  const inFlight = { work: tasks(4, answer(30_000)), killedAfterMs: 1000, downMs: 61_000 };
  it('an intent older than its send makes a restart overspend when the call is taken to have counted at its intent', async () => {
    const atIntent = (past: World['ledger']): AgedCall[] =>
      past.map(({ route, intentAtMs }) => ({ route, ageMs: Date.now() - intentAtMs }));
    expect(await overAfterRestart({ ...inFlight, pastCalls: atIntent })).toBeGreaterThan(0);
  });
  it('an intent older than its send does not overspend when it counts at its latest possible moment', async () => {
    expect(await overAfterRestart({ ...inFlight, pastCalls: remembered })).toBe(0);
  });
});

describe('a restart', () => {
  const killed = { work: tasks(3, answer(50)), killedAfterMs: 1000, downMs: 5000 };
  it('a restart overspends when it forgets the calls before it', async () => {
    expect(await overAfterRestart({ ...killed, pastCalls: () => [] })).toBeGreaterThan(0);
  });
  it('a restart does not overspend when it remembers the calls before it', async () => {
    expect(await overAfterRestart({ ...killed, pastCalls: remembered })).toBe(0);
  });
});
