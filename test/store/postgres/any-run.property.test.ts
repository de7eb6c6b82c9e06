import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { makeDefender } from '../../../src/defender/client.ts';
import { cancelAll } from '../../../src/engine/cancel-all.ts';
import { makeLookups } from '../../../src/engine/lookups.ts';
import { makeStop } from '../../../src/engine/session.ts';
import { CountermandError } from '../../../src/errors.ts';
import { isFinal } from '../../../src/ledger/outcomes.ts';
import { checkLedger, readLedger } from '../../../src/ledger/read-ledger.ts';
import type { LedgerRecord } from '../../../src/ledger/record.ts';
import { silentLog } from '../../../src/log.ts';
import { makeGate } from '../../../src/quota/gate/gate.ts';
import { callerOf, mayCancel } from '../../../src/sandbox/access.ts';
import type { Fault } from '../../../src/sandbox/faults.ts';
import { PostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { ids, job, Tokens } from '../../engine/run.ts';
import { Wire } from '../../engine/wire.ts';
import { propertySettings } from '../../quota/schedules.ts';
import { type VirtualTime, virtualTime } from '../../support/clock/virtual-time.ts';
import { OPEN } from '../folder/harness.ts';
import { type Fate, LiableProcess } from './lying-database.ts';
import { openVirtualDatabase, type VirtualDatabase } from './virtual-database.ts';

/**
 * Whole runs by the engine's own code, its store and quota in a real database whose commits fail, are lost and come late, and whose processes are killed
 * and stand still. Time is virtual, the database's too.
 */

const fate: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 30, arbitrary: fc.constant<Fate>({ kind: 'true' }) },
  { weight: 2, arbitrary: fc.constant<Fate>({ kind: 'unheard' }) },
  { weight: 2, arbitrary: fc.constant<Fate>({ kind: 'unanswered' }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('slow' as const), ms: fc.integer({ min: 100, max: 6500 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('late' as const), ms: fc.integer({ min: 0, max: 40_000 }) }) },
);
const wireFault = fc.oneof(
  { weight: 8, arbitrary: fc.constant(undefined) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Fault>(
      { kind: 'reset' },
      { kind: 'reset', applied: true },
      { kind: 'hang', applied: true },
      { kind: 'too-many', seconds: 5 },
    ),
  },
);
/** The n-th statement that holds this. An append is what a send waits for. */
const moment = {
  of: fc.constantFrom('countermand.', 'ledger_append', 'ledger_append', 'quota_'),
  at: fc.integer({ min: 1, max: 25 }),
};
const session = fc.record({
  /** Of its statements; those behind them are answered truly. */
  fates: fc.oneof(fc.constant([]), fc.array(fate, { maxLength: 80 })),
  /** What the process meets, at this statement of its kind. */
  end: fc.oneof(
    { weight: 1, arbitrary: fc.constant(undefined) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('kill' as const), ...moment }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('freeze' as const),
        ...moment,
        // Longer than a lease, and not always longer than a slot may be used.
        ms: fc.oneof(fc.integer({ min: 17_000, max: 29_000 }), fc.integer({ min: 1000, max: 120_000 })),
      }),
    },
  ),
  wire: fc.array(wireFault, { maxLength: 40 }),
  /** The next is started so long after this one, whatever has become of it, and again until nobody else has the run. */
  patienceMs: fc.integer({ min: 1000, max: 30_000 }),
});
const drawn = fc.record({
  count: fc.integer({ min: 1, max: 25 }),
  sessions: fc.array(session, { minLength: 1, maxLength: 4 }),
  concurrency: fc.integer({ min: 1, max: 6 }),
  calls: fc.integer({ min: 3, max: 30 }),
  perMs: fc.constantFrom(1000, 60_000),
  screen: fc.constantFrom('auto' as const, 'never' as const),
});

type Session = typeof session extends fc.Arbitrary<infer T> ? T : never;

let database: VirtualDatabase;
let time: VirtualTime;
let runs = 0;

beforeAll(async () => {
  database = await openVirtualDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

describe('any run over a database that fails, loses and delays commits', () => {
  it('any run over a database that fails, loses and delays commits is fenced, inside its quota, and loses and doubles nothing', async () => {
    const met = { ended: 0, killed: 0, frozen: 0, refused: 0 };
    const property = fc.asyncProperty(drawn, async ({ count, sessions, ...how }) => {
      using virtual = virtualTime({ settled: () => database.settled() });
      time = virtual;
      const world = makeWorld(count, how);
      for (const each of sessions) {
        while ((await world.play(each)) === 'held') await time.pass(1000);
      }
      await world.end();
      for (const [key, value] of Object.entries(world.met)) met[key as keyof typeof met] += value;
    });
    await fc.assert(property, { numRuns: Number(process.env['COUNTERMAND_TEST_RUNS'] ?? 20), ...propertySettings() });
    // Else the generator has drifted, and this says little.
    for (const [what, times] of Object.entries(met)) expect(times, what).toBeGreaterThan(0);
  });
});

interface How {
  concurrency: number;
  calls: number;
  perMs: number;
  screen: 'auto' | 'never';
}

function makeWorld(count: number, how: How) {
  const name = `run-${++runs}`;
  const sender = { tenant: `tenant-${runs}`, client: OPEN.client, api: 'http://api.test' };
  const windows = [{ calls: how.calls, perMs: how.perMs }];
  const theJob = job({
    concurrency: how.concurrency,
    screen: how.screen,
    quota: { windows, share: 1, routes: 'shared' },
    guards: { maxFailures: { percent: 100 } },
  });
  const wire = new Wire();
  const all = ids(count);
  for (const id of all) wire.store.add({ id, status: 'Pending' });
  /** Who sent the calls of the wire, by their numbers. */
  const senders: number[] = [];
  /** When each session had the run. */
  const heldAtMs = new Map<number, number>();
  const met = { ended: 0, killed: 0, frozen: 0, refused: 0 };
  const reader = new PostgresStore(partsOf(new LiableProcess(), 0));
  let written: Buffer = Buffer.alloc(0);
  let number = 0;

  function partsOf(process: LiableProcess, pid: number) {
    const self = { pid, host: 'host-1' };
    return {
      database: process.database(database.connect()),
      clock: process.clock,
      log: silentLog,
      self,
      uuid: randomUUID,
    };
  }

  /** One process from its start to its end; what it ended with. */
  async function work(process: LiableProcess, pid: number, faults: readonly (Fault | undefined)[]): Promise<void> {
    const { clock } = process;
    const store = new PostgresStore(partsOf(process, pid));
    const held = await store.hold({ name });
    heldAtMs.set(pid, clock.monotonicMs());
    try {
      const ledger = await held.begin({ open: { ...OPEN, ...sender, job: theJob } });
      try {
        if (ledger.state.intake === undefined) {
          ledger.beginIntake();
          for (const [index, id] of all.entries())
            if (!ledger.state.actions.has(id)) await ledger.admit({ id, line: index + 1 });
          await ledger.intake({ admitted: count, rejected: 0, bytes: 1, sha256: 'ab'.repeat(32) });
        }
        if (ledger.state.start === undefined) await ledger.start({ by: 'yes', count });
        const quota = await store.quota(sender, theJob.quota, { ledger, log: silentLog });
        const gate = makeGate({ clock, onPause: ({ untilMs }) => quota.pauses?.tell(untilMs) });
        quota.pauses?.listen(gate.hear);
        const { signal: abandon } = new AbortController();
        setMaxListeners(0, abandon);
        let calls = 0;
        const transport = process.wire((request, signal) => {
          const from = wire.count();
          wire.fault = () => faults[calls++];
          senders[from] = pid;
          return wire.transport(request, signal);
        });
        const parts = {
          transport,
          journal: ledger,
          quota,
          gate,
          tokens: new Tokens(),
          clock,
          random: () => 0.5,
          abandon,
        };
        const defender = makeDefender(parts, sender.api);
        const lookups = makeLookups(defender, true);
        const permits = (token: string) => mayCancel(callerOf(token));
        const engine = { job: theJob, ledger, defender, gate, lookups, stop: makeStop(), clock, random: () => 0.5 };
        await cancelAll({ ...engine, log: silentLog, permits }, { goOn: () => Promise.resolve(true) });
      } finally {
        await ledger[Symbol.asyncDispose]();
      }
    } finally {
      await held[Symbol.asyncDispose]();
    }
    await store[Symbol.asyncDispose]();
  }

  async function bytes(): Promise<Buffer> {
    const parts: Buffer[] = [];
    try {
      for await (const part of reader.read(name)) parts.push(Buffer.from(part));
    } catch (error) {
      if (!(error instanceof CountermandError)) throw error;
    }
    return Buffer.concat(parts);
  }

  /** Starts a process, and waits for its end, or as long as its operator is patient. `held`: by another. */
  async function play({ fates, end, wire: faults, patienceMs }: Session): Promise<'done' | 'held' | 'not done'> {
    const process = new LiableProcess();
    const pid = ++number;
    let seen = 0;
    process.fate = (n, text) => {
      if (end !== undefined && text.includes(end.of) && ++seen === end.at) {
        if (end.kind === 'kill') process.isDead = true;
        else process.standStill(end.ms);
        met[end.kind === 'kill' ? 'killed' : 'frozen']++;
      }
      return fates[n - 1] ?? { kind: 'true' };
    };
    let over = false;
    let trouble: CountermandError | undefined;
    let unexpected: unknown;
    void work(process, pid, faults)
      .then(
        () => met.ended++,
        (error: unknown) => {
          if (error instanceof CountermandError && [6, 11].includes(error.exitCode)) trouble = error;
          else unexpected = error;
          met.refused++;
        },
      )
      .finally(() => {
        over = true;
      });
    const patience = new AbortController();
    let isLate = false;
    const late = systemClock.sleep(patienceMs, { signal: patience.signal }).then(
      () => {
        isLate = true;
      },
      () => {},
    );
    await time.runUntil(() => over || isLate);
    patience.abort();
    await late;
    if (unexpected !== undefined) throw unexpected;
    const now = await bytes();
    expect(now.subarray(0, written.length).equals(written)).toBe(true);
    written = now;
    if (!over) return 'not done';
    if (trouble === undefined) return 'done';
    return heldAtMs.has(pid) || trouble.exitCode !== 11 ? 'not done' : 'held';
  }

  /** Calm sessions until all is done; then what has become of everything is looked at. */
  async function end(): Promise<void> {
    const calm: Session = { fates: [], end: undefined, wire: [], patienceMs: 48 * 3_600_000 };
    let became: string | undefined;
    for (let tries = 0; became !== 'done' && tries < 60; tries++) {
      became = await play(calm);
      if (became !== 'done') await time.pass(10_000);
    }
    expect(became).toBe('done');
    // Whoever stood still goes on, and whatever was late arrives.
    await time.pass(300_000);
    const after = await bytes();
    expect(after.equals(written)).toBe(true);
    expectAll(recordsIn(after));
    const { fault, tornBytes } = await checkLedger(name, reader);
    expect({ fault, tornBytes }).toEqual({ fault: undefined, tornBytes: 0 });
    const { state } = await readLedger(name, reader);
    expect([...state.left()]).toEqual([]);
  }

  function expectAll(records: readonly LedgerRecord[]): void {
    for (const id of all) {
      const cancels = wire.of(id, 'cancel').length;
      const intents = records.filter(
        (each) => each.kind === 'intent' && each.route === 'cancel' && each.id === id,
      ).length;
      const finals = records.flatMap((each) =>
        each.kind === 'outcome' && each.id === id && isFinal(each.outcome) ? [each.outcome] : [],
      );
      expect({ id, effects: wire.effects(id), finals, isRecorded: cancels <= intents }).toEqual({
        id,
        effects: 1,
        finals: ['cancelled'],
        isRecorded: true,
      });
      expect({ id, sentUnseen: sentUnseen(id) }).toEqual({ id, sentUnseen: false });
    }
    expect(busiest()).toBeLessThanOrEqual(how.calls);
    // From the moment that a process has the run, nobody else sends.
    const rivals = wire.calls.filter(({ sentAtMs }, n) =>
      [...heldAtMs].some(([pid, atMs]) => pid > (senders[n] ?? 0) && atMs < sentAtMs),
    );
    expect(rivals).toEqual([]);
  }

  /** Whether a cancel was sent again although the one before may have been carried out, with no look between. */
  function sentUnseen(id: string): boolean {
    let open = false;
    for (const { route, fault } of wire.of(id)) {
      if (route === 'cancel' && open) return true;
      open = route === 'cancel' && fault !== 'too-many';
    }
    return false;
  }

  /** The most calls counted in a window: each is at the same time after it was sent. */
  function busiest(): number {
    const moments = wire.calls.map(({ sentAtMs }) => sentAtMs);
    return Math.max(0, ...moments.map((from) => moments.filter((at) => at >= from && at < from + how.perMs).length));
  }

  return { play, end, met };
}

function recordsIn(bytes: Buffer): LedgerRecord[] {
  return bytes
    .toString()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as LedgerRecord);
}
