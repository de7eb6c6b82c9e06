import { InterruptedError } from '../errors.ts';
import type { StopSignal } from '../exit-codes.ts';
import type { Interrupts } from './machine.ts';

/** Interrupts that somebody else hears of: the signals of a process, or a worker that ends one of its runs. */
export interface HeardInterrupts extends Interrupts {
  /** Whether anybody has to end itself. */
  readonly isHeld: boolean;
  /** As the next signal: tells every holder, and returns how many came so far. */
  interrupt(signal: StopSignal): number;
}

export function makeInterrupts(): HeardInterrupts {
  const controller = new AbortController();
  const holders = new Set<(signal: StopSignal, nth: number) => void>();
  let first: StopSignal | undefined;
  let count = 0;
  return {
    signal: controller.signal,
    get first() {
      return first;
    },
    get isHeld() {
      return holders.size > 0;
    },
    hold: (tell) => {
      controller.signal.throwIfAborted();
      holders.add(tell);
      return { [Symbol.dispose]: () => void holders.delete(tell) };
    },
    interrupt: (signal) => {
      count++;
      first ??= signal;
      controller.abort(new InterruptedError(first));
      for (const tell of [...holders]) tell(signal, count);
      return count;
    },
  };
}
