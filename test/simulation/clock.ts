import { install } from '@sinonjs/fake-timers';
import type { Clock } from '../../src/clock.ts';
import type { SimProcess } from './process.ts';

export const BEGINNING = Date.UTC(2026, 0, 5, 12);
/** Longer than anything that is waited for. */
const NOTHING_LEFT_MS = 5 * 86_400_000;

/**
 * Time under everything that reads the global timers: our parts and Bottleneck alike. Promises stay real. Not the one of `test/support/clock`:
 * a world in which nothing is left to happen is a finding and no error of the test, a wait may have its end, intervals do not exist, and
 * `processClock` below has timers that die and stand still with their process.
 */
export class VirtualTime {
  readonly #timers;
  readonly #setInterval = globalThis.setInterval;

  constructor() {
    this.#timers = install({
      now: BEGINNING,
      toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'],
    });
    // Intervals only keep processes alive and show progress: nothing that a world watches for.
    globalThis.setInterval = (() => ({
      unref: () => undefined,
      ref: () => undefined,
    })) as unknown as typeof setInterval;
  }

  /** True ms since the beginning of the world. */
  now(): number {
    return Date.now() - BEGINNING;
  }

  /** Fires timers in their order until the condition holds. False when none is left that could make it hold, or in `withinMs` it did not. */
  async runUntil(condition: () => boolean, withinMs = Number.POSITIVE_INFINITY): Promise<boolean> {
    await settle();
    const endMs = Date.now() + withinMs;
    while (!condition()) {
      const before = Date.now();
      if (before > endMs) return false;
      this.#timers.next();
      if (Date.now() - before > NOTHING_LEFT_MS) return false;
      await settle();
      if (Date.now() === before && this.#timers.countTimers() === 0 && !condition()) return false;
    }
    return true;
  }

  async pass(ms: number): Promise<void> {
    let passed = false;
    setTimeout(() => {
      passed = true;
    }, ms);
    await this.runUntil(() => passed);
  }

  /** What is still under way must not reach into the next world. */
  async uninstall(): Promise<void> {
    for (let n = 0; n < 3; n++) await settle();
    globalThis.setInterval = this.#setInterval;
    this.#timers.uninstall();
  }
}

/** Until all has happened that can happen without time passing. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The clocks of the machine that a process runs on: its wall clock is off by `offsetMs`, and its timers stop with the process. */
export function processClock(process: SimProcess, offsetMs: () => number): Clock {
  const monotonicMs = () => performance.now() - process.suspendedMs;
  return {
    wallMs: () => Date.now() + offsetMs(),
    monotonicMs,
    sleep: (ms, { signal } = {}) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason);
          return;
        }
        const dueMs = monotonicMs() + ms;
        let timer: ReturnType<typeof setTimeout>;
        const abort = () => {
          clearTimeout(timer);
          reject(signal?.reason);
        };
        const arm = () => {
          timer = setTimeout(
            () => process.deliver(fire),
            Math.max(0, Math.min(2 ** 31 - 1, Math.ceil(dueMs - monotonicMs()))),
          );
        };
        const fire = () => {
          if (signal?.aborted) return;
          if (dueMs > monotonicMs()) {
            arm();
            return;
          }
          signal?.removeEventListener('abort', abort);
          resolve();
        };
        signal?.addEventListener('abort', abort, { once: true });
        arm();
      }),
  };
}
