import { randomUUID } from 'node:crypto';
import { systemClock } from '../clock.ts';
import { makeTransport } from '../defender/transport.ts';
import { makeDispatcher } from '../http/dispatcher.ts';
import { credentialSource } from '../identity/credential-source.ts';
import { type SessionSecrets, sessionSecrets } from '../identity/session-secrets.ts';
import { openSource, readStdin, sourceAt } from '../intake/open-source.ts';
import { readJobText } from '../job/job-file.ts';
import type { Logger } from '../log.ts';
import { makeRedact, type Redact } from '../redact.ts';
import type { Context } from '../run/console.ts';
import type { Connection, Interrupts, Machine, Sources } from '../run/machine.ts';
import { fileDisk } from '../store/folder/file-disk.ts';
import { FolderStore } from '../store/folder/folder-store.ts';
import { userAgent } from '../version.ts';
import { makeOutputs } from './files/outputs.ts';
import { processConsole } from './terminal/console.ts';
import { makeLog } from './terminal/log.ts';
import { stderrLine } from './terminal/stderr-line.ts';

export interface MachineParts {
  log: Logger;
  secrets: SessionSecrets;
  redact: Redact;
  interrupts: Interrupts;
}

/** The machine that this process runs on. */
function processMachine({ log, secrets, redact, interrupts }: MachineParts): Machine {
  const { env } = process;
  const cwd = process.cwd();
  return {
    ...{ env, cwd, log, secrets, redact, interrupts, sources },
    clock: systemClock,
    random: Math.random,
    uuid: randomUUID,
    store: new FolderStore({ disk: fileDisk, clock: systemClock, log }),
    outputs: () => makeOutputs({ cwd, secrets }),
    connect: ({ apiUrl }) => connectionTo(apiUrl, env),
  };
}

const sources: Sources = {
  at: sourceAt,
  open: openSource,
  stdin: () => readStdin(),
  job: readJobText,
};

function connectionTo(apiUrl: string, env: Machine['env']): Connection {
  const dispatcher = makeDispatcher({ env });
  return {
    transport: (how = {}) => makeTransport({ dispatcher, apiUrl, userAgent: userAgent(), ...how }),
    credential: (kind, parts) => credentialSource(kind, { ...parts, dispatcher }),
    end: () => dispatcher.end(),
  };
}

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

export async function processContext(logLevel: unknown, guard: Guard, interrupts: Interrupts): Promise<Context> {
  const log = await makeLog(logLevel, process.env);
  return { ...processMachine({ ...guard, log, interrupts }), ...processConsole({ env: process.env, log }) };
}
