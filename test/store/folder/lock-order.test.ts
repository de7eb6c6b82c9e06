import fc from 'fast-check';
import { expect, test } from 'vitest';
import { silentLog } from '../../../src/log.ts';
import { acquireLock } from '../../../src/store/folder/lock.ts';
import { ManualClock } from '../../support/clock/manual-clock.ts';
import { machine } from './harness.ts';
import { MemoryDisk } from './memory-disk.ts';

/** Lets so many microtasks pass. */
async function pass(microtasks: number): Promise<void> {
  for (let n = 0; n < microtasks; n++) await undefined;
}

test('nobody who asks whether the lock is held overtakes who asked before, whether a look is awaited, under way or just over', async () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 2, maxLength: 40 });
  const slowness = fc.integer({ min: 0, max: 12 });
  await fc.assert(
    fc.asyncProperty(
      gaps,
      slowness,
      fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 40 }),
      async (gaps, slow, msBetween) => {
        const clock = new ManualClock();
        const disk = new MemoryDisk(() => clock.wallMs());
        const { readText } = MemoryDisk.prototype;
        disk.readText = async (path) => {
          await pass(slow);
          return readText.call(disk, path);
        };
        const what = 'the ledger a.jsonl';
        const parts = { path: '/a.lock', disk, clock, log: silentLog, ledger: '/a.jsonl', what };
        const held = await acquireLock({ ...parts, processes: machine(1) });
        const wentOn: number[] = [];
        const callers = [];
        for (const [n, gap] of gaps.entries()) {
          callers.push(held.assertHeld().then(() => wentOn.push(n)));
          await pass(gap);
          clock.stand(msBetween[n] ?? 0);
        }
        await Promise.all(callers);
        expect(wentOn).toEqual([...gaps.keys()]);
        await held[Symbol.asyncDispose]();
      },
    ),
  );
});
