import { resolve } from 'node:path';
import { parseJobFile } from '../../src/job/job-file.ts';
import type { ResolveInput } from '../../src/job/resolve-job.ts';

/** What a job is resolved from, with the text of its job file in the place of what was read of it. */
export function fromText<T extends Pick<ResolveInput, 'sourceArg' | 'cwd' | 'env'> & { jobText?: string | undefined }>(
  input: T,
): T & Pick<ResolveInput, 'jobFile'> {
  const { sourceArg, cwd, env, jobText } = input;
  const isJob = jobText !== undefined && /\.ya?ml$/.test(sourceArg);
  return { ...input, jobFile: isJob ? parseJobFile(jobText, resolve(cwd, sourceArg), env, sourceArg) : undefined };
}
