// What 1500 held slots cost, in real time and in a process of its own (run by quota.mjs, with --expose-gc). It ends by
// itself although the slots are still held, and says at its exit how long that took.
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../build/clock.js';
import { makeQuota } from '../../build/quota/local/local-quota.js';
import { DOCUMENTED_WINDOWS } from '../../build/quota/quota.js';

/** What is measured, in the order of the table, and how much it may be. */
export const heldCost = [
  { key: 'fillMs', says: 'ms to fill in 1500 earlier calls, until the next call has its slot', most: 1000 },
  { key: 'heldMB', says: 'MB of heap that 1500 held slots take', most: 20 },
  { key: 'idleCpuMs', says: 'ms of CPU that they take in 3 s', most: 30 },
  { key: 'exitMs', says: 'ms from the last work to the exit of the process, slots still held', most: 200 },
];

async function measure() {
  const heapMB = () => {
    globalThis.gc();
    return process.memoryUsage().heapUsed / 1e6;
  };
  const beforeMB = heapMB();

  // An hour's calls but one, the last minute's among them.
  const past = Array.from({ length: 1499 }, (_, n) => ({ route: 'cancel', ageMs: Math.floor(n / 99) * 61_000 + 100 }));
  const beganMs = performance.now();
  const quota = makeQuota({ windows: DOCUMENTED_WINDOWS, past, clock: systemClock });
  const slot = await quota.take('cancel');
  const fillMs = performance.now() - beganMs;
  slot.settle();

  await systemClock.sleep(500);
  const heldMB = heapMB() - beforeMB;
  const cpu = process.cpuUsage();
  await systemClock.sleep(3000);
  const { user, system } = process.cpuUsage(cpu);
  if (quota.left().some(({ left }) => left > 0)) throw new Error('not all slots are held');

  const lastWorkMs = performance.now();
  process.once('exit', () => {
    const exitMs = performance.now() - lastWorkMs;
    process.stdout.write(JSON.stringify({ fillMs, heldMB, idleCpuMs: (user + system) / 1000, exitMs }));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await measure();
