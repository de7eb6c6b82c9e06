import type { Clock } from '../../clock.ts';
import type { Route } from '../../ledger/record.ts';
import { MARGIN_MS } from '../../quota/call-times.ts';
import type { Slot, Window } from '../../quota/quota.ts';
import type { QuotaScope, Taken } from './quota-scope.ts';
import type { Slots } from './quota-slots.ts';
import { askAgain } from './trouble.ts';

/** Slots that are asked for at once. */
const MOST_AT_ONCE = 100;
/** While others have calls under way, whose slots they may give back: so much of the shortest window, which their slots are held for from their answers. */
const LOOK_AGAIN = { part: 0.1, leastMs: 100, mostMs: 1000 };

interface Waiter {
  route: Route;
  give(slot: Slot): void;
  fail(error: unknown): void;
}

export interface QueueParts {
  scope: QuotaScope;
  slots: Slots;
  /** Windows count the calls of this route alone. */
  only: Route | undefined;
  windows: readonly Window[];
  clock: Clock;
  /** For how long (ms) from now on a slot would be of use to a question that was begun at this moment (monotonic) and not answered yet. */
  leftMs(begunAtMs: number): number;
  /** A slot was granted. */
  onGrant(id: string): void;
  onAnswer(taken: Taken): void;
}

/**
 * Callers that wait for a slot of the same windows, first come first served. They ask the database together, one question at a time; when there is
 * nothing, again as soon as there may be something. While the database is away they wait for it, as long as a slot would be of use.
 */
export class SlotQueue {
  readonly #parts: QueueParts;
  readonly #shortestMs: number;
  readonly #lookAgainMs: number;
  readonly #waiting: Waiter[] = [];
  #asking = false;
  #wakeAtMs = 0;
  #alarm: AbortController | undefined;
  readonly #closed = new AbortController();

  constructor(parts: QueueParts) {
    this.#parts = parts;
    this.#shortestMs = Math.min(...parts.windows.map(({ perMs }) => perMs));
    const { part, leastMs, mostMs } = LOOK_AGAIN;
    this.#lookAgainMs = Math.max(leastMs, Math.min(mostMs, this.#shortestMs * part));
  }

  take(route: Route, signal: AbortSignal | undefined): Promise<Slot> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const giveUp = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        if (this.#waiting.length === 0) this.#alarm?.abort();
        reject(signal?.reason);
      };
      const done = () => signal?.removeEventListener('abort', giveUp);
      const waiter: Waiter = {
        route,
        give: (slot) => {
          done();
          resolve(slot);
        },
        fail: (error) => {
          done();
          reject(error);
        },
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#waiting.push(waiter);
      void this.#serve();
    });
  }

  /** One of our calls counted at this moment (monotonic) at the latest, or was none: its slot may be free sooner than the database could say. */
  freed(countedAtMs: number | undefined): void {
    this.#wakeAtMs = Math.min(
      this.#wakeAtMs,
      countedAtMs === undefined ? 0 : countedAtMs + this.#shortestMs + MARGIN_MS,
    );
    this.#alarm?.abort();
  }

  /** Asks no more: whoever waits yet gets nothing. */
  close(): void {
    this.#waiting.splice(0);
    this.#alarm?.abort();
    this.#closed.abort();
  }

  async #serve(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      while (this.#waiting.length > 0) {
        this.#wakeAtMs = Number.POSITIVE_INFINITY;
        const { taken, asked } = await this.#askUntilAnswered();
        if (taken.ids.length < asked) await this.#untilDue(taken);
      }
    } catch (error) {
      for (const waiter of this.#waiting.splice(0)) waiter.fail(error);
    } finally {
      this.#asking = false;
    }
  }

  /** What an answer that was lost has granted is held until it counts no more, and unknown to us: so no more than one slot is asked for once more. */
  #askUntilAnswered(): Promise<{ taken: Taken; asked: number }> {
    const { clock, leftMs } = this.#parts;
    const begunAtMs = clock.monotonicMs();
    return askAgain((attempt) => this.#ask(attempt === 1 ? MOST_AT_ONCE : 1), {
      clock,
      leftMs: () => (this.#waiting.length === 0 ? 0 : leftMs(begunAtMs)),
      signal: this.#closed.signal,
    });
  }

  async #ask(most: number): Promise<{ taken: Taken; asked: number }> {
    const { scope, slots, only, windows, onGrant, onAnswer } = this.#parts;
    const routes = this.#waiting.slice(0, most).map(({ route }) => route);
    const taken = await scope.take(routes, only, windows);
    onAnswer(taken);
    for (const [index, id] of taken.ids.entries()) {
      onGrant(id);
      const slot = slots.make(id, taken.askedAtMs);
      // Somebody may have given up meanwhile. The database has the call's route, so the slot is for that one.
      const next = this.#waiting.findIndex(({ route }) => route === routes[index]);
      const [waiter] = next < 0 ? [] : this.#waiting.splice(next, 1);
      if (waiter === undefined) slot.release();
      else waiter.give(slot);
    }
    return { taken, asked: routes.length };
  }

  /** Waits until something may be free: when the database said, or when one of our own calls, or somebody else's, gives its slot back before that. */
  async #untilDue({ waitMs, othersFly, pausedMs }: Taken): Promise<void> {
    const { clock } = this.#parts;
    const mostMs = othersFly && pausedMs === 0 ? this.#lookAgainMs : Number.POSITIVE_INFINITY;
    this.#wakeAtMs = Math.min(this.#wakeAtMs, clock.monotonicMs() + Math.min(waitMs, mostMs));
    while (this.#waiting.length > 0 && clock.monotonicMs() < this.#wakeAtMs) {
      this.#alarm = new AbortController();
      const { signal } = this.#alarm;
      await clock.sleep(this.#wakeAtMs - clock.monotonicMs(), { signal, ref: false }).catch(() => {});
      this.#alarm = undefined;
    }
  }
}
