import type { Clock, SleepOptions } from '../../../src/clock.ts';

interface Sleeper {
  atMs: number;
  ref: boolean;
  wake: () => void;
}

/** A clock that moves only when told to. Waits for nothing real: who slept is woken in order, with a turn of the event loop after each. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #wallOffsetMs: number;
  readonly #sleepers = new Set<Sleeper>();
  #watching: (() => void)[] = [];
  readonly #onMove: (wallMs: number) => void;

  /** `onMove` is told the wall clock's time at each move, for those who read `Date` themselves. */
  constructor(startWallMs = Date.UTC(2026, 2, 1, 12), onMove: (wallMs: number) => void = () => undefined) {
    this.#wallOffsetMs = startWallMs;
    this.#onMove = onMove;
  }

  wallMs = (): number => this.#wallOffsetMs + this.#nowMs;
  monotonicMs = (): number => this.#nowMs;

  sleep = (ms: number, { signal, ref = true }: SleepOptions = {}): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const abort = () => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason);
      };
      const sleeper: Sleeper = {
        atMs: this.#nowMs + Math.max(0, ms),
        ref,
        wake: () => {
          signal?.removeEventListener('abort', abort);
          resolve();
        },
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#sleepers.add(sleeper);
      for (const look of this.#watching.splice(0)) look();
    });

  /** Both clocks go on by `ms`. `settle` is awaited at every stop, for tests whose promises wait for real sockets. */
  async advance(ms: number, settle: () => Promise<void> = turn): Promise<void> {
    const target = this.#nowMs + ms;
    await settle();
    for (;;) {
      const next = [...this.#sleepers].toSorted((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined || next.atMs > target) break;
      this.#move(next.atMs);
      this.#sleepers.delete(next);
      next.wake();
      await turn();
      await settle();
    }
    this.#move(target);
    await settle();
  }

  /** Both clocks go on while the process stands still: nobody wakes before the next `advance`. */
  stand(ms: number): void {
    this.#move(this.#nowMs + ms);
  }

  /** Only the wall clock moves: somebody sets it, or the machine sleeps. */
  moveWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
    this.#onMove(this.wallMs());
  }

  /** Resolves as soon as somebody sleeps. */
  async asleep(): Promise<void> {
    while (this.#sleepers.size === 0) await new Promise<void>((resolve) => this.#watching.push(resolve));
  }

  /** Sleeps that would keep a process alive. */
  get keepingAlive(): number {
    return [...this.#sleepers].filter((each) => each.ref).length;
  }

  #move(toMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, toMs);
    this.#onMove(this.wallMs());
  }
}

/** One turn of the event loop: all promises that can settle have settled. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
