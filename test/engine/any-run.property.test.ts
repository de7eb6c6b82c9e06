import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ActionBehaviour } from '../../src/sandbox/behaviours.ts';
import type { Fault } from '../../src/sandbox/faults.ts';
import { MemoryDisk } from '../store/folder/memory-disk.ts';
import { useVirtualTime } from './harness.ts';
import { ids, makeRun } from './run.ts';
import { Wire } from './wire.ts';

const time = useVirtualTime();

const fault = fc.oneof(
  { weight: 6, arbitrary: fc.constant(undefined) },
  {
    weight: 4,
    arbitrary: fc.constantFrom<Fault>(
      { kind: 'reset' },
      { kind: 'reset', applied: true },
      { kind: 'hang', applied: true },
      { kind: 'hang' },
      { kind: 'late', afterMs: 20_000 },
      { kind: 'html', status: 200 },
      { kind: 'html', status: 404, applied: true },
      { kind: 'cut-json' },
      { kind: 'wrong-id' },
      { kind: 'status', status: 500 },
      { kind: 'status', status: 503, retryAfter: 3 },
      { kind: 'status', status: 500, applied: true },
      { kind: 'too-many', seconds: 5 },
      { kind: 'too-many', tell: 'nothing' },
      { kind: 'forbidden' },
      { kind: 'unauthorized' },
    ),
  },
);
const behaviour = fc.constantFrom<ActionBehaviour>(
  {},
  {},
  {},
  { onCancel: { kind: 'later', becomes: 'Cancelled', afterMs: 8000 } },
  { onCancel: { kind: 'later', becomes: 'Succeeded', afterLookups: 1 } },
  { onCancel: { kind: 'beaten' } },
  { onCancel: { kind: 'refused', http: 409, code: 'Conflict' } },
  { missingFromList: true },
);
const status = fc.constantFrom('Pending', 'Pending', 'Pending', 'InProgress', 'Succeeded', 'Cancelled', 'unknown');

const drawnRun = fc.record({
  actions: fc.array(fc.record({ status, behaviour }), { minLength: 1, maxLength: 45 }),
  faults: fc.array(fault, { minLength: 1, maxLength: 60 }),
  stops: fc.array(fc.integer({ min: 1, max: 80 }), { maxLength: 3 }),
  concurrency: fc.integer({ min: 1, max: 8 }),
  calls: fc.integer({ min: 1, max: 30 }),
  perMs: fc.constantFrom(1000, 60_000, 400_000),
  screen: fc.constantFrom('auto' as const, 'never' as const),
  first: fc.constantFrom(undefined, 1, 5),
  pageSize: fc.constantFrom(10_000, 10_000, 7),
});

const LOST: ReadonlySet<string | undefined> = new Set(['reset', 'hang', 'late', 'html', 'cut-json', 'wrong-id']);

/** Whether a cancel was sent again after a lost answer without anybody having asked what became of it. */
function sentUnseen(wire: Wire, id: string): boolean {
  let lost = false;
  for (const { route, fault: kind } of wire.of(id)) {
    if (route === 'cancel' && lost) return true;
    lost = route === 'cancel' && LOST.has(kind);
  }
  return false;
}

/** The most calls sent in any span of so many ms. */
function busiest(wire: Wire, perMs: number): number {
  const moments = wire.calls.map(({ sentAtMs }) => sentAtMs);
  return Math.max(0, ...moments.map((from) => moments.filter((at) => at >= from && at < from + perMs).length));
}

describe('any run, with any faults and any stops', () => {
  it('any run, with any faults and any stops, comes to an end with at most one effective cancel an action, inside its quota, and nothing is sent twice unseen', async () => {
    await fc.assert(
      fc.asyncProperty(
        drawnRun,
        async ({ actions, faults, stops, concurrency, calls, perMs, screen, first, pageSize }) => {
          const all = ids(actions.length);
          const wire = new Wire();
          wire.list.pageSize = pageSize;
          for (const [n, action] of actions.entries()) {
            if (action.status !== 'unknown')
              wire.store.add({ id: all[n] ?? '', status: action.status }, action.behaviour);
          }
          const wasOpen = new Set(
            [...wire.store.all()].filter(({ status: s }) => s === 'Pending' || s === 'InProgress').map(({ id }) => id),
          );
          const disk = new MemoryDisk(() => Date.now());
          const windows = [{ calls, perMs }];
          const job = { concurrency, screen, guards: { first, maxFailures: { percent: 100 } } };
          const stopAt = stops.map((n) => n);
          const ends: unknown[] = [];
          for (let session = 1; session <= stops.length + 6; session += 1) {
            const run = await makeRun({ ids: all, wire, disk, windows, job, resume: session > 1 });
            const from = wire.count();
            const at = stopAt.shift();
            wire.fault = (call) => {
              if (at !== undefined && call.n - from === at)
                run.parts.stop.request({ close: 'interrupted', signal: 'SIGINT' });
              // Each session has its share of trouble, and the last ones none. A 403 to a lookup would make it a session that may not read.
              const now = session > stops.length + 3 ? undefined : faults[call.n - from - 1];
              return now?.kind === 'forbidden' && call.route !== 'cancel' ? undefined : now;
            };
            const end = await run.cancel(time());
            ends.push(end);
            expect(run.taken.open).toBe(0);
            expect(wire.inFlight).toBe(0);
            const left = [...run.ledger.state.left()].filter(({ outcome }) => outcome === undefined);
            await run.ledger[Symbol.asyncDispose]();
            if (end === undefined) {
              expect(left).toEqual([]);
              for (const each of all) {
                const outcome = run.outcome(each);
                const effects = wire.effects(each);
                expect(effects).toBeLessThanOrEqual(1);
                if (!wasOpen.has(each)) expect(effects).toBe(0);
                expect(sentUnseen(wire, each)).toBe(false);
                if (outcome === 'cancelled') expect(wire.store.get(each)?.status).toBe('Cancelled');
              }
              expect(busiest(wire, perMs)).toBeLessThanOrEqual(calls);
              break;
            }
            // The quota is remembered by what the command line seeds; here each session waits it out.
            await time().pass(perMs + 61_000);
          }
          expect(ends.at(-1)).toBeUndefined();
        },
      ),
      { numRuns: 150, seed: 5 },
    );
  });
});
