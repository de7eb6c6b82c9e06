import { dirname, extname, resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import { type FilterInput, resolveFilter } from './action-filter.ts';
import { buildJob, type MergedValues } from './build-job.ts';
import { defaultSettings, type Flags, givenSettings, show } from './given-settings.ts';
import type { Environment } from './interpolate.ts';
import type { Job, JobSource } from './job.ts';
import type { JobFile } from './job-file.ts';
import { OPEN_STATUSES } from './known-names.ts';
import { bareName, defaultLedger, isRunName, type LedgerPlace } from './ledger-name.ts';
import type { Setting } from './setting.ts';
import { SETTING_NAMES, SETTINGS, type SettingValues } from './settings.ts';

export type SourceKind = 'job' | 'ledger' | 'stdin' | 'file';

/** What a SOURCE on the command line is, by its name alone. */
export function sourceKind(source: string): SourceKind {
  if (source === '-') return 'stdin';
  if (isRunName(source)) return 'ledger';
  const ending = extname(source).toLowerCase();
  if (ending === '.yaml' || ending === '.yml') return 'job';
  return ending === '.jsonl' ? 'ledger' : 'file';
}

/** What one of many runs of a job has of its own, where the job file names it for all. */
export interface InsteadOfJob {
  /** Absolute path of a file of action IDs. */
  source?: string | undefined;
  name?: string | undefined;
}

export interface ResolveInput extends LedgerPlace {
  /** SOURCE as typed: a job file, a file of IDs, or `-`. Not a ledger, which holds its job. */
  sourceArg: string;
  /** What the job file says; needed exactly when SOURCE is one. Read by the caller, because most commands have none and its parser takes time to load. */
  jobFile?: JobFile | undefined;
  flags: Flags;
  env: Environment;
  nowMs: number;
  /** A plan's ledger has another name by default. @default false */
  plan?: boolean;
  /** Told what its reader should know of a job that is good all the same. */
  remark?: ((sentence: string) => void) | undefined;
  /** What an absolute path leads to: what gives its bytes only once is a source like stdin. @default a file */
  sourceAt?: (path: string) => 'stdin' | 'stream' | 'file';
  /** Who a token in the environment says we are, for what nothing else names. */
  fromToken?: { tenant?: string | undefined; clientId?: string | undefined } | undefined;
  instead?: InsteadOfJob | undefined;
}

/**
 * Merges flags, environment, job file and defaults, in this order of precedence, into one frozen job.
 * Throws one UsageError that names every mistake in the job file, else every one in flags and environment.
 */
export function resolveJob(input: ResolveInput): Job {
  const { nowMs, plan = false } = input;
  const { file, values, ...who } = mergeJob(input);
  const source = sourceOf(input, file, values.column);
  const ownName = input.instead?.name ?? file?.name;
  const name = ownName ?? (source.kind === 'file' ? bareName(source.path) : file ? bareName(file.path) : 'stdin');
  const stamped = source.kind !== 'file';
  const ledger = values.ledger ?? defaultLedger({ name, stamped, plan, nowMs }, input);
  return buildJob({ name, ...who, source, ledger }, values, nowMs);
}

/** What flags, environment, job file and defaults say together, before any of it is of a moment. Throws as {@link resolveJob}. */
export function mergeJob(input: ResolveInput): {
  file: JobFile | undefined;
  values: MergedValues;
  tenant: string;
  clientId: string;
} {
  const { flags, env } = input;
  const given = givenSettings(flags, env, input);
  const file = jobFileOf(input);
  for (const sentence of file?.remarks ?? []) input.remark?.(sentence);
  const values: MergedValues = {
    ...requireDefaults(defaultSettings()),
    ...fallbacks(env),
    ...(file && placed(file, input)),
    ...given.values,
  };
  const who = whoWeAre(values, input);
  const missing = [
    ...(who.tenant === undefined && given.origins.tenant === undefined ? [NO_TENANT] : []),
    ...(who.clientId === undefined && given.origins.clientId === undefined ? [NO_CLIENT] : []),
  ];
  if (given.problems.length + missing.length > 0) throw new UsageError([...given.problems, ...missing]);
  const { tenant = '', clientId = '' } = who;
  return { file, values, tenant, clientId };
}

function jobFileOf({ sourceArg, jobFile }: ResolveInput): JobFile | undefined {
  const kind = sourceKind(sourceArg);
  if (kind === 'ledger') throw new Error('a ledger holds its own job');
  if (kind !== 'job') return undefined;
  if (jobFile === undefined) throw new Error('what the job file says is needed');
  return jobFile;
}

function sourceOf(
  { sourceArg, cwd, nowMs, plan, instead, sourceAt = () => 'file' }: ResolveInput,
  file: JobFile | undefined,
  column: string | undefined,
): JobSource {
  if (file?.source.query && instead?.source === undefined) {
    return querySource(file.source.query, nowMs);
  }
  const given = instead?.source ?? (file ? (file.source.file ?? '-') : sourceArg);
  if (given === '-') return { kind: 'stdin', column };
  refuseNoFile(given, plan === true ? 'plan' : 'run');
  const path = resolve(file ? dirname(file.path) : cwd, given);
  switch (sourceAt(path)) {
    case 'stdin':
      return { kind: 'stdin', column };
    case 'stream':
      return { kind: 'stdin', path, column };
    case 'file':
      return { kind: 'file', path, column };
  }
}

/** What a job's query asks for at a moment: ages count back from it. */
export function querySource(query: FilterInput, nowMs: number): JobSource {
  return { kind: 'query', query: resolveFilter({ status: OPEN_STATUSES, ...query }, nowMs) };
}

const BARE_ID = /^["'{\s]*[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}["'}\s]*$/i;

/** What people give in place of a file that holds action IDs. */
function refuseNoFile(given: string, command: string): void {
  if (BARE_ID.test(given)) {
    const id = given.replace(/["'{}\s]/g, '');
    throw new UsageError(
      `${id} is an action ID, and SOURCE is a file of them: pipe it in with \`echo ${id} | countermand ${command} -\` ` +
        `(a file of this name is ./${id})`,
    );
  }
  // Only its host is shown: the rest may let somebody in.
  const [, host] = /^[a-z][a-z\d+.-]*:\/\/(?:[^@/]*@)?([^/?#]*)/i.exec(given) ?? [];
  if (host === undefined) return;
  throw new UsageError(
    `an address (at ${show(host)}) is given as SOURCE, which is a file of action IDs: what a GUID in an address names is not guessed. Copy the ` +
      'action IDs from the page or export them, or list them with `countermand list`',
  );
}

/** Variables of other tools: they stand in for a default, so a job file beats them. */
function fallbacks(env: Environment): Partial<SettingValues> {
  const found = SETTING_NAMES.flatMap((name) => {
    const { fallbackVariable, value }: Setting = SETTINGS[name];
    const raw = fallbackVariable === undefined ? undefined : env[fallbackVariable];
    if (raw === undefined || raw.trim() === '') return [];
    const parsed = value.safeParse(raw.trim());
    if (!parsed.success)
      throw new UsageError(`${fallbackVariable} must be ${parsed.error.issues[0]?.message ?? 'something else'}`);
    return [[name, parsed.data]];
  });
  return Object.fromEntries(found) as Partial<SettingValues>;
}

/** A job file names its ledger as a file: in a store it is the run of that name. */
function placed({ path, settings }: JobFile, { inStore = false }: LedgerPlace): Partial<SettingValues> {
  const values = pathsFrom(dirname(path), settings);
  return inStore && values.ledger !== undefined ? { ...values, ledger: bareName(values.ledger) } : values;
}

/** Relative paths in a job file are from its own folder, so that it can be run from anywhere. */
function pathsFrom(folder: string, values: Partial<SettingValues>): Partial<SettingValues> {
  const placed = Object.entries(values).map(([name, value]) => {
    const { isPath }: Setting = SETTINGS[name as keyof SettingValues];
    return [name, isPath ? resolve(folder, String(value)) : value];
  });
  return Object.fromEntries(placed) as Partial<SettingValues>;
}

/** A token names its application itself, and a system-assigned identity has no client ID that we could know. */
function whoWeAre(
  values: MergedValues,
  { env, fromToken }: ResolveInput,
): { tenant: string | undefined; clientId: string | undefined } {
  return {
    tenant: values.tenant ?? fromToken?.tenant?.toLowerCase(),
    clientId: values.clientId ?? fromToken?.clientId?.toLowerCase() ?? unnamedClient(values.auth, env),
  };
}

const NO_TENANT = 'the tenant is not known: give --tenant, or set AZURE_TENANT_ID';
const NO_CLIENT = 'the application is not known: give --client-id, or set AZURE_CLIENT_ID';

function unnamedClient(kind: SettingValues['auth'] | undefined, env: Environment): string | undefined {
  if (kind === 'token' || kind === 'managed-identity') return kind;
  if (kind !== undefined) return undefined;
  if (env['COUNTERMAND_TOKEN'] || env['COUNTERMAND_TOKEN_FILE']) return 'token';
  return env['IDENTITY_ENDPOINT'] || env['MSI_ENDPOINT'] ? 'managed-identity' : undefined;
}

export function requireDefaults(values: Partial<SettingValues>): MergedValues {
  return values as MergedValues;
}
