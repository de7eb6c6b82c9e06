import { describeDuration } from '../duration.ts';
import { LockedError } from '../errors.ts';
import type { Job } from '../job/job.ts';
import type { RunState } from '../ledger/state/run-state.ts';
import { mattersForMs } from '../quota/past-calls.ts';
import type { Machine } from './machine.ts';

export type KeepingJob = Pick<Job, 'name' | 'tenant' | 'ledger' | 'keepLedgersMs' | 'quota'>;

/**
 * Removes what `keepLedgers` no longer keeps: finished ledgers of the job's own series, each with its `.needs-release.csv`. A ledger that
 * is unfinished, damaged, held by a run or another job's stays, and so does what cannot be removed, which is told. Never rejects.
 */
export async function removeOldLedgers(job: KeepingJob, machine: PruningMachine): Promise<void> {
  if (job.keepLedgersMs === undefined) return;
  const { store, clock, log } = machine;
  const keepMs = keptForMs(job.keepLedgersMs, job.quota.windows);
  const entries = await store.series(job.ledger).catch(() => []);
  for (const { name, modifiedMs, instead } of entries) {
    // The cheap questions first: a ledger may hold a million actions.
    if (name === job.ledger || instead !== undefined || clock.wallMs() - modifiedMs <= keepMs) continue;
    try {
      await removeIfOld(name, job, keepMs, machine);
    } catch (error) {
      const held = error instanceof LockedError;
      const reason = error instanceof Error ? error.message : String(error);
      log[held ? 'info' : 'warn'](`the old ledger ${name} is kept: ${reason}`);
    }
  }
}

type PruningMachine = Pick<Machine, 'store' | 'clock' | 'log'>;

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
  name: string,
  job: KeepingJob,
  keepMs: number,
  { store, clock, log }: PruningMachine,
): Promise<void> {
  const end = await store.remove(name, ({ state }) => whyKept(state, job, { nowMs: clock.wallMs(), keepMs }));
  if ('kept' in end) {
    log.debug(`the old ledger ${name} is kept: ${end.kept}`);
    return;
  }
  log.info(
    { removed: name, oldRun: end.removed.state.run },
    `removed the finished ledger ${name}, which is older than --keep-ledgers ${describeDuration(job.keepLedgersMs ?? 0)}`,
  );
}

function isOf(opened: { tenant: string; job: unknown }, { name, tenant }: Pick<Job, 'name' | 'tenant'>): boolean {
  const { job } = opened;
  const otherName = typeof job === 'object' && job !== null && 'name' in job ? job.name : undefined;
  return otherName === name && opened.tenant.toLowerCase() === tenant.toLowerCase();
}
