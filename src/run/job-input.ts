import { resolve } from 'node:path';
import { type FileIdentity, refuseSecretFile } from '../identity/session-secrets.ts';
import type { Flags } from '../job/given-settings.ts';
import type { Job } from '../job/job.ts';
import { type InsteadOfJob, type ResolveInput, resolveJob, sourceKind } from '../job/resolve-job.ts';
import type { Machine } from './machine.ts';
import { identityInToken } from './sign-in.ts';

/** What a job is resolved from, but for a ledger, which holds its own. Throws a UsageError for a job file that cannot be read, with its every mistake. */
export async function jobInput(
  source: string,
  flags: Flags,
  { env, cwd, clock, secrets, sources, store }: Machine,
  instead?: InsteadOfJob,
): Promise<ResolveInput> {
  const refuse = (file: FileIdentity) => refuseSecretFile(secrets, file, source);
  const readJobFile = async (shownAs: string) => {
    const path = resolve(cwd, shownAs);
    const text = await sources.job(path, refuse);
    // Here, because a run of a list would wait a tenth of its start for the parser.
    const { parseJobFile } = await import('../job/job-file.ts');
    return parseJobFile(text, path, env, shownAs);
  };
  return {
    sourceArg: source,
    jobFile: sourceKind(source) === 'job' ? await readJobFile(source) : undefined,
    flags,
    env,
    cwd,
    inStore: store.keeps === 'runs',
    nowMs: clock.wallMs(),
    sourceAt: (path) => sources.at(path),
    fromToken: await identityInToken(env),
    instead,
  };
}

/** Who and where, for commands that have no source: resolved by the same rules as a run's job. */
export async function senderJob(flags: Flags, context: Machine): Promise<Job> {
  // The flags of a filter that have the names of guards are no guards.
  const { 'created-after': _after, 'created-before': _before, ...settings } = flags;
  return resolveJob(await jobInput('-', settings, context));
}
