import { type SessionSecrets, sessionSecrets } from '../identity/session-secrets.ts';
import { makeRedact, type Redact } from '../redact.ts';
import type { Context } from '../run/console.ts';
import type { Interrupts } from '../run/interrupts.ts';
import { processMachine } from './machine.ts';
import { processConsole } from './terminal/console.ts';
import { makeLog } from './terminal/log.ts';
import { stderrLine } from './terminal/stderr-line.ts';

/** What keeps secrets from leaving. */
export interface Guard {
  secrets: SessionSecrets;
  redact: Redact;
}

/** What is said before there is a context is cleaned of secrets too. */
export function guardOutputs(env: Context['env']): Guard {
  const secrets = sessionSecrets(env);
  const redact = makeRedact(() => secrets.values());
  stderrLine.redact = redact;
  return { secrets, redact };
}

export async function processContext(
  { logLevel, storeUrl }: { logLevel: unknown; storeUrl: string | undefined },
  guard: Guard,
  interrupts: Interrupts,
): Promise<Context> {
  const log = await makeLog(logLevel, process.env);
  const machine = await processMachine({ ...guard, log, interrupts, storeUrl });
  return { ...machine, ...processConsole({ env: process.env, log }) };
}
