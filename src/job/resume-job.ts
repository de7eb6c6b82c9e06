import { isDeepStrictEqual } from 'node:util';
import { UsageError } from '../errors.ts';
import { areDifferentTenants, isSameApi, isSameTenant } from '../ledger/sender.ts';
import { buildJob, valuesOf } from './build-job.ts';
import { frozenJobSchema } from './frozen-job.ts';
import { type Flags, givenSettings } from './given-settings.ts';
import type { Environment } from './interpolate.ts';
import type { Job } from './job.ts';
import { SETTING_NAMES, SETTINGS, type Setting } from './settings.ts';

/** Reads a job back from a ledger's `open` record. Throws a UsageError when it is not one. */
export function thawJob(frozen: unknown): Job {
  const parsed = frozenJobSchema.safeParse(frozen);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new UsageError(
      `the ledger holds a job that this version cannot read (${issue?.path.join('.')}: ${issue?.message}): use the version that wrote it`,
    );
  }
  const job = parsed.data as Job;
  return buildJob(job, valuesOf(job), 0);
}

export interface ResumeInput {
  flags: Flags;
  env: Environment;
  cwd: string;
  nowMs: number;
}

/**
 * The job of a ledger, with what flags and environment change for this session. What names the run stays: naming another tenant, host,
 * comment or source throws a UsageError. A plan without a comment may get it here.
 */
export function mergeForResume(frozen: unknown, { flags, env, cwd, nowMs }: ResumeInput): Job {
  const job = thawJob(frozen);
  // A ledger may come from somebody else: a host outside Microsoft's is allowed by whoever resumes, and by nobody before.
  const before = { ...valuesOf(job), allowHost: [] };
  const { values, origins, problems } = givenSettings(flags, env, cwd);
  for (const name of SETTING_NAMES) {
    const { resume }: Setting = SETTINGS[name];
    if (resume || values[name] === undefined || isDeepStrictEqual(values[name], before[name])) continue;
    // Another spelling is no other tenant or host; a domain against a GUID is left to whoever opens the ledger, with a token.
    if (name === 'tenant' && !areDifferentTenants(String(values.tenant), job.tenant)) continue;
    if (name === 'apiUrl' && before.apiUrl !== undefined && isSameApi(String(values.apiUrl), before.apiUrl)) continue;
    if (name === 'comment' && job.comment === undefined) continue;
    if (name === 'column' && job.source.kind === 'query') continue;
    const kept = before[name] === undefined ? 'none' : `"${String(before[name])}"`;
    problems.push(
      `${origins[name]} differs from that of this ledger (${kept}), which names the run: leave it out, or begin a run of its own`,
    );
  }
  if (problems.length > 0) throw new UsageError(problems.join('\n'));
  const merged = { ...before, ...values };
  const { tenant = job.tenant, clientId = job.clientId } = merged;
  return buildJob({ ...job, tenant: isSameTenant(tenant, job.tenant) ? job.tenant : tenant, clientId }, merged, nowMs);
}
