import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { silentLog } from '../../../src/log.ts';
import { MARGIN_MS } from '../../../src/quota/call-times.ts';
import type { Quota } from '../../../src/quota/quota.ts';
import { openQuota, quotaLeftIn } from '../../../src/store/postgres/quota.ts';
import { jumpMs, notAfterMs } from '../../../src/store/postgres/quota-clock.ts';
import { QuotaScope } from '../../../src/store/postgres/quota-scope.ts';
import { overQuota } from '../../quota/checker.ts';
import { propertySettings, sessionTasks } from '../../quota/schedules.ts';
import { type Session, startSession, type Task, type World } from '../../quota/sender.ts';
import { type VirtualTime, virtualTime } from '../../support/clock/virtual-time.ts';
import { openVirtualDatabase, type VirtualDatabase } from './virtual-database.ts';

const HOUR = 3_600_000;
const windows = [{ calls: 4, perMs: 60_000 }];
const clock = systemClock;

describe('readings of a clock', () => {
  const before = { shownMs: 1_000_000, askedAtMs: 0, answeredAtMs: 50 };

  it('readings of a clock that runs true show no jump, however long an answer takes', () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.nat(10_000), fc.nat(100_000_000), (firstMs, secondMs, pauseMs) => {
        // Each clock is read at any moment between question and answer.
        const first = { shownMs: firstMs, askedAtMs: 0, answeredAtMs: firstMs };
        const askedAtMs = firstMs + pauseMs;
        const second = { shownMs: askedAtMs + secondMs, askedAtMs, answeredAtMs: askedAtMs + secondMs };
        expect(jumpMs({ ...first, shownMs: 0 }, second)).toBe(undefined);
        expect(jumpMs(first, second)).toBe(undefined);
      }),
    );
  });

  it('readings of a clock that jumped show at least by how much', () => {
    fc.assert(
      fc.property(
        fc.nat(500),
        fc.nat(500),
        fc.nat(500_000),
        fc.integer({ min: 2600, max: HOUR }),
        (firstMs, secondMs, pauseMs, byMs) => {
          const first = { shownMs: firstMs, askedAtMs: 0, answeredAtMs: 500 };
          const askedAtMs = 500 + pauseMs;
          const second = { shownMs: askedAtMs + secondMs + byMs, askedAtMs, answeredAtMs: askedAtMs + 500 };
          expect(jumpMs(first, second)).toBeGreaterThanOrEqual(byMs);
          expect(jumpMs(first, second)).toBeLessThanOrEqual(byMs + 1000);
        },
      ),
    );
  });

  it('readings of a clock are looked into from a second on, or a thousandth of the time', () => {
    expect(notAfterMs(before, 100)).toBeCloseTo(1_001_100, 0);
    expect(notAfterMs(before, HOUR)).toBe(1_000_000 + HOUR + 3600 + 1000);
    expect(jumpMs(before, { shownMs: 1_002_000, askedAtMs: 900, answeredAtMs: 1000 })).toBe(undefined);
    expect(jumpMs(before, { shownMs: 1_002_002, askedAtMs: 900, answeredAtMs: 1000 })).toBe(2002 - 850);
  });
});

describe("the database's clock", () => {
  let database: VirtualDatabase;
  let time: VirtualTime;
  let senders = 0;
  const opened: AsyncDisposable[] = [];

  beforeAll(async () => {
    database = await openVirtualDatabase();
  });
  afterAll(() => database[Symbol.asyncDispose]());
  const begin = () => {
    database.clockAheadMs = 0;
    time = virtualTime({ settled: () => database.settled() });
  };
  beforeEach(begin);
  afterEach(async () => {
    for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
    time[Symbol.dispose]();
  });

  const newSender = () => ({ tenant: `tenant-${++senders}`, client: 'c', api: 'https://api.security.microsoft.com' });
  const options = { windows, share: 1, routes: 'shared' as const };
  const join = async (sender: ReturnType<typeof newSender>, log = silentLog): Promise<Quota> => {
    const quota = await openQuota(database.connect(), sender, options, { log }, clock);
    opened.push(quota);
    return quota;
  };
  const quick = (count: number, startMs = 0): Task[] =>
    Array.from({ length: count }, () => ({
      startMs,
      fates: [{ kind: 'answer', afterMs: 50, syncMs: 2 }],
      abandonMs: undefined,
    }));
  const newWorld = (): World => ({ counted: [], ledger: [] });
  const over = (world: World) => overQuota(world.counted, windows);

  /** Four calls, then the clock is set 10 s later, then four more. Returns what is over, and how long it took. */
  const afterJump = async (aheadMs: number) => {
    const quota = await join(newSender());
    const world = newWorld();
    const beganMs = clock.monotonicMs();
    const first = startSession(quick(4), { quota, world });
    await time.runUntil(() => first.done() === 4);
    await time.pass(10_000);
    database.clockAheadMs = aheadMs;
    const second = startSession(quick(4), { quota, world });
    await time.runUntil(() => second.done() === 4);
    return { over: over(world), tookMs: clock.monotonicMs() - beganMs };
  };

  it.each([2000, 30_000, HOUR, 1000 * HOUR])(
    "the database's clock frees no slot early when it is set ahead by %i ms, nor holds one much longer",
    async (aheadMs) => {
      const { over, tookMs } = await afterJump(aheadMs);
      expect(over).toBe(0);
      expect(tookMs).toBeLessThan(60_000 + 500);
    },
  );

  it("the database's clock overspends when it is set ahead and nobody looks into it", async () => {
    await using _ = await database.plant(['coalesce(now_ms > p_not_after, false)', 'false']);
    expect((await afterJump(HOUR)).over).toBeGreaterThan(0);
  });

  it("the database's clock frees no slot early when it is set back", async () => {
    expect((await afterJump(-30_000)).over).toBe(0);
  });

  /** So many calls, one behind the other in the windows. Returns how long they took. */
  const calls = async (count: number, quota: Quota, world: World) => {
    const beganMs = clock.monotonicMs();
    const session = startSession(quick(count), { quota, world });
    await time.runUntil(() => session.done() === count);
    return clock.monotonicMs() - beganMs;
  };

  it.each([5000, 30_000, HOUR, 1000 * HOUR])(
    "the database's clock that was set ahead by %i ms, which was noticed, holds nobody up for longer than the windows when it is put right",
    async (aheadMs) => {
      const quota = await join(newSender());
      const world = newWorld();
      await calls(4, quota, world);
      database.clockAheadMs = aheadMs;
      await calls(6, quota, world);
      await time.pass(20_000);
      database.clockAheadMs = 0;
      expect(await calls(8, quota, world)).toBeLessThan(2 * 60_000 + 10_000 + 1000);
      // And again.
      database.clockAheadMs = aheadMs;
      await calls(4, quota, world);
      expect(over(world)).toBe(0);
    },
  );

  it("the database's clock wins nothing when it is pushed to and fro by less than is noticed", async () => {
    const quota = await join(newSender());
    const world = newWorld();
    await calls(4, quota, world);
    database.clockAheadMs = HOUR;
    await calls(4, quota, world);
    // Nothing is free: what is asked for is given up at once.
    for (const byMs of [-900, 900, -900, 900]) {
      database.clockAheadMs += byMs;
      const stop = new AbortController();
      const asked = quota.take('cancel', stop.signal).catch(() => 'given up');
      await time.pass(1);
      stop.abort();
      expect(await asked).toBe('given up');
    }
    await calls(4, quota, world);
    expect(over(world)).toBe(0);
  });

  /** Believed by the only process there is, which came after the jump; then the clock is put right. */
  const believed = async () => {
    const sender = newSender();
    database.clockAheadMs = HOUR;
    const said: string[] = [];
    const quota = await join(sender, pino({}, { write: (line) => said.push(line) }));
    const world = newWorld();
    await calls(4, quota, world);
    database.clockAheadMs = 0;
    return { sender, quota, world, said, rightAtMs: clock.monotonicMs() };
  };

  it("the database's clock that was believed and is put right stands until it is there again, which is said once, and shown to who only looks", async () => {
    const { sender, quota, world, said, rightAtMs } = await believed();
    const until = new Date(clock.wallMs() + HOUR).toISOString();
    const session = startSession(quick(4), { quota, world });
    await time.pass(300_000);
    expect(said.filter((line) => line.includes('was set back'))).toHaveLength(1);
    expect(said.join('')).toContain(until.slice(0, 16));
    const [left] = await quotaLeftIn(database.connect(), sender, options, clock);
    expect(left?.left).toBe(0);
    expect((left?.freeAtMs[0] ?? 0) - rightAtMs).toBeGreaterThan(HOUR);
    expect((left?.freeAtMs[0] ?? 0) - rightAtMs).toBeLessThan(HOUR + 61_000);
    expect(await QuotaScope.standsMs(database.connect(), sender)).toBeCloseTo(HOUR - 300_000, -4);
    await time.runUntil(() => session.done() === 4);
    expect(clock.monotonicMs() - rightAtMs).toBeLessThan(HOUR + 61_000);
    expect(over(world)).toBe(0);
  });

  it("the database's clock that was believed and is put right is forgotten as docs/operations.md says", async () => {
    const { sender, world } = await believed();
    await time.pass(60_000 + MARGIN_MS);
    const page = await readFile(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
    const [, sql = ''] =
      /^```sql\n(set role countermand_owner;\n[^`]*countermand\.quota_scope[^`]*)^```$/m.exec(page) ?? [];
    expect(sql).toContain("'TENANT'");
    await database.sql(sql.replaceAll('TENANT', sender.tenant).replaceAll('APPLICATION', sender.client));
    expect(await QuotaScope.standsMs(database.connect(), sender)).toBe(0);
    expect(await calls(4, await join(sender), world)).toBeLessThan(1000);
    expect(over(world)).toBe(0);
  });

  it("the database's clock that was believed by who told of a pause is put right with that pause", async () => {
    const sender = newSender();
    const quota = await join(sender);
    const world = newWorld();
    await calls(1, quota, world);
    database.clockAheadMs = HOUR;
    const newcomer = await join(sender);
    await calls(1, newcomer, world);
    newcomer.pauses?.tell(clock.monotonicMs() + 30_000);
    await time.pass(1);
    const tookMs = await calls(2, quota, world);
    expect(tookMs).toBeGreaterThan(29_000);
    expect(tookMs).toBeLessThan(90_000 + 60_000 + MARGIN_MS + 1000);
  });

  it("the database's clock is set right once, however many processes see the jump", async () => {
    const sender = newSender();
    const quotas = [await join(sender), await join(sender), await join(sender)];
    const world = newWorld();
    const first = quotas.map((quota) => startSession(quick(1), { quota, world }));
    await time.runUntil(() => first.every((session) => session.done() === 1));
    database.clockAheadMs = HOUR;
    const beganMs = clock.monotonicMs();
    const second = quotas.map((quota) => startSession(quick(2), { quota, world }));
    await time.runUntil(() => second.every((session) => session.done() === 2));
    expect(over(world)).toBe(0);
    expect(clock.monotonicMs() - beganMs).toBeLessThan(121_000);
  });

  it("the database's clock is believed by who comes after the jump, and what that one let be forgotten is waited for by the others", async () => {
    const sender = newSender();
    const quota = await join(sender);
    const world = newWorld();
    const first = startSession(quick(4), { quota, world });
    await time.runUntil(() => first.done() === 4);
    await time.pass(10_000);
    database.clockAheadMs = HOUR;
    const newcomer = await join(sender);
    const late = startSession(quick(1), { quota: newcomer, world });
    await time.runUntil(() => late.done() === 1);
    const overBefore = over(world);
    const again = startSession(quick(4), { quota, world });
    const beganMs = clock.monotonicMs();
    await time.runUntil(() => again.done() === 4);
    expect(over(world)).toBe(overBefore);
    expect(clock.monotonicMs() - beganMs).toBeLessThan(90_000 + 60_000 + MARGIN_MS + 1000);
  });

  it("the database's clock under any schedule overspends nothing for processes that were there before, however often it is set", async () => {
    const sets = fc
      .array(
        fc.record({
          afterMs: fc.nat(120_000),
          byMs: fc.oneof(fc.integer({ min: 2500, max: 2 * HOUR }), fc.integer({ min: -HOUR, max: 0 })),
        }),
        { minLength: 1, maxLength: 3 },
      )
      .filter((jumps) => !jumps.some((_, n) => isUnnoticed(jumps.slice(n))));
    const property = fc.asyncProperty(fc.tuple(sessionTasks, sessionTasks), sets, async (works, jumps) => {
      time[Symbol.dispose]();
      begin();
      const sender = newSender();
      const world = newWorld();
      const quotas = [await join(sender), await join(sender)];
      for (const quota of quotas) (await quota.take('cancel')).release();
      const sessions = works.map((work, index): { work: readonly Task[]; session: Session } => {
        const quota = quotas[index];
        if (quota === undefined) throw new Error('a quota for each');
        return { work, session: startSession(work, { quota, world }) };
      });
      for (const { afterMs, byMs } of jumps) {
        await time.pass(afterMs);
        database.clockAheadMs += byMs;
      }
      await time.runUntil(() => sessions.every(({ work, session }) => session.done() === work.length));
      expect(over(world)).toBe(0);
    });
    await fc.assert(property, { numRuns: 10, ...propertySettings() });
  });
});

/** Set back and ahead again, a clock may come out ahead by less than anybody looks into. */
function isUnnoticed(jumps: readonly { byMs: number }[]): boolean {
  let sumMs = 0;
  return jumps.some(({ byMs }) => {
    sumMs += byMs;
    return sumMs > 0 && sumMs < 2500;
  });
}
