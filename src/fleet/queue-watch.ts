import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Backlog, WorkQueue } from './queue.ts';

const EVERY_MS = 5_000;
/** What was seen longer ago is not known any more: two looks failed. */
const FRESH_MS = 12_000;
/** A look that hangs for longer is given up: its connection may be one that nobody is at the other end of. */
const GIVE_UP_MS = 20_000;

/** Looks at the queue every five seconds, for as long as a worker takes runs: what waits there, and whether the database answers. */
export class QueueWatch {
  readonly #clock: Clock;
  #last: (Backlog & { atMs: number }) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What was seen last; undefined before that. */
  get last(): Backlog | undefined {
    return this.#last;
  }

  /** Since the database answered last (ms); undefined when it never did. */
  get ageMs(): number | undefined {
    return this.#last && this.#clock.monotonicMs() - this.#last.atMs;
  }

  get isFresh(): boolean {
    return this.ageMs !== undefined && this.ageMs <= FRESH_MS;
  }

  /** Looks until `signal` aborts. Errors of the queue are for its own log. */
  async watch(queue: Pick<WorkQueue, 'backlog'>, log: Logger, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const begunMs = this.#clock.monotonicMs();
      const look = queue.backlog().then(
        (seen) => {
          this.#last = { ...seen, atMs: this.#clock.monotonicMs() };
        },
        (error: unknown) => log.debug({ err: error }, 'the queue could not be looked at'),
      );
      const over = new AbortController();
      const tooLong = this.#clock.sleep(GIVE_UP_MS, { signal: AbortSignal.any([signal, over.signal]), ref: false });
      await Promise.race([look, tooLong.catch(() => undefined)]);
      over.abort();
      const restMs = Math.max(0, EVERY_MS - (this.#clock.monotonicMs() - begunMs));
      await this.#clock.sleep(restMs, { signal, ref: false }).catch(() => undefined);
    }
  }
}
