import type { Guards, Job } from '../job/job.ts';
import { thawJob } from '../job/resume-job.ts';
import type { RunState, Session } from '../ledger/state/run-state.ts';

/** A ledger is opened a little after its job was read; an age that ends so near to the moment of then is the same age. */
const SAME_MOMENT_MS = 60_000;

/**
 * The job of a run that is gone on with: its ages are counted from when the run was begun and not from today, so that a guard of two days
 * does not leave more out with each hour that the run is interrupted. A run that was finished, or never started, begins anew. `at` reads
 * the same job as of another moment.
 */
export function pinRelativeDates(job: Job, before: RunState, at: (nowMs: number) => Job): Job {
  const begun = sessionOfBeginning(before);
  if (begun === undefined) return job;
  const { guards, source } = at(begun.openedAtMs);
  const then = thawJob(begun.opened.job).guards;
  const moment = (name: 'createdAfter' | 'createdBefore') => nearest(guards, then, name);
  return {
    ...job,
    source: source.kind === 'query' ? source : job.source,
    guards: { ...job.guards, createdAfter: moment('createdAfter'), createdBefore: moment('createdBefore') },
  };
}

/** The session that first started what is not finished yet. */
function sessionOfBeginning({ sessions, starts }: Pick<RunState, 'sessions' | 'starts'>): Session | undefined {
  const finished = sessions.findLast(({ closed }) => closed?.reason === 'finished')?.number ?? 0;
  const start = starts.find(({ session }) => session > finished);
  return sessions.find(({ number }) => number === start?.session);
}

function nearest(guards: Guards, then: Guards, name: 'createdAfter' | 'createdBefore'): string | undefined {
  const [now, kept] = [guards[name], then[name]];
  if (now === undefined || kept === undefined) return now;
  return Math.abs(Date.parse(now) - Date.parse(kept)) < SAME_MOMENT_MS ? kept : now;
}
