import { isDeepStrictEqual } from 'node:util';
import { describeDuration } from '../duration.ts';
import { UsageError } from '../errors.ts';
import { frozenSetting, withSettings } from '../job/build-job.ts';
import type { Guards, Job } from '../job/job.ts';
import { thawJob } from '../job/resume-job.ts';
import { settingsThat } from '../job/settings.ts';
import type { RunState, Session } from '../ledger/state/run-state.ts';
import type { Target } from './target.ts';

/**
 * How far a run is: `none`: nothing was begun; `begun`: its source was not read to its end; `plan`: it was read, and not started; `started`; `finished`:
 * its last session ended so.
 */
export type Standing = 'none' | 'begun' | 'plan' | 'started' | 'finished';

/** As a session finds its ledger; what it writes later changes the state. */
export function standingOf(state: RunState | undefined): Standing {
  if (state === undefined) return 'none';
  if (state.start === undefined) return state.intake === undefined ? 'begun' : 'plan';
  return state.sessions.at(-1)?.closed?.reason === 'finished' ? 'finished' : 'started';
}

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

/** The comment names the run once it was started; who leaves it out means the same one. */
export function keptComment({ comment }: Job, { start, sessions }: RunState): string | undefined {
  const before = thawJob(sessions.at(-1)?.opened.job).comment;
  if (start === undefined || comment === before) return comment;
  if (comment === undefined) return before;
  throw new UsageError(
    `this run was started with the comment "${before ?? ''}": leave --comment out to go on with it, or give a new run another --ledger`,
  );
}

/** Throws a UsageError for a run that would begin without a comment. */
export function refuseNoComment({ comment }: Pick<Job, 'comment'>): void {
  if (comment !== undefined) return;
  throw new UsageError(
    '--comment is required: Defender shows it on every cancelled action. Example: --comment "INC-4711 false positive"',
  );
}

/** Throws a UsageError for a plan that is too old to start. */
export function refuseOldPlan({ job, state }: Target, nowMs: number): void {
  if (state === undefined || standingOf(state) !== 'plan') return;
  const ageMs = nowMs - state.lastAtMs;
  if (ageMs <= job.planMaxAgeMs) return;
  throw new UsageError(
    `the plan is ${describeDuration(ageMs)} old, more than --plan-max-age ${describeDuration(job.planMaxAgeMs)}: plan again, so that ` +
      'what is reviewed is what runs',
  );
}

/** What was reviewed is what runs: the guards that choose the actions are part of a plan. Throws a UsageError when this session would change them. */
export function refuseOtherGuards({ job, state, fromLedger }: Target): void {
  const planned = state?.sessions.at(-1)?.opened.job;
  if (!fromLedger || state?.start !== undefined || planned === undefined) return;
  const choosing = (one: Job) => settingsThat(({ chooses }) => chooses).map((name) => frozenSetting(one, name));
  if (isDeepStrictEqual(choosing(job), choosing(thawJob(planned)))) return;
  throw new UsageError(
    'the guards differ from those of the plan, and what was reviewed is what runs: plan again with these guards',
  );
}

/**
 * The run of a ledger, at the pace that its job has today: whoever corrects a deadline or a quota in the job file means the next start. Which
 * actions, where and with which comment stays what it was.
 */
export function atPaceOf(today: Job, run: Job): Job {
  return withSettings(
    run,
    today,
    settingsThat(({ followsJob }) => followsJob),
  );
}

/** Whether a session reads the source. It does when that was never read to its end, or when it is named again and has changed. */
export function rereadRule({ job: { source }, state, fromLedger }: Target): 'yes' | 'no' | 'if-changed' {
  const intake = state?.intake;
  if (state === undefined || intake === undefined || state.readingUnfinished) return 'yes';
  // A later reading that nobody approved is done again: only who reads knows which actions the source no longer names.
  const approved = state.start !== undefined && intake.session <= state.start.session;
  if (fromLedger && (approved || state.intakes.length === 1 || source.kind === 'stdin')) return 'no';
  return approved && source.kind === 'file' ? 'if-changed' : 'yes';
}
