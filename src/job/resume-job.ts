import { isDeepStrictEqual } from 'node:util';
import { UsageError } from '../errors.ts';
import { areDifferentTenants, isSameApi, isSameTenant } from '../ledger/sender.ts';
import { buildJob, type MergedValues, valuesOf } from './build-job.ts';
import { IGNORED_FROM_LEDGER, unrepeated } from './from-ledger.ts';
import { type Flags, givenSettings } from './given-settings.ts';
import type { Environment } from './interpolate.ts';
import { frozenJobSchema, type Job } from './job.ts';
import type { LedgerPlace } from './ledger-name.ts';
import type { Setting } from './setting.ts';
import { SETTING_NAMES, SETTINGS, type SettingName } from './settings.ts';

/** Reads a job back from a ledger's `open` record. Throws a UsageError when it is not one. */
export function thawJob(frozen: unknown): Job {
  const parsed = frozenJobSchema.safeParse(frozen);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new UsageError(
      `the ledger holds a job that this version cannot read (${issue?.path.join('.')}: ${issue?.message}): use the version that wrote it`,
    );
  }
  return buildJob(parsed.data, valuesOf(parsed.data), 0);
}

export interface ResumeInput extends LedgerPlace {
  flags: Flags;
  env: Environment;
  nowMs: number;
  /** The job of this session's own job file, where the ledger was found by it. What it says, this session has said. */
  today?: Job | undefined;
}

/**
 * The job of a ledger, with what flags and environment change from this session on: its `open` record has it, and the next session goes by that.
 * What names the run stays: naming another tenant, host, comment or source throws a UsageError. A plan without a comment may get it here. What reaches outside (`from-ledger.ts`) counts only
 * where this session says it too, and throws a UsageError that names the flag where it does not.
 */
export function mergeForResume(frozen: unknown, { flags, env, nowMs, today, ...place }: ResumeInput): Job {
  const job = thawJob(frozen);
  const kept = Object.entries(valuesOf(job)).filter(([name]) => !IGNORED_FROM_LEDGER.some((each) => each === name));
  const before = Object.fromEntries(kept) as MergedValues;
  const { values, origins, problems } = givenSettings(flags, env, place);
  for (const name of SETTING_NAMES) {
    const { resume }: Setting = SETTINGS[name];
    if (resume || values[name] === undefined || isDeepStrictEqual(values[name], before[name])) continue;
    // Another spelling is no other tenant or host; a domain against a GUID is left to whoever opens the ledger, with a token.
    if (name === 'tenant' && !areDifferentTenants(String(values.tenant), job.tenant)) continue;
    if (name === 'apiUrl' && before.apiUrl !== undefined && isSameApi(String(values.apiUrl), before.apiUrl)) continue;
    if (name === 'comment' && job.comment === undefined) continue;
    if (name === 'column' && job.source.kind === 'query') continue;
    const there = before[name] === undefined ? 'none' : `"${String(before[name])}"`;
    problems.push(
      `${origins[name]} differs from that of this ledger (${there}), which names the run: leave it out, or begin a run of its own`,
    );
  }
  if (problems.length > 0) throw new UsageError(problems);
  const merged = { ...before, ...values };
  const { tenant = job.tenant, clientId = job.clientId } = merged;
  const spelt = isSameTenant(tenant, job.tenant) ? job.tenant : tenant;
  const result = buildJob({ ...job, tenant: spelt, clientId }, merged, nowMs);
  const isOfJobFile = (name: SettingName) => today !== undefined && 'job' in SETTINGS[name];
  const wider = unrepeated(result, (name) => values[name] !== undefined || isOfJobFile(name));
  if (wider.length > 0) throw new UsageError(wider.join('\n'));
  return result;
}
