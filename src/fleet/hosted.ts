import type { Logger } from '../log.ts';
import type { Console } from '../run/console.ts';

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
