import type { Flags } from '../job/given-settings.ts';
import type { Job } from '../job/job.ts';
import { resolveJob } from '../job/resolve-job.ts';
import { jobInput } from './job-input.ts';
import type { Machine } from './machine.ts';

/** Who and where, for commands that have no source: resolved by the same rules as a run's job. */
export async function senderJob(flags: Flags, context: Machine): Promise<Job> {
  // The flags of a filter that have the names of guards are no guards.
  const { 'created-after': _after, 'created-before': _before, ...settings } = flags;
  return resolveJob(await jobInput('-', settings, context));
}
