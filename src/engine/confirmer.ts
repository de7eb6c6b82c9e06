import type { Clock } from '../clock.ts';
import { LOOKUP_SIZE } from '../defender/routes.ts';
import type { Lookups } from './lookups.ts';
import { type Settlement, settledBy } from './outcome-rules.ts';

/** An accepted cancel takes a moment to show. */
const FIRST_LOOK_MS = 5000;
const GROWTH = 1.5;
const LONGEST_MS = 60_000;

export interface Confirmer {
  /** A cancel was accepted; its end is looked up from now on. */
  add(id: string): void;
  /** Resolves when every accepted action has an outcome: `unconfirmed` for what `--confirm-for` after the last accepted answer still shows no end. */
  drain(): Promise<void>;
  /** Resolves when no look is under way any more, however it ended; for after the signal. */
  ended(): Promise<void>;
}

export interface ConfirmerParts {
  lookups: Lookups;
  clock: Clock;
  signal: AbortSignal;
  /** 0: take no look at all. */
  confirmForMs: number;
  stamp: string;
  settle(id: string, settlement: Settlement): Promise<void>;
  /** Told of an error while nobody drains. */
  onError(error: unknown): void;
}

interface Item {
  /** Monotonic ms, as the others. */
  addedAtMs: number;
  dueMs: number;
  intervalMs: number;
}

/**
 * Looks up accepted actions in batches: when a hundred are due, else at growing intervals. An action that shows no end within
 * `--confirm-for` of its own answer is left until the last look, so that it does not eat the quota of those that wait.
 */
export function makeConfirmer(parts: ConfirmerParts): Confirmer {
  const { lookups, clock, signal, confirmForMs, stamp, settle, onError } = parts;
  const items = new Map<string, Item>();
  let lastAddedMs = 0;
  let roundMs = FIRST_LOOK_MS;
  let nextRoundMs = 0;
  let draining = false;
  let running: Promise<void> | undefined;
  let wake = new AbortController();

  async function look(ids: readonly string[]): Promise<void> {
    const found = await lookups.many(ids, signal);
    const now = clock.monotonicMs();
    const settling: Promise<void>[] = [];
    for (const id of ids) {
      const shown = found.get(id);
      const settlement = shown?.kind === 'found' ? settledBy(shown.action, { accepted: true, stamp }) : undefined;
      if (settlement !== undefined) {
        items.delete(id);
        settling.push(settle(id, settlement));
        continue;
      }
      const item = items.get(id);
      if (item === undefined) continue;
      item.intervalMs = Math.min(item.intervalMs * GROWTH, LONGEST_MS);
      item.dueMs = now - item.addedAtMs > confirmForMs ? Number.POSITIVE_INFINITY : now + item.intervalMs;
    }
    // Together, so that they share their syncs.
    await Promise.all(settling);
  }

  async function lastLook(): Promise<void> {
    if (confirmForMs > 0 && lookups.canRead) await look([...items.keys()]);
    const left = [...items.keys()];
    items.clear();
    await Promise.all(
      left.map((id) => settle(id, { outcome: 'unconfirmed', detail: 'accepted; its end was not seen yet' })),
    );
  }

  async function round(): Promise<void> {
    const now = clock.monotonicMs();
    const endMs = draining ? lastAddedMs + confirmForMs : Number.POSITIVE_INFINITY;
    if (now >= endMs || confirmForMs === 0) {
      if (draining) await lastLook();
      else await sleep(Number.POSITIVE_INFINITY);
      return;
    }
    const due = [...items].filter(([, { dueMs }]) => dueMs <= now).map(([id]) => id);
    if (due.length >= LOOKUP_SIZE || (due.length > 0 && now >= nextRoundMs)) {
      await look(due.slice(0, LOOKUP_SIZE));
      nextRoundMs = clock.monotonicMs() + roundMs;
      roundMs = Math.min(roundMs * GROWTH, LONGEST_MS);
      return;
    }
    const firstDueMs = Math.min(...[...items.values()].map(({ dueMs }) => dueMs));
    await sleep(Math.min(Math.max(firstDueMs, nextRoundMs), endMs) - now);
  }

  /** Until then, or until something is added or asked. */
  async function sleep(ms: number): Promise<void> {
    const woken = wake.signal;
    try {
      await clock.sleep(Math.min(ms, LONGEST_MS), { signal: AbortSignal.any([signal, woken]) });
    } catch (error) {
      // Whichever of the two came first, the session's end is what counts.
      signal.throwIfAborted();
      if (!woken.aborted) throw error;
    }
  }

  function rouse(): void {
    wake.abort();
    wake = new AbortController();
  }

  function start(): Promise<void> {
    running ??= (async () => {
      while (items.size > 0) await round();
    })().finally(() => {
      running = undefined;
    });
    return running;
  }

  return {
    add: (id) => {
      const now = clock.monotonicMs();
      lastAddedMs = now;
      items.set(id, { addedAtMs: now, dueMs: now + FIRST_LOOK_MS, intervalMs: FIRST_LOOK_MS });
      // A hundredth may make a batch due before the round is; the loop need not hear of each.
      if (items.size % LOOKUP_SIZE === 0) rouse();
      start().catch(onError);
    },
    drain: async () => {
      draining = true;
      roundMs = FIRST_LOOK_MS;
      nextRoundMs = Math.min(nextRoundMs, clock.monotonicMs() + FIRST_LOOK_MS);
      rouse();
      try {
        while (items.size > 0) await start();
      } finally {
        draining = false;
      }
    },
    ended: async () => {
      await running?.catch(() => {});
    },
  };
}
