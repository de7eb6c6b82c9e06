import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { hasCode } from '../../fs-errors.ts';
import type { Disk } from './disk.ts';

/** Which process holds a lock, so exactly that a number used again is not taken for the same process. */
export interface ProcessIdentity {
  host: string;
  /** The kernel's boot id, where there is one. */
  boot: string | null;
  /** The pid namespace: PID 1 of two containers on one machine has the same host's boot id, but another namespace. */
  pidNamespace: string | null;
  pid: number;
  /** The process's start, in the kernel's ticks since boot, where known. */
  processStart: string | null;
}

/** What a lock file holds, as JSON. */
export interface Holder extends ProcessIdentity {
  nonce: string;
  /** The ledger that is worked on, for messages. */
  ledger: string;
  /** ISO times by the holder's clock, for messages: whether a lock has run out is judged by the file's own time. */
  since: string;
  renewedAt: string;
}

/** What is asked of the machine about processes; a test answers in its place. */
export interface Processes {
  readonly self: ProcessIdentity;
  exists(pid: number): boolean;
  startOf(pid: number): string | null;
}

export function systemProcesses(): Processes {
  return {
    self: {
      host: hostname(),
      boot: orNull(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
      pidNamespace: orNull(() => readlinkSync('/proc/self/ns/pid')),
      pid: process.pid,
      processStart: startOf(process.pid),
    },
    exists: pidExists,
    startOf,
  };
}

/** A holder read back; undefined for anything else, such as a file that is being written just now. */
export function parseHolder(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text) as Holder | null;
    return typeof value?.nonce === 'string' && typeof value.pid === 'number' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What stands in a lock file; `gone` where there is none. Throws what the disk says otherwise. */
export async function readHolder(
  disk: Disk,
  path: string,
): Promise<{ text: string; holder: Holder | undefined; gone: boolean }> {
  try {
    const text = await disk.readText(path);
    return { text, holder: parseHolder(text), gone: false };
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return { text: '', holder: undefined, gone: true };
    throw error;
  }
}

/** What a holder writes there. */
export function contentOf(holder: Holder): string {
  return `${JSON.stringify(holder)}\n`;
}

/** Only a process of the same host, boot and pid namespace can be asked for; of any other, nothing is known but when it renews its lock. */
export function canBeAsked(holder: Holder, { self }: Pick<Processes, 'self'>): boolean {
  return holder.host === self.host && holder.boot === self.boot && holder.pidNamespace === self.pidNamespace;
}

/** Whether the holder is certainly gone. */
export function isDead(holder: Holder, processes: Processes): boolean {
  if (!canBeAsked(holder, processes)) return false;
  const { exists, startOf } = processes;
  if (!exists(holder.pid)) return true;
  // A start that cannot be read (another user's process, hidden) proves nothing.
  const start = startOf(holder.pid);
  return start !== null && holder.processStart !== null && start !== holder.processStart;
}

/** Names a holder for a message. */
export function describe(holder: Holder | undefined): string {
  if (holder === undefined) return 'another run';
  return `process ${holder.pid} on ${holder.host} (since ${holder.since}, ledger ${holder.ledger})`;
}

function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Field 22 of /proc/<pid>/stat; the name before it, in parentheses, may hold spaces and parentheses itself. */
function startOf(pid: number): string | null {
  return orNull(() => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  });
}

function orNull(read: () => string | undefined): string | null {
  try {
    return read() ?? null;
  } catch {
    return null;
  }
}
