import { takenUntil } from '../../quota/past-calls.ts';
import type { Window, WindowLeft } from '../../quota/quota.ts';

/**
 * What is known of a sender's windows without asking: our own calls as they are, those of others as they were when we looked last. All moments are
 * monotonic ms.
 */
export class LeftKnown {
  readonly #windows: readonly Window[];
  readonly #longestMs: number;
  /** Our calls: undefined while under way, else when each counted at the latest. */
  readonly #own = new Map<string, number | undefined>();
  #others = new Map<string, number>();
  /** Given back since the last look was begun: what it shows of them is out of date. */
  readonly #released = new Set<string>();

  constructor(windows: readonly Window[]) {
    this.#windows = windows;
    this.#longestMs = Math.max(...windows.map(({ perMs }) => perMs));
  }

  granted(id: string): void {
    this.#own.set(id, undefined);
    this.#others.delete(id);
  }

  ended(id: string, countedAtMs: number | undefined): void {
    if (!this.#own.has(id)) return;
    if (countedAtMs !== undefined) this.#own.set(id, countedAtMs);
    else {
      this.#own.delete(id);
      this.#released.add(id);
    }
  }

  beginLook(): void {
    this.#released.clear();
  }

  looked(ages: ReadonlyMap<string, number>, nowMs: number): void {
    // What was not answered lies in the future, so old is what lies twice as far back as matters.
    for (const [id, atMs] of this.#own)
      if (atMs !== undefined && atMs < nowMs - 2 * this.#longestMs) this.#own.delete(id);
    const isOthers = (id: string) => !this.#own.has(id) && !this.#released.has(id);
    this.#others = new Map([...ages].filter(([id]) => isOthers(id)).map(([id, ageMs]) => [id, nowMs - ageMs]));
  }

  left(nowMs: number): WindowLeft[] {
    const own = [...this.#own.values()];
    const counted = [...own.filter((atMs) => atMs !== undefined), ...this.#others.values()];
    const flying = own.filter((atMs) => atMs === undefined).length;
    return this.#windows.map((window) => {
      const freeAtMs = takenUntil(window, counted, nowMs);
      return { ...window, left: Math.max(0, window.calls - flying - freeAtMs.length), freeAtMs };
    });
  }
}
