import { randomUUID } from 'node:crypto';
import type { Job, JobAttempt, JobResult, PgBoss } from 'pg-boss';
import type { ExitCode } from '../exit-codes.ts';
import type { Logger } from '../log.ts';
import type { WorkerStatus } from '../report/facts/run-status.ts';
import type { TurnEnd } from '../report/facts/schedule-status.ts';
import type { NetworkStore } from '../store/network-store.ts';
import { bossOf, DEAD_LETTERS, otherQueue, QUEUE_SCHEMA, RUNS, refuseNoTurns } from './boss.ts';
import type { PlanSums } from './plan-sums.ts';
import { type DueTurn, Schedules } from './schedules.ts';
import { LATEST, type LatestRow, type Standing, type Submission, standingOf } from './standing.ts';

/** A run that this process has got to work on. */
export interface Claim {
  submission: Submission;
  /** How many workers had it before and were lost, since it was put into the queue as it is. */
  deaths: number;
  /** Aborts when it is not ours any more: another has it, or somebody took it out of the queue. */
  signal: AbortSignal;
}

/** What becomes of a run in the queue once a place is done with it. */
export type Settlement =
  | { kind: 'done'; exitCode: ExitCode; plan?: PlanSums | undefined }
  | { kind: 'again'; afterMs: number; submission: Submission }
  | { kind: 'dead-letter'; exitCode: ExitCode; reason: string };

/** How much stands in the queue. */
export interface Backlog {
  /** `waiting`: for a place; `later`: for a moment that was set. */
  runs: Readonly<Record<'waiting' | 'later' | 'at-work' | 'dead-letter', number>>;
  /** How long (ms) the first of those that could be taken has waited; 0 without one. */
  waitMs: number;
}

export interface TakeOptions {
  /** How many runs at once. */
  places: number;
  /** Does the work. Where it throws, the run is given back as one whose worker was lost. */
  work(claim: Claim): Promise<Settlement>;
  /** Makes the run of a turn that came due, beside the places. Where it throws, the turn is tried again later. Without it no turns are taken. */
  turn?: (due: DueTurn, queue: TurnQueue) => Promise<TurnEnd>;
}

/** What the making of a turn asks of the queue. */
export type TurnQueue = Pick<RunQueue, 'standings' | 'submit'>;

/** The queue as a worker sees it. It says who should work on a run, and may be wrong: who may is for the store to say. */
export interface WorkQueue extends AsyncDisposable {
  /** Takes runs and turns from now on, until {@link leave}. */
  take(how: TakeOptions): Promise<void>;
  /** Takes no more. What is at work goes on; `idle` resolves once what became of them is told. */
  leave(): { idle: Promise<void> };
  /** What stands in the queue now. */
  backlog(): Promise<Backlog>;
}

const POLL_S = 2;
/** Where the database calls each new run out, places look by themselves for those alone whose moment has come or whose worker was lost. */
const HEARD_POLL_S = 5;
/** A worker that is lost is noticed 10 to 13 s later, before its leases run out. */
const SUPERVISE_S = 3;
const DUE_S = 30;
const SEND_S = 5;
/** An error of the queue's is logged once in so long: with the database away there is one at every look. */
const QUIET_MS = 10_000;

const OPEN = "state in ('created', 'retry')";
const BACKLOG = `select
    count(*) filter (where name = '${RUNS}' and ${OPEN} and start_after <= now())::int as waiting,
    count(*) filter (where name = '${RUNS}' and ${OPEN} and start_after > now())::int as later,
    count(*) filter (where name = '${RUNS}' and state = 'active')::int as "atWork",
    count(*) filter (where name = '${DEAD_LETTERS}')::int as "deadLetters",
    coalesce(max(extract(epoch from now() - start_after)) filter (where name = '${RUNS}' and ${OPEN} and start_after <= now()), 0)::float8
      * 1000 as "waitMs"
  from ${QUEUE_SCHEMA}.job where name in ('${RUNS}', '${DEAD_LETTERS}') and (state = 'active' or ${OPEN})`;

interface BacklogRow {
  waiting: number;
  later: number;
  atWork: number;
  deadLetters: number;
  waitMs: number;
}

/** The queue of runs in the database of a store: pg-boss. */
export class RunQueue implements WorkQueue {
  readonly schedules: Schedules;
  readonly #boss: PgBoss;
  readonly #store: NetworkStore;

  private constructor(boss: PgBoss, store: NetworkStore) {
    this.#boss = boss;
    this.#store = store;
    this.schedules = new Schedules(boss, store, (work) => this.#asked(work));
  }

  /**
   * Opens it. `worker`: it will take runs, and looks after those of others that were lost. Throws a UsageError that names `store init` where there is
   * none or one of another version, and the store's errors.
   */
  static async open(store: NetworkStore, log: Logger, as: 'worker' | 'client'): Promise<RunQueue> {
    const worker = {
      ...{ supervise: true, superviseIntervalSeconds: SUPERVISE_S, monitorIntervalSeconds: SUPERVISE_S },
      ...{ useListenNotify: true, registerInstance: true, instanceHeartbeatSeconds: POLL_S, max: 4 },
      // Looks for turns that are due, one of all workers at a time, and sends them on.
      ...{ schedule: true, cronMonitorIntervalSeconds: DUE_S, cronWorkerIntervalSeconds: SEND_S },
    };
    const boss = bossOf(store, as === 'worker' ? worker : { max: 2 });
    let quietUntilMs = 0;
    boss.on('error', (error) => {
      const level = performance.now() < quietUntilMs ? 'debug' : 'warn';
      if (level === 'warn') quietUntilMs = performance.now() + QUIET_MS;
      log[level]({ err: error }, 'the queue does not answer as it should; it is asked again');
    });
    boss.on('warning', ({ message, data }) => log.debug({ data }, message));
    try {
      await boss.start();
      if (as === 'worker') await refuseNoTurns(boss, store);
    } catch (error) {
      await boss.stop({ graceful: false }).catch(() => {});
      if (error instanceof Error && /^pg-boss (is not installed|database requires)/.test(error.message)) {
        throw otherQueue(store, error.message, error);
      }
      throw store.trouble(error);
    }
    return new RunQueue(boss, store);
  }

  /** Puts a run into the queue; false where it is in it already. */
  async submit(submission: Submission): Promise<boolean> {
    return await this.#asked(async () => (await this.#send(submission)) !== null);
  }

  /** Puts all of these into the queue, or none where that fails. Returns the names of those that were in it already. */
  async submitAll(submissions: readonly Submission[]): Promise<string[]> {
    const jobs = submissions.map((data) => ({ id: randomUUID(), data, singletonKey: data.run }));
    // One statement, which passes over what is there.
    const inserted = new Set(await this.#asked(() => this.#boss.insert(RUNS, jobs, { returnId: true })));
    return jobs.filter(({ id }) => !inserted.has(id)).map(({ data }) => data.run);
  }

  /** The last standing of these runs, of all without any; those that were never in the queue are left out. */
  async standings(runs?: readonly string[]): Promise<Standing[]> {
    return await this.#asked(async () => {
      const { rows } = await this.#boss.getDb().executeSql(LATEST, [runs ?? null]);
      return (rows as LatestRow[]).map(standingOf);
    });
  }

  async backlog(): Promise<Backlog> {
    return await this.#asked(async () => {
      const { rows } = await this.#boss.getDb().executeSql(BACKLOG);
      const [{ waiting, later, atWork, deadLetters, waitMs }] = rows as [BacklogRow];
      return { runs: { waiting, later, 'at-work': atWork, 'dead-letter': deadLetters }, waitMs };
    });
  }

  async workers(): Promise<WorkerStatus[]> {
    const seen = await this.#asked(() => this.#boss.getInstances());
    return seen.flatMap(({ live, pid, host, workers, startedOn }) => {
      const at = workers.find(({ queue }) => queue === RUNS);
      if (!live || at === undefined) return [];
      return [{ pid, host, places: at.localConcurrency, busy: at.active, sinceMs: startedOn.getTime() }];
    });
  }

  /** Takes a run out of the queue, also one that is at work; a dead letter stays one. False when there was none. */
  async takeOut(run: string): Promise<boolean> {
    return await this.#asked(async () => {
      const jobs = await this.#boss.findJobs(RUNS, { key: run });
      const open = jobs.filter(({ state }) => state === 'created' || state === 'retry' || state === 'active');
      for (const { id } of open) await this.#boss.cancel(RUNS, id);
      return open.length > 0;
    });
  }

  /** Puts a dead letter back into the queue; false where there is none of this name. */
  async revive(run: string): Promise<boolean> {
    return await this.#asked(async () => {
      const [dead] = await this.#boss.findJobs<Submission>(DEAD_LETTERS, { key: run });
      if (dead === undefined) return false;
      await this.#together(async (db) => {
        await this.#boss.deleteJob(DEAD_LETTERS, dead.id, { db });
        await this.#send({ ...dead.data, idleTakeovers: 0, waits: 0 }, { db });
      });
      return true;
    });
  }

  async take({ places, work, turn }: TakeOptions): Promise<void> {
    const how = {
      ...{ localConcurrency: places, perJobResults: true, batchSize: 1 },
      ...{ pollingIntervalSeconds: POLL_S, notifyPollingIntervalSeconds: HEARD_POLL_S },
    } as const;
    await this.#asked(() =>
      this.#boss.work<Submission>(RUNS, how, async ([job]) => {
        if (job === undefined) return [];
        const { data: submission, retryCount: deaths, signal } = job;
        return [await this.#settle(job, await work({ submission, deaths, signal }))];
      }),
    );
    if (turn !== undefined) await this.schedules.take((due) => turn(due, this));
  }

  /** Takes no more runs and turns. Those at work go on; `idle` resolves once what became of them is told. */
  leave(): { idle: Promise<void> } {
    const left = [this.#boss.offWork(RUNS, { wait: true }), this.schedules.leave()];
    return { idle: Promise.all(left).then(() => {}) };
  }

  /** Waits up to 5 s until what became of the last runs is told. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#boss.stop({ timeout: 5000 });
  }

  async #settle(job: Job<Submission>, settlement: Settlement): Promise<JobResult> {
    const { id } = job;
    if (settlement.kind === 'done') {
      const { exitCode, plan } = settlement;
      return { id, status: 'completed', output: { exitCode, ...(plan === undefined ? {} : { plan }) } };
    }
    if (settlement.kind === 'dead-letter') {
      return { id, status: 'deadletter', output: { exitCode: settlement.exitCode, reason: settlement.reason } };
    }
    const { submission, afterMs } = settlement;
    // In one: a run that was given back and not put into the queue again would be nobody's.
    const isGivenBack = await this.#together(async (db) => {
      const mine: JobAttempt = { id, retryCount: job.retryCount };
      const answer = await this.#boss.complete(RUNS, mine, { again: true }, { db });
      if (!('affected' in answer) || answer.affected !== 1) return false;
      await this.#send(submission, { db, startAfter: afterMs / 1000 });
      return true;
    });
    // Otherwise it was taken out of the queue, or another has it: if by the same attempt, as after a failover, then whatever is told of it is told of
    // his. To be completed would lose the run; to have failed gives it to a worker once more.
    return { id, status: isGivenBack ? 'completed' : 'failed' };
  }

  async #send(submission: Submission, how: Parameters<PgBoss['send']>[2] & object = {}): Promise<string | null> {
    return await this.#boss.send(RUNS, submission, { singletonKey: submission.run, ...how });
  }

  async #together<T>(work: (db: Db) => Promise<T>): Promise<T> {
    const transaction = await this.#boss.getDb().beginTransaction?.();
    if (transaction === undefined) throw new Error('a client of the queue without transactions');
    try {
      const made = await work(transaction.db);
      await transaction.commit();
      return made;
    } catch (error) {
      await transaction.rollback();
      throw error;
    }
  }

  async #asked<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.#store.trouble(error);
    }
  }
}

type Db = ReturnType<PgBoss['getDb']>;
