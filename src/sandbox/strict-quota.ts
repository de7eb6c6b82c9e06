export interface QuotaWindow {
  calls: number;
  perMs: number;
}

/**
 * How calls are counted, as it is not documented which the service does:
 * `sliding`: any span of `perMs`; `fixed-from-first`: a window opens with the first call after the last one ended;
 * `fixed-offset`: windows follow each other from `offsetMs` on, whoever calls.
 */
export type QuotaRule = 'sliding' | 'fixed-from-first' | 'fixed-offset';

export interface QuotaOptions {
  windows: readonly QuotaWindow[];
  rule: QuotaRule;
  offsetMs: number;
  /** Whether a refused call spends quota too. */
  countRefused: boolean;
}

export interface QuotaRefusal {
  window: QuotaWindow;
  waitMs: number;
}

interface Counter {
  /** How long until a call would be let through; 0 when it is now. */
  waitMs(now: number): number;
  count(now: number): void;
}

/** Counts the calls of each key (tenant, application, route) and refuses the first one too many. */
export class StrictQuota {
  readonly #options: QuotaOptions;
  readonly #keys = new Map<string, { window: QuotaWindow; counter: Counter }[]>();

  constructor(options: QuotaOptions) {
    this.#options = options;
  }

  /** Counts a call at `now` (ms, monotonic), or says why it is refused: the first of the windows that is full. */
  count(key: string, now: number): QuotaRefusal | undefined {
    const counters = this.#countersOf(key);
    let refusal: QuotaRefusal | undefined;
    for (const { window, counter } of counters) {
      const waitMs = counter.waitMs(now);
      if (waitMs > 0) {
        refusal = { window, waitMs };
        break;
      }
    }
    if (refusal === undefined || this.#options.countRefused) for (const { counter } of counters) counter.count(now);
    return refusal;
  }

  #countersOf(key: string): { window: QuotaWindow; counter: Counter }[] {
    let counters = this.#keys.get(key);
    if (counters === undefined) {
      counters = this.#options.windows.map((window) => ({ window, counter: this.#counter(window) }));
      this.#keys.set(key, counters);
    }
    return counters;
  }

  #counter(window: QuotaWindow): Counter {
    switch (this.#options.rule) {
      case 'sliding':
        return slidingCounter(window);
      case 'fixed-from-first':
        return fixedCounter(window, (now, startedAt) => (now - startedAt >= window.perMs ? now : startedAt));
      case 'fixed-offset': {
        const { offsetMs } = this.#options;
        return fixedCounter(window, (now) => Math.floor((now - offsetMs) / window.perMs) * window.perMs + offsetMs);
      }
    }
  }
}

/** Remembers the last `calls` moments in a ring: the oldest of them decides. */
function slidingCounter({ calls, perMs }: QuotaWindow): Counter {
  const ring: number[] = [];
  let counted = 0;
  return {
    waitMs: (now) => Math.max(0, (ring[counted % calls] ?? Number.NEGATIVE_INFINITY) + perMs - now),
    count: (now) => {
      ring[counted % calls] = now;
      counted += 1;
    },
  };
}

function fixedCounter({ calls, perMs }: QuotaWindow, startOf: (now: number, startedAt: number) => number): Counter {
  let startedAt = Number.NEGATIVE_INFINITY;
  let counted = 0;
  const roll = (now: number) => {
    const start = startOf(now, startedAt);
    if (start !== startedAt) counted = 0;
    startedAt = start;
  };
  return {
    waitMs: (now) => {
      roll(now);
      return counted < calls ? 0 : startedAt + perMs - now;
    },
    count: () => {
      counted += 1;
    },
  };
}
