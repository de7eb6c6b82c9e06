import { resolve } from 'node:path';
import type { Args } from '../cli/command.ts';
import type { CliContext } from '../cli/context.ts';
import { type FileIdentity, refuseSecretFile } from '../identity/session-secrets.ts';
import { sourceAt } from '../intake/open-source.ts';
import { readJobText } from '../job/job-file.ts';
import { type ResolveInput, sourceKind } from '../job/resolve-job.ts';
import { identityInToken } from './sign-in.ts';

/** What a job is resolved from, but for a ledger, which holds its own. Throws a UsageError for a job file that cannot be read. */
export async function jobInput(
  source: string,
  flags: Args,
  { env, cwd, clock, secrets }: CliContext,
): Promise<ResolveInput> {
  const refuse = (file: FileIdentity) => refuseSecretFile(secrets, file, source);
  return {
    sourceArg: source,
    jobText: sourceKind(source) === 'job' ? await readJobText(resolve(cwd, source), refuse) : undefined,
    flags,
    env,
    cwd,
    nowMs: clock.wallMs(),
    sourceAt,
    fromToken: await identityInToken(env),
  };
}
