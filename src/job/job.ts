import { z } from 'zod';
import { commentFault } from '../comment.ts';
import type { CredentialKind } from '../identity/token-source.ts';
import type { Window } from '../quota/quota.ts';
import { isLedgerJobName } from './ledger-name.ts';
import { SETTINGS } from './settings.ts';

export type Cloud = 'commercial' | 'gcc' | 'gcc-high' | 'dod';

export type Region = 'us' | 'eu' | 'uk' | 'au' | 'swa' | 'ina' | 'aea';

/** Which actions a query or `list` asks for. Moments are ISO times, UTC: ages were resolved when the job was frozen. */
export interface ActionFilter {
  type: readonly string[];
  status: readonly string[];
  requestor: readonly string[];
  machine: readonly string[];
  createdAfter: string | undefined;
  createdBefore: string | undefined;
  /** Matched here, not by Defender. */
  commentContains: string | undefined;
}

export type JobSource =
  | { kind: 'file'; path: string; column: string | undefined }
  /** Read once: stdin itself, or with a path what is read like it, a pipe or a device. */
  | { kind: 'stdin'; path?: string | undefined; column: string | undefined }
  | { kind: 'query'; query: ActionFilter };

export interface Guards {
  onlyType: readonly string[];
  onlyRequestor: readonly string[];
  onlyMachine: readonly string[];
  /** ISO time, UTC. */
  createdAfter: string | undefined;
  createdBefore: string | undefined;
  maxActions: number | undefined;
  maxFailures: { percent: number } | { count: number };
  first: number | undefined;
  maxDurationMs: number | undefined;
}

/**
 * One definition, frozen: file, environment and flags are already merged, ages are moments, paths are absolute.
 * It is what the ledger's `open` record holds, and holds no secret.
 */
export interface Job {
  /** The job's name, else the source file's without its ending, else `stdin`. */
  name: string;
  tenant: string;
  clientId: string;
  auth: { kind: CredentialKind | undefined };
  api: {
    cloud: Cloud;
    region: Region | undefined;
    /** Base URL that overrides the cloud's, without a trailing slash. */
    url: string | undefined;
    /** Login host that overrides the cloud's, without tenant. */
    authorityUrl: string | undefined;
    allowHosts: readonly string[];
  };
  source: JobSource;
  comment: string | undefined;
  /** Absolute path of the ledger. */
  ledger: string;
  quota: { windows: readonly Window[]; share: number; routes: 'shared' | 'separate' };
  concurrency: number;
  guards: Guards;
  patienceMs: number;
  screen: 'auto' | 'always' | 'never';
  confirmForMs: number;
  strictInput: boolean;
  planMaxAgeMs: number;
  /** Finished ledgers of this job older than this are removed when a new run begins. */
  keepLedgersMs: number | undefined;
  /** Absolute path of the Prometheus text file that is written during the run. */
  metricsFile?: string | undefined;
}

const texts = z.array(z.string()).readonly();
const positive = z.number().positive();

const { auth, cloud, region, quotaRoutes, screen, concurrency, maxActions, first, strictInput } = SETTINGS;

/** Both go into the address that a token is asked from. */
const TENANT = /^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/;
const CLIENT = /^[A-Za-z0-9._-]+$/;

const LONGEST = 256;
const comment = z.string().refine((text) => commentFault(text) === undefined);

const filter = z.object({
  type: texts,
  status: texts,
  requestor: texts,
  machine: texts,
  createdAfter: z.iso.datetime().optional(),
  createdBefore: z.iso.datetime().optional(),
  commentContains: z.string().optional(),
});

/** A frozen job as JSON gives it back: what was undefined is missing. Keys that a later version added are left out. */
export const frozenJobSchema = z.object({
  name: z.string().refine(isLedgerJobName),
  tenant: z.string().max(LONGEST).regex(TENANT),
  clientId: z.string().max(LONGEST).regex(CLIENT),
  auth: z.object({ kind: auth.value.optional() }),
  api: z.object({
    cloud: cloud.value,
    region: region.value.optional(),
    url: z.string().optional(),
    authorityUrl: z.string().optional(),
    allowHosts: texts,
  }),
  source: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('file'), path: z.string(), column: z.string().optional() }),
    z.object({ kind: z.literal('stdin'), path: z.string().optional(), column: z.string().optional() }),
    z.object({ kind: z.literal('query'), query: filter }),
  ]),
  comment: comment.optional(),
  ledger: z.string(),
  quota: z.object({
    windows: z
      .array(z.object({ calls: z.int().positive(), perMs: positive }))
      .min(1)
      .readonly(),
    share: positive.max(1),
    routes: quotaRoutes.value,
  }),
  concurrency: concurrency.value,
  guards: z.object({
    onlyType: texts,
    onlyRequestor: texts,
    onlyMachine: texts,
    createdAfter: z.iso.datetime().optional(),
    createdBefore: z.iso.datetime().optional(),
    maxActions: maxActions.value.optional(),
    maxFailures: z.union([z.object({ percent: z.number().min(0).max(100) }), z.object({ count: z.int().min(0) })]),
    first: first.value.optional(),
    maxDurationMs: positive.optional(),
  }),
  patienceMs: positive,
  screen: screen.value,
  confirmForMs: z.number().min(0),
  strictInput: strictInput.value,
  planMaxAgeMs: positive,
  keepLedgersMs: positive.optional(),
  metricsFile: z.string().optional(),
});

/** What is wrong with a frozen job that was read, completing "job …", by the key that does not fit; undefined when nothing is. */
export function frozenJobFault(value: unknown): string | undefined {
  const { error } = frozenJobSchema.safeParse(value);
  if (error === undefined) return undefined;
  const key = error.issues[0]?.path.join('.') ?? '';
  return `is none that this version can read${key === '' ? '' : `: ${key} is missing or does not fit`}`;
}
