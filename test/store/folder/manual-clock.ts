import type { Clock, SleepOptions } from '../../../src/clock.ts';

/** A clock that moves only when told; its wall may be set apart from its monotonic time, as by a sleeping laptop. */
export class ManualClock implements Clock {
  #wallMs = Date.parse('2026-03-01T12:00:00.000Z');
  #monotonicMs = 1000;
  #sleepers: { dueMs: number; wake: () => void }[] = [];

  wallMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  sleep(ms: number, { signal }: SleepOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal?.reason);
      if (signal?.aborted) abort();
      signal?.addEventListener('abort', abort, { once: true });
      const wake = () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      this.#sleepers.push({ dueMs: this.#monotonicMs + ms, wake });
    });
  }

  /** Both clocks go on; who is due wakes, and what follows from it without waiting for anything real is done. */
  async advance(ms: number): Promise<void> {
    this.stand(ms);
    const due = this.#sleepers.filter(({ dueMs }) => dueMs <= this.#monotonicMs);
    this.#sleepers = this.#sleepers.filter((sleeper) => !due.includes(sleeper));
    for (const { wake } of due) wake();
    await settled();
  }

  /** Time passes while this process stands still: nobody wakes. */
  stand(ms: number): void {
    this.#wallMs += ms;
    this.#monotonicMs += ms;
  }

  /** The machine sleeps: only the wall clock goes on. */
  suspend(ms: number): void {
    this.#wallMs += ms;
  }
}

/** Resolves when every promise that needs nothing from outside has run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
