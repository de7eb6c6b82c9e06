import { UsageError } from '../errors.ts';
import { refuseEmptyRange } from './action-filter.ts';
import type { Job, JobSource } from './job.ts';
import type { SettingName, SettingValues } from './settings.ts';
import { resolveMoment } from './values.ts';

/** Every setting that ended up with a value; those with a default always have one. */
export type MergedValues = Partial<SettingValues> &
  Pick<
    SettingValues,
    | 'cloud'
    | 'quota'
    | 'quotaShare'
    | 'quotaRoutes'
    | 'concurrency'
    | 'maxFailures'
    | 'patience'
    | 'screen'
    | 'confirmFor'
    | 'strictInput'
    | 'planMaxAge'
  >;

export interface JobIdentity {
  name: string;
  tenant: string;
  clientId: string;
  source: JobSource;
  /** Absolute. */
  ledger: string;
}

/** Lays merged values out as a job, resolves ages against `nowMs`, and freezes it. Throws a UsageError where values contradict each other. */
export function buildJob(identity: JobIdentity, values: MergedValues, nowMs: number): Job {
  const createdAfter = values.createdAfter && resolveMoment(values.createdAfter, nowMs);
  const createdBefore = values.createdBefore && resolveMoment(values.createdBefore, nowMs);
  refuseEmptyRange(createdAfter, createdBefore);
  if (values.region !== undefined && values.cloud !== 'commercial') {
    throw new UsageError(`the ${values.cloud} cloud has no region ${values.region}: leave --region (api.region) out`);
  }
  return deepFreeze({
    name: identity.name,
    tenant: identity.tenant,
    clientId: identity.clientId,
    auth: { kind: values.auth },
    api: {
      cloud: values.cloud,
      region: values.region,
      url: values.apiUrl,
      authorityUrl: values.authorityUrl,
      allowHosts: values.allowHost ?? [],
    },
    source: identity.source,
    comment: values.comment,
    ledger: identity.ledger,
    quota: { windows: values.quota, share: values.quotaShare, routes: values.quotaRoutes },
    concurrency: values.concurrency,
    guards: {
      onlyType: values.onlyType ?? [],
      onlyRequestor: values.onlyRequestor ?? [],
      onlyMachine: values.onlyMachine ?? [],
      createdAfter,
      createdBefore,
      maxActions: values.maxActions,
      maxFailures: values.maxFailures,
      first: values.first,
      maxDurationMs: values.maxDuration,
    },
    patienceMs: values.patience,
    screen: values.screen,
    confirmForMs: values.confirmFor,
    strictInput: values.strictInput,
    planMaxAgeMs: values.planMaxAge,
    keepLedgersMs: values.keepLedgers,
    metricsFile: values.metricsFile,
  });
}

/** The settings that a job was built from, those without a value left out. */
export function valuesOf(job: Job): MergedValues {
  const { api, quota, guards } = job;
  const all: { [K in SettingName]: SettingValues[K] | undefined } = {
    tenant: job.tenant,
    clientId: job.clientId,
    auth: job.auth.kind,
    cloud: api.cloud,
    region: api.region,
    apiUrl: api.url,
    authorityUrl: api.authorityUrl,
    allowHost: api.allowHosts,
    comment: job.comment,
    column: job.source.kind === 'query' ? undefined : job.source.column,
    ledger: job.ledger,
    quota: [...quota.windows],
    quotaShare: quota.share,
    quotaRoutes: quota.routes,
    concurrency: job.concurrency,
    onlyType: guards.onlyType,
    onlyRequestor: guards.onlyRequestor,
    onlyMachine: guards.onlyMachine,
    createdAfter: guards.createdAfter === undefined ? undefined : { iso: guards.createdAfter },
    createdBefore: guards.createdBefore === undefined ? undefined : { iso: guards.createdBefore },
    maxActions: guards.maxActions,
    maxFailures: guards.maxFailures,
    first: guards.first,
    maxDuration: guards.maxDurationMs,
    patience: job.patienceMs,
    screen: job.screen,
    confirmFor: job.confirmForMs,
    strictInput: job.strictInput,
    planMaxAge: job.planMaxAgeMs,
    keepLedgers: job.keepLedgersMs,
    metricsFile: job.metricsFile,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as MergedValues;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
