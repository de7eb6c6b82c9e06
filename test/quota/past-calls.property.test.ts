import fc from 'fast-check';
import { expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { byOurClock } from '../../src/ledger/call-age.ts';
import { makeQuota } from '../../src/quota/local/local-quota.ts';
import { agedCalls } from '../../src/quota/past-calls.ts';
import { virtualTime } from '../support/clock/virtual-time.ts';
import { overQuota } from './checker.ts';
import { propertySettings, sessionTasks, smallWindows } from './schedules.ts';
import { startSession, type World } from './sender.ts';

it('a restart without word of our own clock does not overspend on one that stood still, went back or was always wrong', {
  timeout: 60_000,
}, async () => {
  const restart = fc.record({
    afterMs: fc.integer({ min: 0, max: 150_000 }),
    downMs: fc.integer({ min: 0, max: 90_000 }),
    wentBackMs: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 4_000_000 })),
  });
  await fc.assert(
    fc.asyncProperty(
      smallWindows,
      fc.array(fc.tuple(sessionTasks, restart), { minLength: 2, maxLength: 3 }),
      fc.integer({ min: -4_000_000, max: 4_000_000 }),
      async (caps, sessions, alwaysOffMs) => {
        using time = virtualTime();
        const world: World = { counted: [], ledger: [] };
        let wallOffsetMs = alwaysOffMs;
        for (const [work, { afterMs, downMs, wentBackMs }] of sessions) {
          wallOffsetMs -= wentBackMs;
          const past = agedCalls(world.ledger, byOurClock(Date.now() + wallOffsetMs));
          const quota = makeQuota({ windows: caps, past, clock: systemClock });
          const session = startSession(work, { quota, world, wallOffsetMs });
          await time.pass(afterMs);
          session.kill();
          await time.pass(downMs);
        }
        expect(overQuota(world.counted, caps)).toBe(0);
      },
    ),
    { numRuns: 300, ...propertySettings() },
  );
});
