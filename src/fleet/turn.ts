import { CountermandError, LockedError } from '../errors.ts';
import { jobOfTurn } from '../job/scheduled-job.ts';
import type { TurnEnd } from '../report/facts/schedule-status.ts';
import { admitTurn } from '../run/admit.ts';
import type { Context } from '../run/console.ts';
import type { TurnQueue } from './queue.ts';
import type { DueTurn } from './schedules.ts';
import { newSubmission } from './standing.ts';

/**
 * Makes the run of a turn, as `submit` would make it of the job at that moment: one run of a job at a time, and one that was interrupted goes on. Made
 * again because a worker was lost meanwhile, it is the same run. Throws what may be otherwise in a while (exit 6, an interrupt), and what is a bug.
 */
export async function makeTurn({ schedule, atMs }: DueTurn, queue: TurnQueue, context: Context): Promise<TurnEnd> {
  const { store } = context;
  try {
    const job = jobOfTurn(schedule.job, atMs);
    const before = (await store.series(job.ledger)).map(({ name }) => name);
    const standings = await queue.standings(before);
    const open = standings.find(({ kind }) => kind === 'waiting' || kind === 'at-work');
    if (open !== undefined) return { kind: 'under-way', run: open.submission.run };
    const { name, tenant } = await admitTurn(job, context).catch(async (error: unknown) => {
      const held = error instanceof LockedError ? await heldOf(before, store) : undefined;
      if (held === undefined) throw error;
      return { name: held, tenant: undefined };
    });
    if (tenant === undefined) return { kind: 'under-way', run: name };
    const isDead = standings.some(({ kind, submission }) => kind === 'dead-letter' && submission.run === name);
    if (isDead) return { kind: 'dead-letter', run: name };
    await queue.submit(newSubmission(name, tenant, { step: 'run' }));
    return { kind: 'made', run: name };
  } catch (error) {
    if (!(error instanceof CountermandError)) throw error;
    const { exitCode, message: reason } = error;
    const isPassing = exitCode === 6 || exitCode === 11 || exitCode >= 128;
    if (isPassing) throw error;
    return { kind: 'refused', exitCode, reason };
  }
}

/** Somebody works on one of them by hand. */
async function heldOf(runs: readonly string[], store: Context['store']): Promise<string | undefined> {
  for (const run of runs) if ((await store.holder(run)) !== undefined) return run;
  return undefined;
}
