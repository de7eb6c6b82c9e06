import { UsageError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { type Placement, placedStatus } from '../report/facts/run-status.ts';
import type { ScheduleStatus } from '../report/facts/schedule-status.ts';
import type { StatusBoard } from '../run/status.ts';
import type { NetworkStore } from '../store/network-store.ts';
import { nextTurnMs, type Recurrence } from './cron.ts';
import { RunQueue } from './queue.ts';
import type { Schedule } from './schedules.ts';
import type { Standing } from './standing.ts';

/**
 * Adds what the queue of a store says to what its ledgers say. A store that has no queue is shown without. `ofAll`: all runs are shown, and the schedules
 * with them.
 */
export async function openQueueBoard(
  store: NetworkStore,
  log: Logger,
  { storeWords, ofAll }: { storeWords: readonly string[]; ofAll: boolean },
): Promise<{ add(board: StatusBoard): Promise<StatusBoard> } & AsyncDisposable> {
  const queue = await queueIfAny(store, log);
  return {
    add: async (board) => {
      if (queue === undefined) return board;
      const [standings, workers, schedules] = await Promise.all([
        queue.standings(),
        queue.workers(),
        ofAll ? queue.schedules.list() : [],
      ]);
      const byRun = new Map(standings.map((standing) => [standing.submission.run, standing]));
      const runs = board.runs.map((run) => {
        const standing = byRun.get(run.name);
        return standing === undefined ? run : placedStatus(run, placementOf(standing, board.atMs), storeWords);
      });
      const shown = schedules.map((schedule) => scheduleStatus(schedule, board.atMs));
      return { ...board, runs, workers, ...(ofAll ? { schedules: shown } : {}) };
    },
    [Symbol.asyncDispose]: async () => await queue?.[Symbol.asyncDispose](),
  };
}

function scheduleStatus({ job, cron, tz, last }: Schedule, atMs: number): ScheduleStatus {
  const { name, tenant } = job;
  return { name, tenant, cron, tz, nextAtMs: nextOrNull({ cron, tz }, atMs), last: last ?? null };
}

/** One that a newer version has kept may be more than this one can read. */
function nextOrNull(recurrence: Recurrence, atMs: number): number | null {
  try {
    return nextTurnMs(recurrence, atMs);
  } catch {
    return null;
  }
}

function placementOf(standing: Standing, atMs: number): Placement {
  const { kind, submission } = standing;
  const waitsUntil =
    kind === 'waiting' && standing.notBeforeMs > atMs ? new Date(standing.notBeforeMs).toISOString() : undefined;
  const reason =
    kind === 'dead-letter' ? `exit ${standing.exitCode}: ${standing.reason}` : waitsUntil && `not before ${waitsUntil}`;
  return { kind, takeovers: submission.takeovers, reason: reason ?? null };
}

/** `stop`: takes runs out of the queue, so that no worker goes on with them. Returns those that were in it. */
export async function takeOut(runs: readonly string[], store: NetworkStore, log: Logger): Promise<Set<string>> {
  await using queue = await queueIfAny(store, log);
  const taken = new Set<string>();
  for (const run of runs) if (await queue?.takeOut(run)) taken.add(run);
  return taken;
}

/** A store that was set up before there were workers has none, and needs none for what it is used for. */
async function queueIfAny(store: NetworkStore, log: Logger): Promise<RunQueue | undefined> {
  return await RunQueue.open(store, log, 'client').catch((error: unknown) => {
    if (error instanceof UsageError) return undefined;
    throw error;
  });
}
