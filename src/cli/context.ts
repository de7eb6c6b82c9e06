import { type Clock, systemClock } from '../clock.ts';
import type { Logger } from '../log.ts';
import { makeLog } from './make-log.ts';

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
}

export async function processContext(logLevel: unknown): Promise<CliContext> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreBrokenPipe);
  return {
    env: process.env,
    cwd: process.cwd(),
    clock: systemClock,
    random: Math.random,
    out: (text) => void process.stdout.write(text),
    say: (text) => void process.stderr.write(text),
    log: await makeLog(logLevel, process.env),
  };
}

/** Whoever reads us may have seen enough (`| head`): that must not end a run in the middle. */
function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}
