import { type Clock, systemClock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Interrupts } from './interrupts.ts';
import { makeLog } from './make-log.ts';
import { stderrLine } from './stderr-line.ts';

/** What a command takes from the process it runs in. */
export interface CliContext {
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  clock: Clock;
  random: () => number;
  /** Results. */
  out(text: string): void;
  /** Progress, questions and what is said to a person. */
  say(text: string): void;
  log: Logger;
  /** SIGINT, SIGTERM and SIGHUP. */
  interrupts: Interrupts;
}

export async function processContext(logLevel: unknown, interrupts: Interrupts): Promise<CliContext> {
  process.stdout.on('error', resultsLost);
  // What is said on the way is lost with it: that must not end a run in the middle.
  process.stderr.on('error', () => {});
  return {
    env: process.env,
    cwd: process.cwd(),
    clock: systemClock,
    random: Math.random,
    out: (text) => void process.stdout.write(text),
    say: (text) => stderrLine.write(text),
    log: await makeLog(logLevel, process.env),
    interrupts,
  };
}

/**
 * Whoever reads us may have seen enough (`| head`). Anything else (a full disk) is said, and a run that went well does not end as one: run again,
 * it shows its results again.
 */
function resultsLost(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') return;
  process.stderr.write(
    `countermand: the results cannot be written to stdout (${error.message}); the ledger has them\n`,
  );
  process.once('exit', (code) => {
    if (code === 0 || code === 3) process.exitCode = 6;
  });
}
