import type { Clock } from '../clock.ts';
import type { ActionBehaviour, BehaviourMix } from './behaviours.ts';
import type { DeviceOptions } from './devices.ts';
import type { FaultOptions, FaultScript } from './faults.ts';
import type { GenerateOptions } from './generate-actions.ts';
import type { ActionSeed } from './sandbox-action.ts';
import type { QuotaRule, QuotaWindow } from './strict-quota.ts';

export interface SandboxOptions {
  /** @default 0, a free one */
  port?: number;
  /** What the store holds at first: actions, or how to make them up. @default none */
  actions?: readonly ActionSeed[] | Omit<GenerateOptions, 'nowMs'>;
  /** @default 100 per 60 s and 1500 per 3600 s, sliding, all routes together; false counts nothing */
  quota?: SandboxQuota | false;
  behaviours?: {
    /** For every action that has none of its own and drew none. */
    default?: ActionBehaviour;
    /** Drawn by seed and ID. */
    mix?: readonly BehaviourMix[];
    /** @default 1 */
    seed?: number;
    /** By action ID, in lower case. */
    byId?: Readonly<Record<string, ActionBehaviour>>;
  };
  /** A script, or queued rates with a seed. */
  faults?: FaultScript | FaultOptions;
  devices?: DeviceOptions;
  access?: SandboxAccess;
  list?: SandboxListRules;
  /** A cancel of an action whose cancel was accepted before: 400, or 200 without effect. @default refused */
  secondCancel?: 'refused' | 'accepted';
  /** Time between arrival and answer; a pair draws from the span. @default 0 */
  latencyMs?: number | readonly [least: number, most: number];
  /** Added to the clock for the `Date` header. @default 0 */
  dateSkewMs?: number;
  clock?: Clock;
  /** For latency and the moment of counting. @default seeded with 1 */
  random?: () => number;
}

export interface SandboxQuota {
  windows?: readonly QuotaWindow[];
  /** @default sliding */
  rule?: QuotaRule;
  /** Where `fixed-offset` windows begin on the monotonic clock. @default 0 */
  offsetMs?: number;
  /** One bucket for all routes, or one for each. @default shared */
  routes?: 'shared' | 'separate';
  /** Whether a refused call spends quota too. @default false */
  countRefused?: boolean;
  /** When, between arrival and answer, a call is counted. @default arrival */
  countAt?: 'arrival' | 'answer' | 'random';
  /** Whether a 429 carries `Retry-After`. @default true */
  retryAfter?: boolean;
}

export interface SandboxAccess {
  /** Whether this bearer is taken at all; asked after the token's own expiry. @default every bearer */
  accepts?: (token: string) => boolean;
  /** Whether the permission must fit the type of the action. @default false: any of the seven */
  permissionByType?: boolean;
  /** Whether who may read actions may list devices too, for which the newest documentation names another permission. @default true */
  readsDevices?: boolean;
}

interface SandboxListRules {
  /** Entities in a page at most. @default 10,000 */
  pageSize?: number;
  /** IDs in an `in (…)` at most. @default no limit */
  maxIds?: number;
  /** What more IDs are answered with. @default 400 */
  maxIdsStatus?: 400 | 404 | 413 | 414;
  /** Characters of path and query at most; more is answered 414. @default 16,384 */
  maxUrlLength?: number;
  /**
   * `without-top`: a next link when the service's page size cut the answer to a request without `$top`, as Defender does it; `when-cut`: also to
   * one with; `always`: also when `$top` did the cutting; `never`.
   * @default without-top
   */
  nextLink?: 'without-top' | 'when-cut' | 'always' | 'never';
  /** Whether `@odata.count` is given when it was asked for, always, or never. @default when-asked */
  count?: 'when-asked' | 'always' | 'never';
  /** Scheme and host of the next links, where a client must not follow them. @default that of the request */
  nextLinkOrigin?: string | undefined;
}

/** The rules with nothing left open. */
export type ListRules = Required<SandboxListRules>;

export const defaultWindows: readonly QuotaWindow[] = [
  { calls: 100, perMs: 60_000 },
  { calls: 1500, perMs: 3_600_000 },
];

export const defaultListRules: ListRules = {
  pageSize: 10_000,
  maxIds: Number.POSITIVE_INFINITY,
  maxIdsStatus: 400,
  maxUrlLength: 16_384,
  nextLink: 'without-top',
  count: 'when-asked',
  nextLinkOrigin: undefined,
};
