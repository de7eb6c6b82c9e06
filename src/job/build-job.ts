import { UsageError } from '../errors.ts';
import { refuseEmptyRange } from './action-filter.ts';
import type { Job, JobSource } from './job.ts';
import type { Setting } from './setting.ts';
import { SETTING_NAMES, SETTINGS, type SettingName, type SettingValues } from './settings.ts';

type WithDefault = { [K in SettingName]: (typeof SETTINGS)[K] extends { default: string } ? K : never }[SettingName];

/** Every setting that ended up with a value; those with a default always have one. */
export type MergedValues = Partial<SettingValues> & Pick<SettingValues, WithDefault>;

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
  if (values.region !== undefined && values.cloud !== 'commercial') {
    throw new UsageError(`the ${values.cloud} cloud has no region ${values.region}: leave --region (api.region) out`);
  }
  const { name, source, tenant, clientId, ledger } = identity;
  const settled: Partial<SettingValues> = { ...values, tenant, clientId, ledger };
  const job: JobTree = { name, source };
  for (const setting of SETTING_NAMES) place(job, setting, frozenValue(setting, settled[setting], nowMs));
  const built = job as unknown as Job;
  refuseEmptyRange(built.guards.createdAfter, built.guards.createdBefore);
  return deepFreeze(built);
}

/** The settings that a job was built from, those without a value left out. */
export function valuesOf(job: Job): MergedValues {
  const values: Partial<Record<SettingName, unknown>> = {};
  for (const name of SETTING_NAMES) {
    const { frozen }: Setting = SETTINGS[name];
    const value = name === 'column' ? columnOf(job.source) : frozenSetting(job, name);
    if (value !== undefined) values[name] = frozen?.thaw === undefined ? value : frozen.thaw(value as never);
  }
  return values as MergedValues;
}

/** What a job holds of a setting; undefined where it says nothing of it. */
export function frozenSetting(job: Job, name: SettingName): unknown {
  const { frozen }: Setting = SETTINGS[name];
  return frozen?.at.split('.').reduce<unknown>((part, key) => (part as JobTree)[key], job);
}

/** A job with these settings as another one has them. */
export function withSettings(job: Job, from: Job, names: readonly SettingName[]): Job {
  const changed: JobTree = { ...job };
  for (const name of names) place(changed, name, frozenSetting(from, name));
  return deepFreeze(changed as unknown as Job);
}

type JobTree = Record<string, unknown>;

/** A job is laid out anew, never changed: a section that is written to is a copy. */
function place(job: JobTree, name: SettingName, value: unknown): void {
  const { frozen }: Setting = SETTINGS[name];
  const [section, key] = frozen?.at.split('.') ?? [];
  if (section === undefined) return;
  job[section] = key === undefined ? value : { ...(job[section] as JobTree | undefined), [key]: value };
}

function frozenValue(name: SettingName, value: unknown, nowMs: number): unknown {
  const { frozen, kind }: Setting = SETTINGS[name];
  if (value === undefined) return kind === 'texts' ? [] : undefined;
  return frozen?.freeze === undefined ? value : frozen.freeze(value as never, nowMs);
}

function columnOf(source: JobSource): string | undefined {
  return source.kind === 'query' ? undefined : source.column;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
