import { expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { makeQuota } from '../../../src/quota/local/local-quota.ts';
import { DOCUMENTED_WINDOWS } from '../../../src/quota/quota.ts';
import { virtualTime } from '../../support/clock/virtual-time.ts';
import { type QuotaSubject, quotaSuite } from '../suite.ts';
import { trapSuite } from '../trap-suite.ts';
import { makeLeasingQuota } from './leasing-quota.ts';

const local: QuotaSubject = {
  name: 'the local quota',
  make: (setup) => Promise.resolve({ quota: makeQuota(setup), [Symbol.asyncDispose]: async () => {} }),
  lateMs: 20,
  runs: 1500,
};

quotaSuite(local);
trapSuite(local);

// Two seconds: pauses and slow syncs of the schedules last longer.
quotaSuite({
  name: 'a quota whose slots lapse',
  make: (setup) => Promise.resolve({ ...makeLeasingQuota(setup, 2000), [Symbol.asyncDispose]: async () => {} }),
  lateMs: 20,
  runs: 300,
});

it('a slot waits for its window when the wall clock is put back meanwhile, not for the wall clock', async () => {
  using time = virtualTime();
  const quota = makeQuota({ windows: [{ calls: 1, perMs: 1000 }], clock: systemClock });
  const beganMs = systemClock.monotonicMs();
  let givenMs: number | undefined;
  void quota.take('cancel').then((slot) => slot.settle());
  void quota.take('cancel').then(() => {
    givenMs = systemClock.monotonicMs() - beganMs;
  });
  await time.pass(15);
  const realNow = Date.now;
  using _ = { [Symbol.dispose]: vi.spyOn(Date, 'now').mockImplementation(() => realNow() - 3_600_000).mockRestore };
  await time.runUntil(() => givenMs !== undefined);
  expect(givenMs).toBeLessThan(1100);
});

it('a share of nothing is refused', () => {
  expect(() => makeQuota({ windows: DOCUMENTED_WINDOWS, share: 0, clock: systemClock })).toThrow(RangeError);
});
