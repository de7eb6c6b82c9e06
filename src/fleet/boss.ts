import { type ConstructorOptions, PgBoss } from 'pg-boss';
import type { NetworkStore } from '../store/network-store.ts';

/** Where pg-boss's tables lie, beside those of the store. */
export const QUEUE_SCHEMA = 'countermand_queue';

/** Runs that a worker is to take, by their names. */
export const RUNS = 'run';
/** Runs that no worker goes on with until somebody has looked. */
export const DEAD_LETTERS = 'needs-a-person';

const DAY_S = 86_400;

/**
 * How the queues are made. `exclusive`: a run stands in the queue once, waiting or at work. A worker that is lost is noticed after 10 s without a
 * heartbeat, which is pg-boss's least. Nothing is retried for a number of times: what may be done again, and when, is decided from how the run ended.
 * pg-boss ends a handler after a day at most, so that long runs change shifts before that.
 */
export const QUEUES = {
  [DEAD_LETTERS]: { policy: 'standard', retentionSeconds: 3650 * DAY_S, deleteAfterSeconds: 30 * DAY_S },
  [RUNS]: {
    policy: 'exclusive',
    deadLetter: DEAD_LETTERS,
    heartbeatSeconds: 10,
    expireInSeconds: 86_000,
    retryLimit: 1_000_000,
    retryDelay: 0,
    retryBackoff: false,
    retentionSeconds: 3650 * DAY_S,
    deleteAfterSeconds: 7 * DAY_S,
    notify: true,
  },
} as const;

/** pg-boss on the database of a store, not started. It never makes or changes tables but where `more` says so, and has no schedules of its own. */
export function bossOf({ access }: NetworkStore, more: ConstructorOptions): PgBoss {
  return new PgBoss({
    ...access,
    schema: QUEUE_SCHEMA,
    application_name: 'countermand:queue',
    migrate: false,
    createSchema: false,
    supervise: false,
    schedule: false,
    reindex: false,
    monitorVacuum: false,
    registerInstance: false,
    ...more,
  });
}
