import type { Clock } from '../../clock.ts';
import type { Job } from '../../job/job.ts';
import { ROUTES, type Route } from '../../ledger/record.ts';
import type { SenderId } from '../../ledger/sender.ts';
import { lookBackMs } from '../../quota/past-calls.ts';
import type { Quota, Slot, Window, WindowLeft } from '../../quota/quota.ts';
import { shareOf } from '../../quota/windows.ts';
import type { QuotaMemory } from '../store.ts';
import type { Database } from './database.ts';
import { type Lease, SILENT_MS } from './lease.ts';
import { LeftKnown } from './quota-left.ts';
import { rememberOwnCalls } from './quota-memory.ts';
import { Pauses } from './quota-pauses.ts';
import { SlotQueue } from './quota-queue.ts';
import { QuotaScope } from './quota-scope.ts';
import { Slots } from './quota-slots.ts';

/** What is left is looked up again when somebody asks for it so long after the last time. */
const LOOK_MS = 5000;

/**
 * The quota of a sender in the database, shared exactly by all processes that send as this sender. The promise is that of every quota; why it holds is said
 * beside the SQL (migrations/002-quota.ts) and in docs/design.md.
 *
 * It knows all calls that were asked for here, and those of `memory.ledger` that were made elsewhere. Closing it tells the database what became of the last
 * slots; without that they are held for a minute and a half. Throws the errors of {@link Database}; `take` does so when the database stays away for ten
 * seconds, or until the `lease` on the run would end.
 */
export async function openQuota(
  database: Database,
  sender: SenderId,
  options: Job['quota'],
  memory: QuotaMemory,
  clock: Clock,
  lease?: Pick<Lease, 'leftMs'>,
): Promise<Quota & AsyncDisposable> {
  const { log } = memory;
  const windows = shareOf(options.windows, options.share);
  const longestMs = Math.max(...windows.map(({ perMs }) => perMs));
  const run = memory.ledger?.state.run ?? '';
  const { scope, known } = await QuotaScope.open(database, sender, { longestMs, run }, { clock, log });
  await rememberOwnCalls(scope, known, memory, { windows, sender, clock });
  const quota = new PostgresQuota(scope, { windows, routes: options.routes, clock, log: memory.log, lease });
  await quota.look();
  return quota;
}

/** What is left of a sender's quota now, by looking alone: nothing is written. Throws the errors of {@link Database}. */
export async function quotaLeftIn(
  database: Database,
  sender: SenderId,
  options: Job['quota'],
  clock: Clock,
): Promise<WindowLeft[]> {
  const windows = shareOf(options.windows, options.share);
  const known = new LeftKnown(windows);
  const ages = await QuotaScope.lookAt(database, sender, cancelsAlone(options.routes), lookBackMs(windows));
  const nowMs = clock.monotonicMs();
  known.looked(ages, nowMs);
  return known.left(nowMs);
}

/** What is left is told of the windows that a cancel goes through. */
function cancelsAlone(routes: Job['quota']['routes']): Route | undefined {
  return routes === 'separate' ? 'cancel' : undefined;
}

interface PostgresQuotaOptions {
  windows: readonly Window[];
  routes: Job['quota']['routes'];
  clock: Clock;
  log: QuotaMemory['log'];
  lease: Pick<Lease, 'leftMs'> | undefined;
}

class PostgresQuota implements Quota, AsyncDisposable {
  readonly pauses: Pauses;
  readonly #scope: QuotaScope;
  readonly #clock: Clock;
  readonly #log: QuotaMemory['log'];
  readonly #slots: Slots;
  readonly #queues: Readonly<Record<Route, SlotQueue>>;
  /** Of the windows that a cancel call goes through. */
  readonly #known: LeftKnown;
  readonly #only: Route | undefined;
  readonly #lookBackMs: number;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(scope: QuotaScope, { windows, routes, clock, log, lease }: PostgresQuotaOptions) {
    const leftMs = (begunAtMs: number) =>
      Math.min(begunAtMs + SILENT_MS - clock.monotonicMs(), lease?.leftMs ?? Number.POSITIVE_INFINITY);
    this.#scope = scope;
    this.#clock = clock;
    this.#log = log;
    this.#only = cancelsAlone(routes);
    this.#known = new LeftKnown(windows);
    this.#lookBackMs = lookBackMs(windows);
    this.pauses = new Pauses(scope, { clock, log });
    this.#slots = new Slots(
      scope,
      {
        onEnd: (id, countedAtMs) => this.#known.ended(id, countedAtMs),
        onTold: (countedAtMs) => {
          for (const queue of this.#allQueues()) queue.freed(countedAtMs);
        },
      },
      { clock, log, leftMs },
    );
    const queueOf = (only: Route | undefined) =>
      new SlotQueue({
        ...{ scope, slots: this.#slots, only, windows, clock, leftMs },
        onGrant: (id) => {
          if (only === this.#only) this.#known.granted(id);
        },
        onAnswer: ({ pausedMs }) => this.pauses.seen(pausedMs),
      });
    if (routes === 'separate') {
      const own = ROUTES.map((route) => [route, queueOf(route)]);
      this.#queues = Object.fromEntries(own) as Record<Route, SlotQueue>;
    } else {
      const shared = queueOf(undefined);
      this.#queues = Object.fromEntries(ROUTES.map((route) => [route, shared])) as Record<Route, SlotQueue>;
    }
  }

  take(route: Route, signal?: AbortSignal): Promise<Slot> {
    return this.#queues[route].take(route, signal);
  }

  /** As last known: our own calls as they are, others' as they were at most some seconds ago, or when the database last answered. */
  left(): WindowLeft[] {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#lookedAtMs >= LOOK_MS && !this.#closed) {
      this.look().catch((error: unknown) => this.#log.debug({ err: error }, 'what is left of the quota is not known'));
    }
    return this.#known.left(nowMs);
  }

  async look(): Promise<void> {
    this.#lookedAtMs = this.#clock.monotonicMs();
    const ages = await this.#slots.alone(() => {
      this.#known.beginLook();
      return this.#scope.look(this.#only, this.#lookBackMs);
    });
    this.#known.looked(ages, this.#clock.monotonicMs());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const queue of this.#allQueues()) queue.close();
    await this.#slots.close();
  }

  #allQueues(): Set<SlotQueue> {
    return new Set(Object.values(this.#queues));
  }
}
