import { describe, expect, it } from 'vitest';
import { DiskError, LockedError } from '../../src/errors.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { Fault } from '../../src/sandbox/faults.ts';
import { MemoryDisk } from '../store/folder/memory-disk.ts';
import { useVirtualTime, wireWith } from './harness.ts';
import { ids, makeRun, type Run } from './run.ts';
import type { Wire, WireCall } from './wire.ts';

const time = useVirtualTime();

const ALL = ids(40);
const JOB = { concurrency: 6, guards: { maxFailures: { percent: 100 } } } as const;

/** Some of everything: final ones, cancels that show late, lost answers, 5xx, 429, 400 and 403. */
function troubledWire(): Wire {
  const wire = wireWith(ALL.slice(0, 38), (n) => (n % 7 === 3 ? 'Succeeded' : 'Pending'));
  for (const [n, each] of ALL.slice(0, 38).entries()) {
    if (n % 5 === 1) wire.store.behave(each, { onCancel: { kind: 'later', becomes: 'Cancelled', afterMs: 7000 } });
    if (n % 11 === 4) wire.store.behave(each, { onCancel: { kind: 'beaten' } });
  }
  const faults: (Fault | undefined)[] = [
    undefined,
    { kind: 'reset', applied: true },
    undefined,
    { kind: 'status', status: 503 },
    undefined,
    { kind: 'reset' },
    undefined,
    { kind: 'too-many', seconds: 2 },
    undefined,
    { kind: 'forbidden' },
    { kind: 'hang', applied: true },
  ];
  wire.fault = ({ route, n }: WireCall, nth) =>
    route === 'cancel' && nth === 1 ? faults[n % faults.length] : undefined;
  return wire;
}

async function expectNothingLeft(run: Run): Promise<void> {
  expect(run.wire.inFlight).toBe(0);
  expect(run.taken.open).toBe(0);
  const calls = run.wire.count();
  await time().pass(600_000);
  expect(run.wire.count()).toBe(calls);
}

/** The ledger, but for the nth call of one method. */
function failingAt(method: keyof Ledger, nth: number, error: Error) {
  let count = 0;
  return (ledger: Ledger): Ledger =>
    new Proxy(ledger, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...given: unknown[]) => {
          if (name === method) count += 1;
          if (name === method && count >= nth) return Promise.reject(error);
          return Reflect.apply(value, target, given);
        };
      },
    });
}

describe('a run with some of everything', () => {
  it('a run with some of everything gives each action its outcome', async () => {
    const run = await makeRun({ ids: ALL, wire: troubledWire(), job: JOB });
    expect(await run.cancel(time())).toBeUndefined();
    expect(run.ledger.state.leftCount).toBe(0);
    expect(ALL.every((each) => run.wire.effects(each) <= 1)).toBe(true);
    await expectNothingLeft(run);
  });
});

describe('a ledger that fails', () => {
  const methods = ['screen', 'intent', 'assertHeld', 'reply', 'outcome'] as const;
  it.each(methods.flatMap((method) => [1, 2, 7, 19].map((nth) => [method, nth] as const)))(
    'a ledger that fails at %s number %i ends the run with that error, with nothing left in flight',
    async (method, nth) => {
      const error = method === 'assertHeld' ? new LockedError('lost the lock') : new DiskError('disk full');
      const run = await makeRun({ ids: ALL, wire: troubledWire(), job: JOB, ledger: failingAt(method, nth, error) });
      const outcome = await run.cancel(time());
      // `screen` is written once a batch.
      if (method === 'screen' && nth > 1) expect(outcome).toBeUndefined();
      else expect(outcome).toBe(error);
      await expectNothingLeft(run);
    },
  );

  it('a ledger that fails sends nothing after an intent could not be written', async () => {
    const run = await makeRun({
      ids: ALL,
      wire: troubledWire(),
      job: { ...JOB, screen: 'never' },
      ledger: failingAt('intent', 1, new DiskError('disk full')),
    });
    expect(await run.cancel(time())).toBeInstanceOf(DiskError);
    expect(run.wire.count()).toBe(0);
  });

  it('a ledger that fails sends nothing when the lock is lost', async () => {
    const run = await makeRun({
      ids: ALL,
      wire: troubledWire(),
      job: JOB,
      ledger: failingAt('assertHeld', 1, new LockedError('lost the lock')),
    });
    expect(await run.cancel(time())).toBeInstanceOf(LockedError);
    expect(run.wire.count()).toBe(0);
  });

  it('a ledger that fails while many outcomes wait for the disk ends the run all the same', async () => {
    const all = ids(300);
    const wire = wireWith(all, (n) => (n < 290 ? 'Succeeded' : 'Pending'));
    const disk = new MemoryDisk(() => Date.now());
    const run = await makeRun({ ids: all, wire, disk, job: JOB });
    wire.fault = ({ n }) => {
      // The screening has been written; what it settles has not.
      if (n === 4) disk.trouble.syncError = 'EIO';
      return undefined;
    };
    expect(await run.cancel(time())).toBeInstanceOf(DiskError);
    await expectNothingLeft(run);
  });
});

describe('a bug', () => {
  const bug = new Error('a bug');
  const raise = () => {
    throw bug;
  };
  const faultOnce = (fault: Fault) => (call: WireCall, nth: number) =>
    call.route === 'cancel' && nth === 1 ? fault : undefined;

  it('a bug in the rule about permissions ends the run with it', async () => {
    const wire = wireWith(ALL);
    wire.fault = faultOnce({ kind: 'forbidden' });
    const run = await makeRun({ ids: ALL, wire, job: JOB, permits: raise });
    expect(await run.cancel(time())).toBe(bug);
    await expectNothingLeft(run);
  });

  it('a bug in what shows the first ones ends the run with it', async () => {
    const run = await makeRun({ ids: ALL, wire: wireWith(ALL), job: { ...JOB, guards: { first: 2 } } });
    expect(await run.cancel(time(), { goOn: () => Promise.reject(bug) })).toBe(bug);
    await expectNothingLeft(run);
  });

  it('a bug between two attempts ends the run with it', async () => {
    const wire = wireWith(ALL);
    wire.fault = faultOnce({ kind: 'reset' });
    const run = await makeRun({ ids: ALL, wire, job: JOB });
    run.parts.random = raise;
    expect(await run.cancel(time())).toBe(bug);
    await expectNothingLeft(run);
  });
});

describe('a stop', () => {
  const moments = [1, 2, 3, 5, 8, 13, 21, 27, 34, 41, 48, 55];
  it.each(moments)(
    'a stop at call %i ends all waits with its reason, and a next session does the rest exactly once',
    async (n) => {
      const disk = new MemoryDisk(() => Date.now());
      const wire = troubledWire();
      const troubled = wire.fault;
      const first = await makeRun({ ids: ALL, wire, disk, job: JOB });
      wire.fault = (call, nth) => {
        if (call.n === n) first.parts.stop.request({ close: 'interrupted', signal: 'SIGTERM' });
        return troubled(call, nth);
      };
      const outcome = await first.cancel(time());
      expect(first.wire.inFlight).toBe(0);
      expect(first.taken.open).toBe(0);
      if (wire.count() >= n && outcome !== undefined) expect(outcome).toBe(first.parts.stop.signal.reason);
      expect(wire.count()).toBeLessThanOrEqual(n + JOB.concurrency);
      await first.ledger[Symbol.asyncDispose]();

      wire.fault = troubled;
      const second = await makeRun({ wire, disk, resume: true, job: JOB });
      expect(await second.cancel(time())).toBeUndefined();
      expect(second.ledger.state.leftCount).toBe(0);
      expect(ALL.every((each) => wire.effects(each) <= 1)).toBe(true);
      await expectNothingLeft(second);
    },
  );

  it('a stop during a pause of an hour ends at once', async () => {
    const wire = wireWith(ALL);
    wire.fault = ({ route }) => (route === 'cancel' ? { kind: 'too-many', seconds: 3600 } : undefined);
    const run = await makeRun({ ids: ALL, wire, job: JOB });
    setTimeout(() => run.parts.stop.request({ close: 'interrupted', signal: 'SIGINT' }), 60_000);
    const began = performance.now();
    expect(await run.cancel(time())).toBe(run.parts.stop.signal.reason);
    expect(performance.now() - began).toBeLessThan(61_000);
    await expectNothingLeft(run);
  });

  it('a stop while every worker waits for a slot ends at once', async () => {
    const run = await makeRun({ ids: ALL, wire: wireWith(ALL), job: JOB, windows: [{ calls: 3, perMs: 3_600_000 }] });
    setTimeout(() => run.parts.stop.request({ close: 'deadline' }), 60_000);
    const began = performance.now();
    expect(await run.cancel(time())).toBe(run.parts.stop.signal.reason);
    expect(performance.now() - began).toBeLessThan(61_000);
    await expectNothingLeft(run);
  });

  it('a stop while accepted actions are confirmed ends at once and leaves them to the next session', async () => {
    const wire = wireWith(ALL);
    for (const each of ALL) wire.store.behave(each, { onCancel: { kind: 'later', becomes: 'Cancelled' } });
    const run = await makeRun({ ids: ALL, wire, job: JOB });
    setTimeout(() => run.parts.stop.request({ close: 'interrupted', signal: 'SIGINT' }), 30_000);
    expect(await run.cancel(time())).toBe(run.parts.stop.signal.reason);
    expect(run.counts()).toEqual({});
    expect(run.ledger.state.leftCount).toBe(40);
    await expectNothingLeft(run);
  });
});
