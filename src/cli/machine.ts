import { randomUUID } from 'node:crypto';
import { systemClock } from '../clock.ts';
import { makeTransport } from '../defender/transport.ts';
import { makeDispatcher } from '../http/dispatcher.ts';
import { credentialSource } from '../identity/open-token-source.ts';
import type { SessionSecrets } from '../identity/session-secrets.ts';
import { openSource, readStdin, sourceAt } from '../intake/open-source.ts';
import { readJobText } from '../job/job-file.ts';
import type { Logger } from '../log.ts';
import type { Redact } from '../redact.ts';
import type { Connection, Interrupts, Machine, Sources } from '../run/machine.ts';
import { fileDisk } from '../store/folder/file-disk.ts';
import { FolderStore } from '../store/folder/folder-store.ts';
import { userAgent } from '../version.ts';
import { makeOutputs } from './files/outputs.ts';

export interface MachineParts {
  log: Logger;
  secrets: SessionSecrets;
  redact: Redact;
  interrupts: Interrupts;
}

/** The machine that this process runs on. */
export function processMachine({ log, secrets, redact, interrupts }: MachineParts): Machine {
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
