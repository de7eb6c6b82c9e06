import { UsageError } from '../errors.ts';
import type { FilterInput } from './action-filter.ts';
import { buildJob, type MergedValues } from './build-job.ts';
import { defaultSettings } from './given-settings.ts';
import { frozenJobFault, type Job } from './job.ts';
import { bareName, defaultLedger } from './ledger-name.ts';
import { mergeJob, querySource, type ResolveInput, requireDefaults } from './resolve-job.ts';
import type { Setting } from './setting.ts';
import { SETTING_NAMES, SETTINGS } from './settings.ts';
import { jobName } from './values.ts';

/**
 * A job with a query as it is kept for later moments: merged from flags, environment and job file where it was submitted, and not frozen, so that its
 * ages count back from each turn. It is JSON and holds no secret.
 */
export interface ScheduledJob {
  /** Its runs are called so, each with its own time behind it. */
  name: string;
  tenant: string;
  clientId: string;
  query: FilterInput;
  values: Partial<MergedValues>;
}

/** Throws as `resolveJob`, and a UsageError for a job of which every turn would be the same run. */
export function scheduledJob(input: ResolveInput): ScheduledJob {
  const { file, values, tenant, clientId } = mergeJob(input);
  const query = file?.source.query;
  if (file === undefined || query === undefined) {
    throw new UsageError(
      `${input.sourceArg} lists the same actions at every turn: --cron takes a job with a query (source.query), which is asked anew each time.`,
    );
  }
  if (values.ledger !== undefined) {
    throw new UsageError(
      `Each turn of ${input.sourceArg} is a run of its own, named after the job and the time: leave out --ledger (ledger in a job file).`,
    );
  }
  const name = file.name ?? bareName(file.path);
  if (!jobName().safeParse(name).success) {
    throw new UsageError(`A schedule is known by the name of its job, and ${name} cannot be one: give the job a name.`);
  }
  const kept = Object.entries(values).filter(([setting]) => isKept(setting));
  return { name, tenant, clientId, query, values: Object.fromEntries(kept) as Partial<MergedValues> };
}

/** The job of the turn at a moment (epoch ms). Throws a UsageError for what another version has kept and this one cannot read. */
export function jobOfTurn({ name, tenant, clientId, query, values }: ScheduledJob, nowMs: number): Job {
  const ledger = defaultLedger({ name, stamped: true, plan: false, nowMs }, { cwd: '', inStore: true });
  const all = requireDefaults({ ...defaultSettings(), ...values });
  const job = buildJob({ name, tenant, clientId, source: querySource(query, nowMs), ledger }, all, nowMs);
  const fault = frozenJobFault(JSON.parse(JSON.stringify(job)));
  if (fault === undefined) return job;
  throw new UsageError(`The job of the schedule ${name} ${fault}: submit it again with this version.`);
}

/** What has no place in a frozen job is of the process that submits. */
function isKept(name: string): boolean {
  const setting = SETTING_NAMES.find((each) => each === name);
  return setting !== undefined && (SETTINGS[setting] as Setting).frozen !== undefined;
}
