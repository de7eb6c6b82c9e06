import type { CredentialKind } from '../identity/token-source.ts';
import type { Window } from '../quota/quota.ts';

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
