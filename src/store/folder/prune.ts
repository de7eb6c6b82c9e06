import { join } from 'node:path';
import type { Clock } from '../../clock.ts';
import { describeDuration } from '../../duration.ts';
import { LockedError } from '../../errors.ts';
import type { Job } from '../../job/job.ts';
import type { RunState } from '../../ledger/state/run-state.ts';
import type { Logger } from '../../log.ts';
import { mattersForMs } from '../../quota/past-calls.ts';
import type { Disk } from './disk.ts';
import { systemProcesses } from './holder.ts';
import { acquireLock } from './lock.ts';
import { readLedger, throwIfDamaged } from './read.ts';
import { seriesOf } from './series.ts';

export interface RemovalParts {
  disk: Disk;
  clock: Clock;
  log: Logger;
}

export type KeepingJob = Pick<Job, 'name' | 'tenant' | 'ledger' | 'keepLedgersMs' | 'quota'>;

/**
 * Removes what `keepLedgers` no longer keeps: finished ledgers of the job's own series, each with its `.needs-release.csv`. A ledger that
 * is unfinished, damaged, held by a run or another job's stays, and so does what cannot be removed, which is told. Never rejects.
 */
export async function removeOldLedgers(job: KeepingJob, { disk, clock, log }: RemovalParts): Promise<void> {
  if (job.keepLedgersMs === undefined) return;
  const keepMs = keptForMs(job.keepLedgersMs, job.quota.windows);
  const folder = join(job.ledger, '..');
  const names = await disk.list(folder).catch(() => []);
  for (const name of seriesOf(job.ledger, names)?.names ?? []) {
    const path = join(folder, name);
    if (path === job.ledger) continue;
    try {
      const entry = await disk.entry(path);
      // The cheap questions first: a ledger may hold a million actions. A link's lock is elsewhere, and what it leads to is not ours to remove.
      if (entry?.kind !== 'a file' || clock.wallMs() - entry.modifiedMs <= keepMs) continue;
      await removeIfOld(path, job, keepMs, { disk, clock, log });
    } catch (error) {
      const held = error instanceof LockedError;
      const reason = error instanceof Error ? error.message : String(error);
      log[held ? 'info' : 'warn'](`the old ledger ${path} is kept: ${reason}`);
    }
  }
}

/** Calls of a removed ledger are forgotten, so it stays for as long as they count against the quota, whatever was asked for. */
export function keptForMs(keepLedgersMs: number, windows: Job['quota']['windows']): number {
  return Math.max(keepLedgersMs, mattersForMs(windows));
}

/** Why a ledger that was read stays; undefined when it may go. */
function whyKept(
  { sessions, lastAtMs }: Pick<RunState, 'sessions' | 'lastAtMs'>,
  job: Pick<Job, 'name' | 'tenant'>,
  { nowMs, keepMs }: { nowMs: number; keepMs: number },
): string | undefined {
  const last = sessions.at(-1);
  if (last === undefined) return 'it holds no run';
  if (last.closed?.reason !== 'finished') return 'its run is not finished';
  if (!isOf(last.opened, job)) return 'it belongs to another job or tenant';
  if (nowMs - lastAtMs <= keepMs) return 'it is not old enough';
  return undefined;
}

async function removeIfOld(
  path: string,
  job: KeepingJob,
  keepMs: number,
  { disk, clock, log }: RemovalParts,
): Promise<void> {
  // Held while it is read and removed, so that no run goes on with it in between.
  await using _lock = await acquireLock({
    path: `${path}.lock`,
    what: `the ledger ${path}`,
    ledger: path,
    disk,
    clock,
    log,
    processes: systemProcesses(),
    // Another day will do.
    wait: false,
  });
  const { state, fault } = await readLedger({ path, disk });
  throwIfDamaged(path, fault);
  const why = whyKept(state, job, { nowMs: clock.wallMs(), keepMs });
  if (why !== undefined) {
    log.debug(`the old ledger ${path} is kept: ${why}`);
    return;
  }
  await disk.remove(path);
  const releases = `${path}.needs-release.csv`;
  if ((await disk.stat(releases)) !== undefined) await disk.remove(releases);
  log.info(
    { removed: path, oldRun: state.run },
    `removed the finished ledger ${path}, which is older than --keep-ledgers ${describeDuration(job.keepLedgersMs ?? 0)}`,
  );
}

function isOf(opened: { tenant: string; job: unknown }, { name, tenant }: Pick<Job, 'name' | 'tenant'>): boolean {
  const { job } = opened;
  const otherName = typeof job === 'object' && job !== null && 'name' in job ? job.name : undefined;
  return otherName === name && opened.tenant.toLowerCase() === tenant.toLowerCase();
}
