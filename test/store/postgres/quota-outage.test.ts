import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { silentLog } from '../../../src/log.ts';
import { MARGIN_MS } from '../../../src/quota/call-times.ts';
import type { Quota, Slot, Window } from '../../../src/quota/quota.ts';
import { openQuota } from '../../../src/store/postgres/quota.ts';
import { overQuota } from '../../quota/checker.ts';
import { propertySettings, sessionTasks } from '../../quota/schedules.ts';
import { type Session, startSession, type Task, type World } from '../../quota/sender.ts';
import { type VirtualTime, virtualTime } from '../../support/clock/virtual-time.ts';
import { startCuttingProxy } from '../../support/cutting-proxy.ts';
import { makeTestDatabase } from '../../support/postgres.ts';
import { startPostgres } from '../../support/postgres-server.ts';
import { processAt } from './harness.ts';
import { type Fate, LiableProcess } from './lying-database.ts';
import { openVirtualDatabase, type VirtualDatabase } from './virtual-database.ts';

/* What a quota does while its database is away, or says nothing. */

const MINUTE: Window = { calls: 4, perMs: 60_000 };
/** As long as a process may send without an answer of the database. */
const PATIENCE_MS = 10_000;
const clock = systemClock;
let senders = 0;
const newSender = () => ({ tenant: `tenant-${++senders}`, client: 'c', api: 'https://api.security.microsoft.com' });
const optionsOf = (windows: readonly Window[]) => ({ windows, share: 1, routes: 'shared' as const });

describe('slots of a database that is away', () => {
  let database: VirtualDatabase;
  let time: VirtualTime;
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
  });

  interface Member {
    quota: Quota & AsyncDisposable;
    process: LiableProcess;
    /** Of the questions for slots, when each was asked. */
    askedAtMs: number[];
  }

  /** `takes` is what becomes of the questions for slots; behind it all are answered. */
  const join = async (
    takes: readonly Fate[],
    { sender = newSender(), windows = [MINUTE], leaseMs }: Joining = {},
  ): Promise<Member> => {
    const process = new LiableProcess();
    const askedAtMs: number[] = [];
    process.fate = (_, text) => {
      if (!text.includes('quota_take')) return TRUE;
      askedAtMs.push(clock.monotonicMs());
      return takes[askedAtMs.length - 1] ?? TRUE;
    };
    const endMs = clock.monotonicMs() + (leaseMs ?? 0);
    const lease = leaseMs === undefined ? undefined : { leftMs: 0 };
    if (lease !== undefined) Object.defineProperty(lease, 'leftMs', { get: () => endMs - clock.monotonicMs() });
    const quota = await openQuota(
      ...[process.database(database.connect()), sender, optionsOf(windows), { log: silentLog }, clock, lease],
    );
    opened.push(quota);
    return { quota, process, askedAtMs };
  };
  interface Joining {
    sender?: ReturnType<typeof newSender>;
    windows?: readonly Window[];
    /** How long the lease on the run still lasts. */
    leaseMs?: number;
  }

  const outcomes = (quota: Quota, count: number) => {
    const given: Slot[] = [];
    const failed: unknown[] = [];
    for (let n = 0; n < count; n++)
      void quota.take('cancel').then(
        (slot) => given.push(slot),
        (error: unknown) => failed.push(error),
      );
    return { given, failed };
  };

  it('slots of a database that is away for a moment are given once it is back, and pauses between questions grow', async () => {
    const { quota, askedAtMs } = await join(times(3, UNHEARD));
    const { given } = outcomes(quota, 3);
    await time.runUntil(() => given.length === 3);
    const [first = 0, ...rest] = askedAtMs;
    expect(rest.map((atMs) => atMs - first)).toEqual([100, 300, 700, 700]);
  });

  it('slots of a database that stays away are refused with what it said, before a lease of the run would end', async () => {
    const { quota, askedAtMs } = await join(times(100, UNHEARD));
    const { failed } = outcomes(quota, 2);
    await time.runUntil(() => failed.length === 2);
    expect(failed[0]).toMatchObject({ exitCode: 6, message: expect.stringContaining('connection reset') });
    const tookMs = clock.monotonicMs() - (askedAtMs[0] ?? 0);
    expect(tookMs).toBeLessThanOrEqual(PATIENCE_MS);
    expect(tookMs).toBeGreaterThan(PATIENCE_MS - 2000);
    // And the next who asks has as long.
    const again = outcomes(quota, 1);
    await time.pass(5000);
    expect(again.failed).toHaveLength(0);
  });

  it('slots of a database that does not answer at all are refused too', async () => {
    const { quota } = await join(times(100, { kind: 'late', ms: 0 }));
    const { failed } = outcomes(quota, 1);
    await time.runUntil(() => failed.length === 1);
    expect(failed[0]).toMatchObject({ exitCode: 6, message: expect.stringContaining('timeout') });
  });

  it('slots of a database that is away are waited for no longer than the lease on the run lasts', async () => {
    const { quota } = await join(times(100, UNHEARD), { leaseMs: 3000 });
    const beganMs = clock.monotonicMs();
    const { failed } = outcomes(quota, 1);
    await time.runUntil(() => failed.length === 1);
    expect(clock.monotonicMs() - beganMs).toBeLessThanOrEqual(3000);
  });

  it('slots of a database that is away are given up at once by whoever waits for no more', async () => {
    const { quota, askedAtMs } = await join(times(100, UNHEARD));
    const stop = new AbortController();
    const reason = new Error('stopped');
    const take = quota.take('cancel', stop.signal).catch((error: unknown) => error);
    await time.pass(1500);
    const abortedAtMs = clock.monotonicMs();
    stop.abort(reason);
    expect(await take).toBe(reason);
    expect(clock.monotonicMs()).toBe(abortedAtMs);
    await time.pass(20_000);
    expect(askedAtMs.filter((atMs) => atMs > abortedAtMs)).toHaveLength(0);
  });

  it('slots that a lost answer has granted count until their bound passes, are used by nobody, and cost one more for each further answer', async () => {
    const sender = newSender();
    const windows = [{ calls: 10, perMs: 60_000 }];
    const { quota } = await join([TRUE, UNANSWERED, UNANSWERED], { sender, windows });
    const other = await join([], { sender, windows });
    const first = outcomes(quota, 1);
    await time.runUntil(() => first.given.length === 1);
    const { given } = outcomes(quota, 3);
    await time.runUntil(() => given.length === 3);
    const lostAtMs = clock.monotonicMs();
    // One that is in hand, 1 + 1 that were lost, and three that were given.
    const others = outcomes(other.quota, 10);
    await time.pass(1);
    expect(others.given).toHaveLength(4);
    for (const slot of [...first.given, ...given, ...others.given]) slot.release();
    await time.runUntil(() => others.given.length === 10);
    expect(clock.monotonicMs() - lostAtMs).toBeLessThan(90_000 + 60_000 + MARGIN_MS + 1000);
  });

  it('slots are settled when the quota is closed while the database is away for a moment', async () => {
    const sender = newSender();
    const one = await join([], { sender });
    const other = await join([], { sender });
    const { given } = outcomes(one.quota, 4);
    await time.runUntil(() => given.length === 4);
    let settles = 0;
    one.process.fate = (_, text) => (text.includes('quota_settle') && ++settles <= 3 ? UNHEARD : TRUE);
    for (const slot of given) slot.release();
    let isClosed = false;
    const closing = one.quota[Symbol.asyncDispose]().then(() => {
      isClosed = true;
    });
    await time.runUntil(() => isClosed);
    await closing;
    expect(settles).toBe(4);
    const others = outcomes(other.quota, 4);
    await time.pass(1);
    expect(others.given).toHaveLength(4);
  });

  it('slots under any schedule are not overspent, given, and free again, whatever becomes of what the database is asked and says', async () => {
    const fate: fc.Arbitrary<Fate> = fc.oneof(
      { weight: 4, arbitrary: fc.constant<Fate>(TRUE) },
      fc.constant<Fate>(UNHEARD),
      fc.constant<Fate>(UNANSWERED),
      fc.record({ kind: fc.constant('slow' as const), ms: fc.integer({ min: 100, max: 6500 }) }),
      fc.record({ kind: fc.constant('late' as const), ms: fc.integer({ min: 0, max: 40_000 }) }),
    );
    // Of shorter windows what others hold is looked for more often, for as long as slots that nobody knows of are held.
    const windowsAny = fc.array(
      fc.record({ calls: fc.integer({ min: 2, max: 6 }), perMs: fc.integer({ min: 20_000, max: 240_000 }) }),
      { minLength: 1, maxLength: 2 },
    );
    const works = fc.array(fc.tuple(sessionTasks, fc.array(fate, { maxLength: 40 })), { minLength: 2, maxLength: 2 });
    const property = fc.asyncProperty(windowsAny, works, async (windows, sessions) => {
      time[Symbol.dispose]();
      begin();
      const sender = newSender();
      const world: World = { counted: [], ledger: [] };
      const members: Member[] = [];
      const begun: { work: readonly Task[]; session: Session }[] = [];
      for (const [work, fates] of sessions) {
        const member = await join([], { sender, windows });
        members.push(member);
        // Never away for as long as is waited for it.
        let wasAway = false;
        member.process.fate = (n, text) => {
          const next = (wasAway ? undefined : fates[n - 1]) ?? TRUE;
          if (text.includes('quota_take')) wasAway = next.kind !== 'true' && next.kind !== 'slow';
          return next;
        };
        begun.push({ work, session: startSession(work, { quota: member.quota, world }) });
      }
      await time.runUntil(() => begun.every(({ work, session }) => session.done() === work.length));
      expect(overQuota(world.counted, windows)).toBe(0);
      await time.pass(500_000);
      for (const { process, quota } of members) {
        process.fate = () => TRUE;
        quota.left();
      }
      await time.pass(10_000);
      for (const { quota } of members)
        expect(quota.left().map(({ left }) => left)).toEqual(windows.map(({ calls }) => calls));
    });
    await fc.assert(property, { numRuns: 15, ...propertySettings() });
  });
});

const TRUE: Fate = { kind: 'true' };
const UNHEARD: Fate = { kind: 'unheard' };
const UNANSWERED: Fate = { kind: 'unanswered' };

function times(count: number, fate: Fate): Fate[] {
  return Array<Fate>(count).fill(fate);
}

it('a server that is started anew, and connections that break, are waited out by whoever asks for slots', async () => {
  await using server = await startPostgres();
  await using made = await makeTestDatabase(server);
  await using proxy = await startCuttingProxy(server);
  await using one = await processAt(made, { url: made.url.replace(`:${server.port}/`, `:${proxy.port}/`) });
  await using ledger = await one.open('a');
  const quota = await one.store.quota(newSender(), optionsOf([{ calls: 10, perMs: 60_000 }]), {
    ledger,
    log: silentLog,
  });
  const rows = async () => (await made.sql('select from countermand.quota_call')).length;
  proxy.cut('quota_take', 'before', 2);
  const first = await quota.take('cancel');
  expect([proxy.cuts, await rows()]).toEqual([2, 1]);
  proxy.cut('quota_take', 'after', 2);
  const second = await quota.take('cancel');
  // Two were granted that nobody knows of.
  expect([proxy.cuts, await rows()]).toEqual([4, 4]);

  await server.crash();
  const third = quota.take('cancel');
  first.release();
  second.release();
  await server.restart();
  (await third).release();
  await ledger[Symbol.asyncDispose]();
  expect(await rows()).toBe(2);
});
