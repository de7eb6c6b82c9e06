import { type Clock, systemClock } from '../clock.ts';
import { type SessionSecrets, sessionSecrets } from '../identity/session-secrets.ts';
import type { Logger } from '../log.ts';
import { makeRedact, type Redact } from '../redact.ts';
import type { Output } from '../styled.ts';
import type { Interrupts } from './terminal/interrupts.ts';
import { makeLog } from './terminal/log.ts';
import { results } from './terminal/results.ts';
import { stderrLine } from './terminal/stderr-line.ts';

/** What a command takes from the process it runs in. */
export interface CliContext {
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  /** What must not leave this session. */
  secrets: SessionSecrets;
  clock: Clock;
  random: () => number;
  /** Results. A string is one line; what has lines or colours of its own is `styled`. */
  out(output: Output): void;
  /** Resolves when the results are written; throws a DiskError where stdout could not take them. For commands that do nothing else. */
  delivered(): Promise<void>;
  /** Progress, questions and what is said to a person; as `out`. */
  say(output: Output): void;
  log: Logger;
  /** Takes the known secrets out of what leaves by another way than `out`, `say` and `log`. */
  redact: Redact;
  /** SIGINT, SIGTERM and SIGHUP. */
  interrupts: Interrupts;
}

/** What is said before there is a context is cleaned of secrets too. */
export function guardOutputs(env: CliContext['env']): Pick<CliContext, 'secrets' | 'redact'> {
  const secrets = sessionSecrets(env);
  const redact = makeRedact(() => secrets.values());
  stderrLine.redact = redact;
  return { secrets, redact };
}

export async function processContext(
  logLevel: unknown,
  guard: Pick<CliContext, 'secrets' | 'redact'>,
  interrupts: Interrupts,
): Promise<CliContext> {
  return {
    ...guard,
    env: process.env,
    cwd: process.cwd(),
    clock: systemClock,
    random: Math.random,
    out: (output) => results.write(output),
    delivered: () => results.delivered(),
    say: (output) => stderrLine.write(output),
    log: await makeLog(logLevel, process.env),
    interrupts,
  };
}
