import type { Clock } from '../../src/clock.ts';

/** A clock that stands still until it is told to go on; sleepers wake in the order they are due. */
export class ManualClock implements Clock {
  #now: number;
  #sleepers: { due: number; wake: () => void }[] = [];
  #waiting: (() => void)[] = [];

  constructor(wallMs = Date.parse('2026-03-01T12:00:00Z')) {
    this.#now = wallMs;
  }

  wallMs(): number {
    return this.#now;
  }

  monotonicMs(): number {
    return this.#now;
  }

  sleep(ms: number, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      this.#sleepers.push({ due: this.#now + ms, wake: resolve });
      for (const notify of this.#waiting.splice(0)) notify();
    });
  }

  /** Resolves as soon as so many sleep. */
  async asleep(count = 1): Promise<void> {
    while (this.#sleepers.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  advance(ms: number): void {
    this.#now += ms;
    const due = this.#sleepers.filter((sleeper) => sleeper.due <= this.#now).sort((a, b) => a.due - b.due);
    this.#sleepers = this.#sleepers.filter((sleeper) => sleeper.due > this.#now);
    for (const { wake } of due) wake();
  }
}
