import { type ConstructorOptions, PgBoss } from 'pg-boss';
import { UsageError } from '../errors.ts';
import type { NetworkStore } from '../store/network-store.ts';

/** Where pg-boss's tables lie, beside those of the store. */
export const QUEUE_SCHEMA = 'countermand_queue';

/** Runs that a worker is to take, by their names. */
export const RUNS = 'run';
/** Runs that no worker goes on with until somebody has looked. */
export const DEAD_LETTERS = 'needs-a-person';
/** Turns of schedules that came due, of which a worker makes runs. */
export const TURNS = 'turn';

const DAY_S = 86_400;
/** A turn that could not be made, because the store did not answer or the worker was lost, is tried again this often. */
const TURN_RETRIES = 10;

/**
 * How the queues are made. `exclusive`: a run stands in the queue once, waiting or at work. A worker that is lost is noticed after 10 s without a
 * heartbeat, which is pg-boss's least. Nothing is retried for a number of times: what may be done again, and when, is decided from how the run ended.
 * pg-boss ends a handler after a day at most, so that long runs change shifts before that. A turn makes a run within seconds, in no place of a worker.
 */
export const QUEUES = {
  [TURNS]: {
    policy: 'exclusive',
    heartbeatSeconds: 10,
    expireInSeconds: 600,
    retryLimit: TURN_RETRIES,
    retryDelay: 30,
    retryBackoff: false,
    retentionSeconds: DAY_S,
    deleteAfterSeconds: 30 * DAY_S,
    notify: true,
  },
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

/** pg-boss on the database of a store, not started. It never makes or changes tables but where `more` says so, nor looks for turns that are due. */
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

/** Of a store that was set up by another version, or before there were workers. */
export function otherQueue({ where }: Pick<NetworkStore, 'where'>, why: string, cause?: unknown): UsageError {
  return new UsageError(`The store ${where} has no queue of this version (${why}): run countermand store init.`, {
    cause,
  });
}

/** Throws {@link otherQueue} for one that was set up before there were schedules. */
export async function refuseNoTurns(boss: PgBoss, store: Pick<NetworkStore, 'where'>): Promise<void> {
  if ((await boss.getQueue(TURNS)) === null) throw otherQueue(store, 'it has no schedules');
}
