import type { Job } from '../job/job.ts';
import { resolveJob } from '../job/resolve-job.ts';
import type { Args } from './command.ts';
import type { CliContext } from './context.ts';
import { identityInToken } from './sign-in.ts';

/** Who and where, for commands that have no source: resolved by the same rules as a run's job. */
export async function senderJob(flags: Args, { env, cwd, clock }: CliContext): Promise<Job> {
  // The flags of a filter that have the names of guards are no guards.
  const { 'created-after': _after, 'created-before': _before, ...settings } = flags;
  const nowMs = clock.wallMs();
  return resolveJob({ sourceArg: '-', flags: settings, env, cwd, nowMs, fromToken: await identityInToken(env) });
}
