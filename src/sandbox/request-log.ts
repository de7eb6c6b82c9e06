export type Route = 'cancel' | 'get' | 'list' | 'machines' | 'other';

/** One request, as the server saw it. Times are the sandbox clock's monotonic ms, except `at`. */
export interface LogEntry {
  /** From 1, in order of arrival. */
  readonly n: number;
  readonly route: Route;
  readonly method: string;
  readonly path: string;
  /** The action of a cancel or get, or the IDs a list asks for; in lower case. */
  readonly ids: readonly string[];
  /** Milliseconds since the epoch at arrival. */
  readonly at: number;
  readonly arrivedMs: number;
  /** When the quota counted it; undefined while it has not. */
  countedMs: number | undefined;
  /** When the answer had been handed to the socket; undefined when none was. */
  answeredMs: number | undefined;
  /** The status answered, undefined when there was no answer. */
  status: number | undefined;
  /** Whether the sandbox has done all with it that it ever will (a hanging request never is). */
  done: boolean;
  /** A cancel that changed the action. */
  effect: boolean;
  comment: string | undefined;
  /** The kind of the fault that was played. */
  fault: string | undefined;
  tenant: string | undefined;
  client: string | undefined;
  /** Refused by the quota's own count, not by a fault. */
  overQuota: boolean;
}

/** What the server saw, for tests that must not trust the client's own counters. */
export class RequestLog {
  readonly entries: LogEntry[] = [];
  readonly #byId = new Map<string, LogEntry[]>();
  readonly #waiting = new Set<{ matches: (log: RequestLog) => boolean; resolve: () => void }>();

  add(entry: LogEntry): void {
    this.entries.push(entry);
    for (const id of entry.ids) {
      const known = this.#byId.get(id);
      if (known === undefined) this.#byId.set(id, [entry]);
      else known.push(entry);
    }
    this.changed();
  }

  /** Wakes those who wait for something; called when an entry came or changed. */
  changed(): void {
    for (const waiter of this.#waiting) {
      if (!waiter.matches(this)) continue;
      this.#waiting.delete(waiter);
      waiter.resolve();
    }
  }

  /** Resolves as soon as the condition holds; it is asked again at each arrival and each answer. */
  until(condition: (log: RequestLog) => boolean): Promise<void> {
    if (condition(this)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.add({ matches: condition, resolve });
    });
  }

  /** The requests that named this action, lists by `id in (…)` included. */
  of(id: string, route?: Route): LogEntry[] {
    const all = this.#byId.get(id.toLowerCase()) ?? [];
    return route === undefined ? [...all] : all.filter((entry) => entry.route === route);
  }

  count(route?: Route): number {
    return route === undefined ? this.entries.length : this.entries.filter((entry) => entry.route === route).length;
  }

  /** How many cancels of this action took effect: more than one must never be. */
  effects(id: string): number {
    return this.of(id, 'cancel').filter((entry) => entry.effect).length;
  }

  /** The IDs whose cancel took effect. */
  effective(): string[] {
    return this.entries.filter((entry) => entry.effect).flatMap((entry) => entry.ids);
  }

  /** How many calls the quota itself refused. */
  overQuota(): number {
    return this.entries.filter((entry) => entry.overQuota).length;
  }

  /** The most calls that were counted in any span [t, t + perMs), refused ones included, over all or one route. */
  busiest(perMs: number, route?: Route): number {
    const moments = this.entries
      .filter((entry) => route === undefined || entry.route === route)
      .flatMap((entry) => entry.countedMs ?? [])
      .sort((a, b) => a - b);
    let most = 0;
    let oldest = 0;
    for (const [newest, moment] of moments.entries()) {
      while (moment - (moments[oldest] ?? moment) >= perMs) oldest += 1;
      most = Math.max(most, newest - oldest + 1);
    }
    return most;
  }

  /**
   * Actions that were sent a cancel again without a lookup (get or `id in`) since a cancel that `counts`: all of them
   * unless the caller is interested, say, only in those whose answer was lost.
   */
  resentWithoutLookup(counts: (earlier: LogEntry) => boolean = () => true): string[] {
    const careless: string[] = [];
    for (const [id, entries] of this.#byId) {
      let open = false;
      for (const entry of entries) {
        if (entry.route === 'cancel' && open) {
          careless.push(id);
          break;
        }
        if (entry.route !== 'other') open = entry.route === 'cancel' && counts(entry);
      }
    }
    return careless;
  }

  clear(): void {
    this.entries.length = 0;
    this.#byId.clear();
  }
}
