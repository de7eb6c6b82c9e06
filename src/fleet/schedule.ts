import { UsageError } from '../errors.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { Flags } from '../job/given-settings.ts';
import { sourceKind } from '../job/resolve-job.ts';
import { jobOfTurn, scheduledJob } from '../job/scheduled-job.ts';
import { commandLine } from '../report/facts/next-steps.ts';
import { formatEnd } from '../report/format.ts';
import { checkAdmission, refuseUnasked } from '../run/admit.ts';
import type { Context } from '../run/console.ts';
import { jobInput } from '../run/job-input.ts';
import type { NetworkStore } from '../store/network-store.ts';
import { nextTurnMs, readRecurrence } from './cron.ts';
import { RunQueue } from './queue.ts';

export interface ScheduleOptions {
  /** As typed: jobs with a query. */
  sources: readonly string[];
  /** As typed. */
  cron: string;
  tz: string;
  /** Settings that were given as flags. */
  flags: Flags;
  /** Each turn may cancel without a question. */
  yes: boolean;
}

type SharedContext = Context & { store: NetworkStore };

/**
 * `submit --cron`: keeps jobs in the queue of a store, for workers to make a run of at each turn. All of them are read and checked before the first is kept.
 * One of the same name and tenant is replaced. Throws a UsageError for what has no turns, or would need a person at each.
 */
export async function schedule(
  { sources, cron, tz, flags, yes }: ScheduleOptions,
  context: SharedContext,
): Promise<ExitCode> {
  const { store, log, out, clock, storeWords } = context;
  const recurrence = readRecurrence(cron, tz);
  refuseUnasked(yes);
  const jobs = [];
  for (const source of sources) {
    if (sourceKind(source) !== 'job') {
      throw new UsageError(
        `${source} is no job file: --cron takes jobs (.yaml) with a query, which is asked at each turn.`,
      );
    }
    const job = scheduledJob(await jobInput(source, flags, context));
    await checkAdmission(jobOfTurn(job, clock.wallMs()), context, { read: false });
    jobs.push(job);
  }
  await using queue = await RunQueue.open(store, log, 'client');
  for (const { name, tenant } of jobs) {
    const [there] = await queue.schedules.list(name);
    if (there === undefined || there.job.tenant === tenant) continue;
    const stop = commandLine('stop', '--schedule', name, ...storeWords);
    throw new UsageError(
      `There is a schedule ${name} of the tenant ${there.job.tenant}: give this job another name, or take that one away with \`${stop}\`.`,
    );
  }
  for (const job of jobs) {
    await queue.schedules.put(job, recurrence);
    const next = formatEnd(nextTurnMs(recurrence, clock.wallMs()), recurrence.tz);
    out(`${job.name} is scheduled, ${recurrence.cron} in ${recurrence.tz}: next at ${next}.\n`);
  }
  return 0;
}

/** `stop --schedule`: takes schedules away. Throws a UsageError at the first that is not there, with those before it taken away. */
export async function unschedule(names: readonly string[], context: SharedContext): Promise<void> {
  const { store, log, out, storeWords } = context;
  await using queue = await RunQueue.open(store, log, 'client');
  const status = commandLine('status', ...storeWords);
  for (const name of names) {
    if (!(await queue.schedules.remove(name))) {
      throw new UsageError(`There is no schedule ${name} in the store: \`${status}\` shows which there are.`);
    }
    out(`The schedule ${name} was taken away. Runs that it has made stay: \`${status}\` shows them.\n`);
  }
}
