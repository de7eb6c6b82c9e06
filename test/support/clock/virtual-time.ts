import FakeTimers from '@sinonjs/fake-timers';
import { turn } from './manual-clock.ts';

/**
 * Virtual time under everything that reads the global timers: our clock and the real Bottleneck alike. Promises and
 * `setImmediate` stay real, so that between two timers all that can happen at one moment has happened.
 */
export interface VirtualTime extends Disposable {
  /** Fires timers in their order until the condition holds; throws when none is left that could make it hold. */
  runUntil(condition: () => boolean): Promise<void>;
  /** Lets this much time pass. */
  pass(ms: number): Promise<void>;
}

export interface VirtualTimeOptions {
  /** Resolves when all has happened that can happen without time passing. @default a turn of the event loop */
  settled?: () => Promise<void>;
}

export function virtualTime({ settled: settle = turn }: VirtualTimeOptions = {}): VirtualTime {
  const clock = FakeTimers.install({
    now: Date.UTC(2026, 0, 5, 12),
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
  });
  const runUntil = async (condition: () => boolean) => {
    await settle();
    while (!condition()) {
      const before = Date.now();
      clock.next();
      await settle();
      if (Date.now() === before && clock.countTimers() === 0 && !condition()) {
        throw new Error('nothing is left that could happen, and the condition does not hold');
      }
    }
  };
  return {
    runUntil,
    pass: async (ms) => {
      let passed = false;
      setTimeout(() => {
        passed = true;
      }, ms);
      await runUntil(() => passed);
    },
    [Symbol.dispose]: () => clock.uninstall(),
  };
}
