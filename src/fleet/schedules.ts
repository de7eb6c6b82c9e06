import type { JobWithMetadata, PgBoss } from 'pg-boss';
import type { ExitCode } from '../exit-codes.ts';
import type { ScheduledJob } from '../job/scheduled-job.ts';
import type { TurnEnd } from '../report/facts/schedule-status.ts';
import type { NetworkStore } from '../store/network-store.ts';
import { QUEUE_SCHEMA, refuseNoTurns, TURNS } from './boss.ts';
import { nextTurnMs, type Recurrence } from './cron.ts';

/** A job that is made a run of at each of its turns. */
export interface Schedule extends Recurrence {
  job: ScheduledJob;
  /** When it was submitted as it is, by the database's clock. Epoch ms. */
  sinceMs: number;
  /** The newest turn that came due and is remembered, a month; undefined before there is one. */
  last: LastTurn | undefined;
}

/** `end` is undefined while it is being made. */
export interface LastTurn {
  atMs: number;
  end: TurnEnd | undefined;
}

/** A turn that this process got. */
export interface DueTurn {
  schedule: Schedule;
  /** When it was found to be due, by the database's clock: the same each time that it is tried. Epoch ms. */
  atMs: number;
}

/** Does what the database is asked for, and throws the store's errors. */
export type Asked = <T>(work: () => Promise<T>) => Promise<T>;

/** A turn is called out. Tried again, it is found by looking. */
const POLL_S = 30;

const LIST = `select s.key, s.cron, coalesce(s.timezone, 'UTC') as tz, s.data as job,
    floor(extract(epoch from s.updated_on) * 1000)::float8 as "sinceMs", t.state, t.output,
    floor(extract(epoch from t.created_on) * 1000)::float8 as "atMs"
  from ${QUEUE_SCHEMA}.schedule s
  left join lateral (
    select state::text as state, output, created_on from ${QUEUE_SCHEMA}.job
    where name = '${TURNS}' and singleton_key = s.key order by created_on desc limit 1
  ) t on true
  where s.name = '${TURNS}' and ($1::text is null or s.key = $1) order by s.key`;

interface Row extends Recurrence {
  job: ScheduledJob;
  sinceMs: number;
  state: string | null;
  output: unknown;
  atMs: number | null;
}

/** The schedules in the queue of a store. pg-boss finds what is due, and sends each turn once, whichever worker looks. */
export class Schedules {
  readonly #boss: PgBoss;
  readonly #store: Pick<NetworkStore, 'where'>;
  readonly #asked: Asked;

  constructor(boss: PgBoss, store: Pick<NetworkStore, 'where'>, asked: Asked) {
    this.#boss = boss;
    this.#store = store;
    this.#asked = asked;
  }

  /** By name; with one, that alone. */
  async list(name?: string): Promise<Schedule[]> {
    const { rows } = await this.#asked(() => this.#boss.getDb().executeSql(LIST, [name ?? null]));
    return (rows as Row[]).map(({ cron, tz, job, sinceMs, ...turn }) => ({
      ...{ cron, tz, job, sinceMs },
      last: lastTurn(turn),
    }));
  }

  /** A schedule of this name that is there is replaced. */
  async put(job: ScheduledJob, { cron, tz }: Recurrence): Promise<void> {
    const key = job.name;
    // One turn at a time; what no worker was there for is made up once.
    const how = { key, tz, singletonKey: key, missed: 'once' } as const;
    await this.#asked(async () => {
      await refuseNoTurns(this.#boss, this.#store);
      await this.#boss.schedule(TURNS, cron, job, how);
    });
  }

  /** Runs that it has made stay. False where there is none of this name. */
  async remove(name: string): Promise<boolean> {
    const [there] = await this.list(name);
    if (there !== undefined) await this.#asked(() => this.#boss.unschedule(TURNS, name));
    return there !== undefined;
  }

  /** Gets turns from now on. Where `make` throws, the turn is tried again later. */
  async take(make: (turn: DueTurn) => Promise<TurnEnd>): Promise<void> {
    const how = {
      pollingIntervalSeconds: POLL_S,
      notifyPollingIntervalSeconds: POLL_S,
      includeMetadata: true,
    } as const;
    await this.#boss.work(TURNS, how, async ([turn]: JobWithMetadata<ScheduledJob>[]): Promise<TurnEnd> => {
      // What stands there now: it may have been replaced, or taken away, since the turn came due.
      const [schedule] = await this.list(turn?.singletonKey ?? '');
      if (turn === undefined || schedule === undefined) return { kind: 'removed' };
      const atMs = turn.createdOn.getTime();
      // pg-boss sends what was due in the minute before, and what an earlier schedule of the name owes: whoever submitted was told of a later turn.
      if (atMs < nextTurnMs(schedule, schedule.sinceMs)) return { kind: 'too-early' };
      return await make({ schedule, atMs });
    });
  }

  async leave(): Promise<void> {
    await this.#boss.offWork(TURNS, { wait: true });
  }
}

function lastTurn({ state, output, atMs }: Pick<Row, 'state' | 'output' | 'atMs'>): LastTurn | undefined {
  if (state === null || atMs === null) return undefined;
  if (state === 'completed') return { atMs, end: output as TurnEnd };
  if (state !== 'failed') return { atMs, end: undefined };
  const { message = 'the workers that made it were lost' } = (output ?? {}) as { message?: string };
  return { atMs, end: { kind: 'refused', exitCode: 1 satisfies ExitCode, reason: message } };
}
