import type { Clock } from '../clock.ts';

/** For so many actions one place is enough. A run of more takes as many as it has of them, because it takes as much more memory. */
const ACTIONS_A_PLACE = 20_000;
/** As good as for ever: a place is had for twelve hours at most. */
const LONGEST_MS = 24 * 3_600_000;

/** How many of a worker's places a run takes: all of them at most. `actions` is undefined where nobody has counted them yet. */
export function weightOf(actions: number | undefined, places: number): number {
  return Math.min(places, Math.max(1, Math.ceil((actions ?? 0) / ACTIONS_A_PLACE)));
}

export interface PlaceWanted {
  /** How many places: of {@link weightOf}. */
  weight: number;
  /** Waits so long (ms) at most. Without it, until there are enough, and nobody who asks later is served before. */
  patienceMs: number | undefined;
  /** Ends the wait. */
  signal: AbortSignal;
}

interface Waiter extends Pick<PlaceWanted, 'weight'> {
  isFirm: boolean;
  give(): void;
}

/**
 * The places of a worker. Whoever asks gets theirs as soon as so many are free; a run that takes several would wait for ever beside those that take one,
 * so one that has been given back often enough asks firmly: what becomes free is kept for it.
 */
export class Places {
  #free: number;
  readonly #clock: Clock;
  readonly #waiting: Waiter[] = [];

  constructor(places: number, clock: Clock) {
    this.#free = places;
    this.#clock = clock;
  }

  get free(): number {
    return this.#free;
  }

  /** The places, until they are disposed of; undefined where the wait has ended without. */
  async take({ weight, patienceMs, signal }: PlaceWanted): Promise<Disposable | undefined> {
    if (this.#hasRoomFor(weight)) {
      this.#free -= weight;
      return this.#held(weight);
    }
    if (signal.aborted) return undefined;
    const given = new AbortController();
    const waiter = { weight, isFirm: patienceMs === undefined, give: () => given.abort() };
    this.#waiting.push(waiter);
    const ended = AbortSignal.any([signal, given.signal]);
    await this.#clock.sleep(patienceMs ?? LONGEST_MS, { signal: ended, ref: false }).catch(() => undefined);
    if (given.signal.aborted) return this.#held(weight);
    this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
    // It may have been in the way of others.
    this.#serve();
    return undefined;
  }

  #hasRoomFor(weight: number): boolean {
    return weight === 0 || (weight <= this.#free && !this.#waiting.some(({ isFirm }) => isFirm));
  }

  /** Places that were counted as taken already. */
  #held(weight: number): Disposable {
    return {
      [Symbol.dispose]: () => {
        this.#free += weight;
        this.#serve();
      },
    };
  }

  #serve(): void {
    for (const waiter of [...this.#waiting]) {
      if (waiter.weight <= this.#free) {
        this.#free -= waiter.weight;
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        waiter.give();
      } else if (waiter.isFirm) return;
    }
  }
}
