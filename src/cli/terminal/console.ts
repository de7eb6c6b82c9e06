import type { Logger } from '../../log.ts';
import type { Console } from '../../run/console.ts';
import type { Machine } from '../../run/machine.ts';
import { showProgress } from './progress.ts';
import { askOnTerminal, hasTerminal } from './question.ts';
import { results } from './results.ts';
import { stderrLine } from './stderr-line.ts';
import { reportTerminal } from './terminal.ts';

/** Whoever sits at this process: results on stdout, everything else on stderr, questions on the terminal itself. */
export function processConsole({ env, log }: { env: Machine['env']; log: Logger }): Console {
  return {
    out: (output) => results.write(output),
    delivered: () => results.delivered(),
    say: (output) => stderrLine.write(output),
    terminal: reportTerminal(process.stdout, env),
    canAsk: hasTerminal,
    // The line that shows how far the work is would draw over the question.
    ask: (question, signal) => stderrLine.aside(() => askOnTerminal(question, signal)),
    progress: (read) => showProgress(read, { env, log }),
  };
}
