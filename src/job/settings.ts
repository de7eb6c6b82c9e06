import type { z } from 'zod';
import { ACTION_TYPES } from './known-names.ts';
import {
  clientId,
  comment,
  duration,
  durationOrZero,
  failureLimit,
  flag,
  hosts,
  ledgerPath,
  moment,
  oneOf,
  openNames,
  share,
  tenant,
  text,
  texts,
  url,
  whole,
  windows,
} from './values.ts';

/** What a setting is called everywhere, what it takes and what it means. */
export interface Setting {
  /** Without the dashes. Its environment variable is {@link variableOf}. */
  flag: string;
  /** Path in the job file, or undefined when a job file cannot hold it. */
  job?: string;
  /** Why not, said to a person who tries. */
  notInJob?: string;
  /** How the text of a flag or variable becomes what `value` takes. `texts` is repeatable; a variable holds a comma-separated list. */
  kind: 'text' | 'texts' | 'number' | 'boolean';
  value: z.ZodType;
  /** No entry of this list holds a comma: `100/1m,1500/1h` is two of them in a flag too. */
  commasSeparate?: true;
  /** What stands for the value in help texts; none for a boolean. */
  placeholder?: string;
  /** As a person would write it. */
  default?: string;
  /** A variable of other tools that is read when nothing else says. */
  fallbackVariable?: string;
  /** A relative path: from the job file's folder when it stands there, else from the current folder. */
  isPath?: boolean;
  description: string;
  /** Whether a resume may change it; what names the run (tenant, host, comment, source) may not. */
  resume: boolean;
}

const NO_HOSTS_IN_JOBS = 'a job file cannot choose other hosts, because it may come from somebody else';

/** The one table of settings: flags, environment, job files, help texts and the README are all read from it. */
export const SETTINGS = {
  tenant: {
    flag: 'tenant',
    job: 'tenant',
    kind: 'text',
    value: tenant(),
    placeholder: 'ID',
    fallbackVariable: 'AZURE_TENANT_ID',
    description: 'the Entra tenant, by ID or domain',
    resume: false,
  },
  clientId: {
    flag: 'client-id',
    job: 'clientId',
    kind: 'text',
    value: clientId(),
    placeholder: 'ID',
    fallbackVariable: 'AZURE_CLIENT_ID',
    description: 'the application to sign in as',
    resume: true,
  },
  auth: {
    flag: 'auth',
    job: 'auth.kind',
    kind: 'text',
    value: oneOf(['client-secret', 'certificate', 'workload-identity', 'managed-identity', 'device-code', 'token']),
    placeholder: 'KIND',
    description: 'how to sign in; found from the environment when not given',
    resume: true,
  },
  cloud: {
    flag: 'cloud',
    job: 'api.cloud',
    kind: 'text',
    value: oneOf(['commercial', 'gcc', 'gcc-high', 'dod']),
    placeholder: 'CLOUD',
    default: 'commercial',
    description: 'the Microsoft cloud that the tenant is in',
    resume: false,
  },
  region: {
    flag: 'region',
    job: 'api.region',
    kind: 'text',
    value: oneOf(['us', 'eu', 'uk', 'au', 'swa', 'ina', 'aea']),
    placeholder: 'REGION',
    description: 'call the API in this region of the commercial cloud',
    resume: false,
  },
  apiUrl: {
    flag: 'api-url',
    notInJob: NO_HOSTS_IN_JOBS,
    kind: 'text',
    value: url(),
    placeholder: 'URL',
    description: 'another API host; one outside the known Microsoft hosts must be named by --allow-host too',
    resume: false,
  },
  authorityUrl: {
    flag: 'authority-url',
    notInJob: NO_HOSTS_IN_JOBS,
    kind: 'text',
    value: url(),
    placeholder: 'URL',
    description: 'another login host, without tenant',
    resume: false,
  },
  allowHost: {
    flag: 'allow-host',
    notInJob: NO_HOSTS_IN_JOBS,
    kind: 'texts',
    value: hosts(),
    placeholder: 'HOST',
    description: 'a host outside the known Microsoft hosts that may be called, without port',
    resume: true,
  },
  comment: {
    flag: 'comment',
    job: 'comment',
    kind: 'text',
    value: comment(),
    placeholder: 'TEXT',
    description: "written on every cancel; a CSV's comment column beats it; required to start",
    resume: false,
  },
  column: {
    flag: 'column',
    job: 'source.column',
    kind: 'text',
    value: text('the name of a column, or its number from 1'),
    placeholder: 'NAME',
    description: 'the column that holds the action IDs, by name or number; found by the header when not given',
    resume: false,
  },
  ledger: {
    flag: 'ledger',
    job: 'ledger',
    kind: 'text',
    value: ledgerPath(),
    placeholder: 'FILE',
    isPath: true,
    description: 'where to record the run; `ledgers/<name>.jsonl` when not given',
    resume: false,
  },
  quota: {
    flag: 'quota',
    job: 'quota.windows',
    kind: 'texts',
    value: windows(),
    commasSeparate: true,
    placeholder: 'CALLS/TIME',
    default: '100/1m,1500/1h',
    description: 'calls allowed in every span of this length; replaces the defaults',
    resume: true,
  },
  quotaShare: {
    flag: 'quota-share',
    job: 'quota.share',
    kind: 'number',
    value: share(),
    placeholder: 'PART',
    default: '1',
    description: 'the part of each window to use, when others send as the same application',
    resume: true,
  },
  quotaRoutes: {
    flag: 'quota-routes',
    job: 'quota.routes',
    kind: 'text',
    value: oneOf(['shared', 'separate']),
    placeholder: 'HOW',
    default: 'shared',
    description: 'whether cancel, get and list share the windows or have their own',
    resume: true,
  },
  concurrency: {
    flag: 'concurrency',
    job: 'concurrency',
    kind: 'number',
    value: whole(1, 256),
    placeholder: 'N',
    default: '16',
    description: 'calls in flight at most',
    resume: true,
  },
  onlyType: {
    flag: 'only-type',
    job: 'guards.onlyType',
    kind: 'texts',
    value: openNames(ACTION_TYPES, 'an action type such as Isolate, or a list of types'),
    placeholder: 'TYPE',
    description: 'cancel only actions of this type',
    resume: true,
  },
  onlyRequestor: {
    flag: 'only-requestor',
    job: 'guards.onlyRequestor',
    kind: 'texts',
    value: texts(),
    placeholder: 'NAME',
    description: 'cancel only actions that this account requested',
    resume: true,
  },
  onlyMachine: {
    flag: 'only-machine',
    job: 'guards.onlyMachine',
    kind: 'texts',
    value: texts(),
    placeholder: 'MACHINE',
    description: 'cancel only actions on this machine (device ID or DNS name)',
    resume: true,
  },
  createdAfter: {
    flag: 'created-after',
    job: 'guards.createdAfter',
    kind: 'text',
    value: moment(),
    placeholder: 'WHEN',
    description: 'cancel only actions created after this date or age',
    resume: true,
  },
  createdBefore: {
    flag: 'created-before',
    job: 'guards.createdBefore',
    kind: 'text',
    value: moment(),
    placeholder: 'WHEN',
    description: 'cancel only actions created before this date or age',
    resume: true,
  },
  maxActions: {
    flag: 'max-actions',
    job: 'guards.maxActions',
    kind: 'number',
    value: whole(1, 100_000_000),
    placeholder: 'N',
    description: 'start nothing when more actions than this are admitted',
    resume: true,
  },
  maxFailures: {
    flag: 'max-failures',
    job: 'guards.maxFailures',
    kind: 'text',
    value: failureLimit(),
    placeholder: 'N or N%',
    default: '10%',
    description: 'halt when more actions than this have failed',
    resume: true,
  },
  first: {
    flag: 'first',
    job: 'guards.first',
    kind: 'number',
    value: whole(0, 1_000_000),
    placeholder: 'N',
    description: 'cancel and confirm this many, show what became of them, and ask before the rest; 0 = off',
    resume: true,
  },
  maxDuration: {
    flag: 'max-duration',
    job: 'guards.maxDuration',
    kind: 'text',
    value: duration(),
    placeholder: 'TIME',
    description: 'stop starting new cancels after this long',
    resume: true,
  },
  patience: {
    flag: 'patience',
    job: 'patience',
    kind: 'text',
    value: duration(),
    placeholder: 'TIME',
    default: '60m',
    description: 'give up after this long without one successful call',
    resume: true,
  },
  screen: {
    flag: 'screen',
    job: 'screen',
    kind: 'text',
    value: oneOf(['auto', 'always', 'never']),
    placeholder: 'WHEN',
    default: 'auto',
    description: 'look actions up before a cancel call is spent on them',
    resume: true,
  },
  confirmFor: {
    flag: 'confirm-for',
    job: 'confirmFor',
    kind: 'text',
    value: durationOrZero(),
    placeholder: 'TIME',
    default: '2m',
    description: 'look accepted cancels up for this long after the last one; 0 = do not check',
    resume: true,
  },
  strictInput: {
    flag: 'strict-input',
    job: 'strictInput',
    kind: 'boolean',
    value: flag(),
    default: 'false',
    description: 'stop at the first row that is not an action ID',
    resume: true,
  },
  planMaxAge: {
    flag: 'plan-max-age',
    job: 'planMaxAge',
    kind: 'text',
    value: duration(),
    placeholder: 'TIME',
    default: '24h',
    description: 'refuse to start a plan older than this',
    resume: true,
  },
  keepLedgers: {
    flag: 'keep-ledgers',
    job: 'keepLedgers',
    kind: 'text',
    value: duration(),
    placeholder: 'TIME',
    description: 'remove finished ledgers of this job older than this when a new run begins',
    resume: true,
  },
  metricsFile: {
    flag: 'metrics-file',
    job: 'metricsFile',
    kind: 'text',
    value: text(),
    placeholder: 'FILE',
    isPath: true,
    description: 'write Prometheus metrics here at the end and every 30 s',
    resume: true,
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof SETTINGS;

export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** What each setting's value is once read. */
export type SettingValues = { [K in SettingName]: z.output<(typeof SETTINGS)[K]['value']> };

/** The environment variable of a flag: `--max-actions` is `COUNTERMAND_MAX_ACTIONS`. */
export function variableOf(flagName: string): string {
  return `COUNTERMAND_${flagName.toUpperCase().replaceAll('-', '_')}`;
}
