import { InterruptedError } from '../errors.ts';
import type { StopSignal } from '../exit-codes.ts';
import type { Logger } from '../log.ts';
import type { Console } from '../run/console.ts';
import type { Interrupts } from '../run/machine.ts';

/** Nobody sits at a run that a worker hosts: what it says stands in the log, and its results in its ledger. */
export function hostedConsole(log: Logger): Console {
  return {
    out: () => {},
    delivered: () => Promise.resolve(),
    say: (output) => {
      const text = typeof output === 'string' ? output : output.text;
      for (const line of text.split('\n')) if (line.trim() !== '') log.info(line.trim());
    },
    terminal: { columns: 80, plain: true },
    canAsk: () => false,
    ask: () => Promise.resolve(false),
    progress: () => Promise.resolve({ [Symbol.dispose]: () => {} }),
  };
}

/** What ends one run of several in a process, as signals end a process. */
export interface RunInterrupts extends Interrupts {
  /** As the next signal of a process. */
  interrupt(signal: StopSignal): void;
}

export function makeRunInterrupts(): RunInterrupts {
  const controller = new AbortController();
  const holders = new Set<(signal: StopSignal, nth: number) => void>();
  let first: StopSignal | undefined;
  let count = 0;
  return {
    signal: controller.signal,
    get first() {
      return first;
    },
    hold: (tell) => {
      controller.signal.throwIfAborted();
      holders.add(tell);
      return { [Symbol.dispose]: () => void holders.delete(tell) };
    },
    interrupt: (signal) => {
      count++;
      first ??= signal;
      controller.abort(new InterruptedError(first, 'nothing was sent'));
      for (const tell of [...holders]) tell(signal, count);
    },
  };
}
