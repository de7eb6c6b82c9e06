import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { silentLog } from '../../../src/log.ts';
import { MARGIN_MS } from '../../../src/quota/call-times.ts';
import { makeGate, type Pause } from '../../../src/quota/gate/gate.ts';
import type { Quota, Slot, Window } from '../../../src/quota/quota.ts';
import { openQuota } from '../../../src/store/postgres/quota.ts';
import { USE_MS } from '../../../src/store/postgres/quota-scope.ts';
import { overQuota } from '../../quota/checker.ts';
import { killedSessions, propertySettings, sessionTasks, smallWindows } from '../../quota/schedules.ts';
import { type Session, startSession, type World } from '../../quota/sender.ts';
import { overAfterWay } from '../../quota/trap-suite.ts';
import { type VirtualTime, virtualTime } from '../../support/clock/virtual-time.ts';
import { openVirtualDatabase, type VirtualDatabase, type VirtualProcess } from './virtual-database.ts';

/* Several processes that send as one sender: what one quota by itself cannot show. */

const minute = { calls: 4, perMs: 60_000 };
const clock = systemClock;

let database: VirtualDatabase;
let time: VirtualTime;
let senders = 0;
const opened: AsyncDisposable[] = [];

beforeAll(async () => {
  database = await openVirtualDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());
const begin = () => {
  time = virtualTime({ settled: () => database.settled() });
};
beforeEach(begin);
afterEach(async () => {
  for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
  time[Symbol.dispose]();
  database.clockAheadMs = 0;
});
const beginAgain = () => {
  time[Symbol.dispose]();
  database.clockAheadMs = 0;
  begin();
};

interface Member {
  quota: Quota;
  process: VirtualProcess;
}

/** Processes join as this sender. */
const newSender = () => ({ tenant: `tenant-${++senders}`, client: 'c', api: 'https://api.security.microsoft.com' });
async function join(sender: ReturnType<typeof newSender>, windows: readonly Window[]): Promise<Member> {
  const process = database.connect();
  const quota = await openQuota(process, sender, { windows, share: 1, routes: 'shared' }, { log: silentLog }, clock);
  opened.push(quota);
  return { quota, process };
}
const taken = async (quota: Quota, count: number): Promise<Slot[]> => {
  const slots: Slot[] = [];
  for (let n = 0; n < count; n += 1) void quota.take('cancel').then((slot) => slots.push(slot));
  await time.pass(1);
  return slots;
};
const leftOf = (quota: Quota) => quota.left().map(({ left }) => left);

describe('a sender', () => {
  it('a sender has one quota, however many processes send as it', async () => {
    const sender = newSender();
    const [one, other] = [await join(sender, [minute]), await join(sender, [minute])];
    expect(await taken(one.quota, 3)).toHaveLength(3);
    expect(await taken(other.quota, 3)).toHaveLength(1);
  });

  it('a sender has one quota, however it is spelt', async () => {
    const sender = newSender();
    const shout = { ...sender, tenant: sender.tenant.toUpperCase(), api: 'https://eu.api.security.microsoft.com' };
    const [one, other] = [await join(sender, [minute]), await join(shout, [minute])];
    expect(await taken(one.quota, 3)).toHaveLength(3);
    expect(await taken(other.quota, 3)).toHaveLength(1);
  });

  it('a sender has nothing to do with another', async () => {
    const [one, other] = [await join(newSender(), [minute]), await join(newSender(), [minute])];
    expect(await taken(one.quota, 4)).toHaveLength(4);
    expect(await taken(other.quota, 4)).toHaveLength(4);
  });
});

describe('what another process does', () => {
  it('what another process gives back is taken within a second', async () => {
    const sender = newSender();
    const [one, other] = [await join(sender, [minute]), await join(sender, [minute])];
    const [slot] = await taken(one.quota, 4);
    const slots = await taken(other.quota, 1);
    expect(slots).toHaveLength(0);
    slot?.release();
    await time.pass(1000);
    expect(slots).toHaveLength(1);
  });

  it('what another process holds shows in what is left within five seconds', async () => {
    const sender = newSender();
    const [one, other] = [await join(sender, [minute]), await join(sender, [minute])];
    expect(leftOf(other.quota)).toEqual([4]);
    for (const slot of await taken(one.quota, 3)) slot.settle();
    await time.pass(5000);
    leftOf(other.quota);
    await time.pass(1);
    expect(leftOf(other.quota)).toEqual([1]);
    expect(other.quota.left()[0]?.freeAtMs).toHaveLength(3);
  });

  it('what another process was doing when it was killed counts 90 s after its last word, and then its window', async () => {
    const sender = newSender();
    const [one, other] = [await join(sender, [minute]), await join(sender, [minute])];
    await taken(one.quota, 4);
    const beganMs = clock.monotonicMs();
    await time.pass(20_000);
    one.process.isCutOff = true;
    const slots = await taken(other.quota, 1);
    await time.runUntil(() => slots.length === 1);
    // It was kept after 15 s for the last time.
    const waitedMs = clock.monotonicMs() - beganMs;
    expect(waitedMs).toBeGreaterThanOrEqual(15_000 + 90_000 + 60_000 + MARGIN_MS - 10);
    expect(waitedMs).toBeLessThan(15_000 + 90_000 + 61_000 + MARGIN_MS);
  });

  it('what another process remembers for longer is not forgotten by one with shorter windows', async () => {
    const sender = newSender();
    const hour = { calls: 2, perMs: 3_600_000 };
    const [one, other] = [await join(sender, [hour]), await join(sender, [minute])];
    for (const slot of await taken(one.quota, 2)) slot.settle();
    await time.pass(300_000);
    expect(await taken(other.quota, 1)).toHaveLength(1);
    expect(await taken(one.quota, 1)).toHaveLength(0);
  });
});

describe('a slot in hand', () => {
  it('a slot in hand stays usable as long as it is kept, and nobody else is given it', async () => {
    const sender = newSender();
    const [one, other] = [await join(sender, [minute]), await join(sender, [minute])];
    const slots = await taken(one.quota, 4);
    const others = await taken(other.quota, 1);
    await time.pass(400_000);
    expect(slots.every((slot) => slot.usable())).toBe(true);
    expect(others).toHaveLength(0);
  });

  it('a slot in hand is not usable half a minute after the database last answered, and lost after a minute and a half', async () => {
    const { quota, process } = await join(newSender(), [minute]);
    const [slot] = await taken(quota, 1);
    process.isCutOff = true;
    await time.pass(USE_MS - 2);
    expect(slot?.usable()).toBe(true);
    await time.pass(2);
    expect(slot?.usable()).toBe(false);
    await time.pass(61_000);
    process.isCutOff = false;
    await time.pass(20_000);
    expect(slot?.usable()).toBe(false);
  });
});

describe('a database out of reach', () => {
  it('a database out of reach fails whoever waits, and the next question is asked anew', async () => {
    const { quota, process } = await join(newSender(), [minute]);
    process.isCutOff = true;
    await expect(quota.take('cancel')).rejects.toThrow('cut off');
    process.isCutOff = false;
    expect(await taken(quota, 1)).toHaveLength(1);
  });

  it('a database out of reach is told later what became of a slot', async () => {
    const { quota, process } = await join(newSender(), [{ calls: 1, perMs: 1000 }]);
    const [slot] = await taken(quota, 1);
    process.isCutOff = true;
    slot?.settle();
    await time.pass(5000);
    process.isCutOff = false;
    await time.pass(1000 + 1000 + MARGIN_MS);
    expect(await taken(quota, 1)).toHaveLength(1);
  });
});

describe('a pause', () => {
  const wide = { calls: 100, perMs: 60_000 };
  const withGate = async (sender: ReturnType<typeof newSender>) => {
    const { quota } = await join(sender, [wide]);
    const pauses: Pause[] = [];
    const gate = makeGate({
      clock,
      onPause: (pause) => {
        pauses.push(pause);
        quota.pauses?.tell(pause.untilMs);
      },
    });
    quota.pauses?.listen(gate.hear);
    return { quota, gate, pauses };
  };

  it('a pause of one process is one of all that send as its sender, and each begins again with a probe', async () => {
    const sender = newSender();
    const [one, other] = [await withGate(sender), await withGate(sender)];
    const stranger = await withGate(newSender());
    const toldMs = clock.monotonicMs();
    (await one.gate.pass()).report({ kind: 'throttled', retryAfterMs: 30_000 });
    await time.pass(1);

    expect(await taken(stranger.quota, 1)).toHaveLength(1);
    const slots = await taken(other.quota, 2);
    expect(other.pauses).toHaveLength(1);
    expect(other.gate.pause?.untilMs).toBeGreaterThanOrEqual(toldMs + 31_000);
    await time.runUntil(() => slots.length === 2);
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(toldMs + 31_000);
    expect(clock.monotonicMs()).toBeLessThan(toldMs + 31_100);
    expect((await other.gate.pass()).probe).toBe(true);
  });

  it('a pause is told once, however often it is heard of', async () => {
    const sender = newSender();
    const members = [await withGate(sender), await withGate(sender), await withGate(sender)];
    const untilMs = clock.monotonicMs() + 31_000;
    (await members[0]?.gate.pass())?.report({ kind: 'throttled', retryAfterMs: 30_000 });
    await time.pass(1);
    const given: Slot[] = [];
    for (const { quota } of members) void quota.take('cancel').then((slot) => given.push(slot));
    await time.runUntil(() => given.length === 3);
    expect(members.map(({ pauses }) => pauses.length)).toEqual([1, 1, 1]);
    expect(clock.monotonicMs()).toBeLessThan(untilMs + 100);
  });

  it('a pause that one process did not hear of holds its next slot back all the same', async () => {
    const sender = newSender();
    const [one, other] = [await join(sender, [wide]), await join(sender, [wide])];
    one.quota.pauses?.tell(clock.monotonicMs() + 5000);
    await time.pass(1);
    const slots = await taken(other.quota, 1);
    await time.pass(4900);
    expect(slots).toHaveLength(0);
    await time.pass(200);
    expect(slots).toHaveLength(1);
  });
});

describe('under any schedule', () => {
  const settings = { numRuns: 8, ...propertySettings() };

  it('processes of one sender under any schedule do not overspend together, and lose no slot', async () => {
    const property = fc.asyncProperty(
      smallWindows,
      fc.array(sessionTasks, { minLength: 2, maxLength: 3 }),
      async (windows, works) => {
        beginAgain();
        const sender = newSender();
        const world: World = { counted: [], ledger: [] };
        const quotas: Quota[] = [];
        const sessions: { work: (typeof works)[number]; session: Session }[] = [];
        for (const work of works) {
          const { quota } = await join(sender, windows);
          quotas.push(quota);
          sessions.push({ work, session: startSession(work, { quota, world }) });
        }
        await time.runUntil(() => sessions.every(({ work, session }) => session.done() === work.length));
        expect(overQuota(world.counted, windows)).toBe(0);
        await time.pass(500_000);
        for (const quota of quotas) quota.left();
        await time.pass(1);
        for (const quota of quotas) expect(leftOf(quota)).toEqual(windows.map(({ calls }) => calls));
      },
    );
    await fc.assert(property, settings);
  });

  it('processes of one sender under any schedule do not overspend when each is killed and the next knows only what the database does', async () => {
    const property = fc.asyncProperty(smallWindows, killedSessions, async (windows, sessions) => {
      beginAgain();
      const sender = newSender();
      const world: World = { counted: [], ledger: [] };
      for (const { work, afterMs, downMs, wallOffsetMs } of sessions) {
        const { quota, process } = await join(sender, windows);
        const session = startSession(work, { quota, world, wallOffsetMs });
        await time.pass(afterMs);
        session.kill();
        process.isCutOff = true;
        await time.pass(downMs);
      }
      expect(overQuota(world.counted, windows)).toBe(0);
    });
    await fc.assert(property, settings);
  });
});

describe('a trap in the SQL', () => {
  const subject = {
    settled: () => database.settled(),
    /** The first calls are made by one process, the others by another, which knows only what the database does. */
    make: async ({ windows }: { windows: readonly Window[] }) => {
      const sender = newSender();
      const [one, other] = [await join(sender, windows), await join(sender, windows)];
      let calls = 0;
      const take: Quota['take'] = (...args) => (++calls <= minute.calls ? one : other).quota.take(...args);
      return { quota: { take, left: () => one.quota.left() }, [Symbol.asyncDispose]: async () => {} };
    },
  };
  beforeEach(() => time[Symbol.dispose]());

  it('a trap in the SQL, calls that are counted from their grant, overspends', async () => {
    await using _ = await database.plant([
      'select p_scope, p_taker, route, v_now + ms(p_lost), true',
      'select p_scope, p_taker, route, v_now, true',
    ]);
    expect(await overAfterWay(subject, 'counted from the grant')).toBeGreaterThan(0);
  });

  it('a trap in the SQL, calls without an answer that are settled as if there had been one, overspends', async () => {
    await using _ = await database.plant(['least(c.counted_at, v_now + ms(u.within))', 'v_now']);
    expect(await overAfterWay(subject, 'settled without an upper bound')).toBeGreaterThan(0);
  });

  describe('that lets two take at once', () => {
    /** Each waits between counting and granting, so that two that may count at once do. */
    const slow = [
      '  if v_free > 0 then\n    update',
      '  perform pg_sleep(0.1);\n  if v_free > 0 then\n    update',
    ] as const;
    const takenByTwo = async () => {
      begin();
      const sender = newSender();
      const members = [await join(sender, [minute]), await join(sender, [minute])];
      const slots: Slot[] = [];
      for (const { quota } of members)
        for (let n = 0; n < 4; n += 1) void quota.take('cancel').then((slot) => slots.push(slot));
      await time.pass(1);
      return slots.length;
    };

    it('a trap in the SQL that lets two take at once overspends', async () => {
      await using _ = await database.plant(
        slow,
        [
          'select * into strict v_scope from quota_scope s where s.scope = p_scope for update;\n  stands_ms',
          'select * into strict v_scope from quota_scope s where s.scope = p_scope;\n  stands_ms',
        ],
        ['    update quota_scope s set last_at = v_now where s.scope = p_scope;\n', ''],
      );
      expect(await takenByTwo()).toBeGreaterThan(4);
    });

    it('a trap in the SQL that lets two take at once is none as long as the row of the sender is locked', async () => {
      await using _ = await database.plant(slow);
      expect(await takenByTwo()).toBe(4);
    });
  });
});
