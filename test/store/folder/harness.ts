import type { Ledger } from '../../../src/ledger/ledger.ts';
import { silentLog } from '../../../src/log.ts';
import type { OpenedLedger } from '../../../src/store/folder/begin.ts';
import { FolderStore } from '../../../src/store/folder/folder-store.ts';
import type { Processes } from '../../../src/store/folder/holder.ts';
import { ManualClock } from '../../support/clock/manual-clock.ts';
import { FROZEN_JOB } from '../../support/frozen-job.ts';
import { type OpenLedgerOptions, openLedger } from '../../support/open-ledger.ts';
import { MemoryDisk } from './memory-disk.ts';

export const OPEN = {
  tool: 'countermand 1.0.0',
  tenant: '11111111-1111-4111-8111-111111111111',
  client: '22222222-2222-4222-8222-222222222222',
  api: 'https://api.example.com',
  job: FROZEN_JOB,
};

export const PATH = '/ledgers/a.jsonl';

/** A machine on which only the processes in `alive` (pid → start) exist. */
export function machine(
  pid: number,
  alive: ReadonlyMap<number, string> = new Map([[pid, 'start']]),
  host = 'host-1',
): Processes {
  return {
    self: { host, boot: 'boot-1', pidNamespace: 'pid:[1]', pid, processStart: alive.get(pid) ?? 'start' },
    exists: (other) => alive.has(other),
    startOf: (other) => alive.get(other) ?? null,
  };
}

export interface Harness {
  disk: MemoryDisk;
  clock: ManualClock;
  open(options?: Partial<OpenLedgerOptions>): Promise<Ledger>;
  /** With what only its folder knows of it. */
  opened(options?: Partial<OpenLedgerOptions>): Promise<OpenedLedger>;
  store: FolderStore;
}

/** A disk in memory and a clock, and ledgers opened on them. */
export function makeHarness(): Harness {
  const clock = new ManualClock();
  const disk = new MemoryDisk(() => clock.wallMs());
  const opened: Harness['opened'] = (options) =>
    openLedger({ path: PATH, disk, clock, open: OPEN, processes: machine(1), ...options });
  const store = new FolderStore({ disk, clock, log: silentLog, processes: machine(1) });
  return { disk, clock, store, opened, open: async (options) => (await opened(options)).ledger };
}

export function id(n: number): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
}

/** Admits `count` actions and starts. */
export async function begin(ledger: Ledger, count: number): Promise<void> {
  ledger.beginIntake();
  for (let n = 1; n <= count; n++) await ledger.admit({ id: id(n), line: n });
  await ledger.intake({ admitted: count, rejected: 0, bytes: 37 * count, sha256: 'ab'.repeat(32) });
  await ledger.start({ by: 'yes', count });
}
