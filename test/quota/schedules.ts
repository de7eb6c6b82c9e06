import fc from 'fast-check';
import type { Window } from '../../src/quota/quota.ts';
import type { Fate, Task } from './sender.ts';

/** The seed is set to look elsewhere, and printed with a failure. Making that smaller would else take minutes. */
export function propertySettings() {
  return {
    seed: Number(process.env['COUNTERMAND_TEST_SEED'] ?? 3),
    interruptAfterTimeLimit: 150_000,
    markInterruptAsFailure: true,
  };
}

const latency = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 600 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 30_000 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 30_000) },
);
const sync = fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 0, max: 20 }) }, fc.integer({ min: 0, max: 9000 }));
const fate: fc.Arbitrary<Fate> = fc.record({
  kind: fc.oneof(
    { weight: 6, arbitrary: fc.constant<Fate['kind']>('answer') },
    fc.constantFrom<Fate['kind']>('throttled', 'server-error', 'lost'),
  ),
  afterMs: latency,
  syncMs: sync,
});
const task: fc.Arbitrary<Task> = fc.record({
  startMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 200_000 })),
  fates: fc.array(fate, { minLength: 1, maxLength: 3 }),
  abandonMs: fc.option(fc.integer({ min: 0, max: 100_000 }), { nil: undefined, freq: 6 }),
});

/** What one session has to do. */
export const sessionTasks = fc.array(task, { minLength: 3, maxLength: 14 });

/** Windows that a few calls fill. */
export const smallWindows: fc.Arbitrary<Window[]> = fc.array(
  fc.record({ calls: fc.integer({ min: 1, max: 6 }), perMs: fc.integer({ min: 1, max: 240_000 }) }),
  { minLength: 1, maxLength: 4 },
);

/** Sessions one after the other, each killed `afterMs` into its work; the next begins `downMs` later, its wall clock off by `wallOffsetMs`. */
export const killedSessions = fc.array(
  fc.record({
    work: sessionTasks,
    afterMs: fc.integer({ min: 0, max: 150_000 }),
    downMs: fc.integer({ min: 0, max: 90_000 }),
    wallOffsetMs: fc.oneof(
      fc.constant(0),
      fc.integer({ min: -2000, max: 2000 }),
      fc.integer({ min: -4_000_000, max: 4_000_000 }),
    ),
  }),
  { minLength: 2, maxLength: 4 },
);
