import type { Clock } from '../clock.ts';
import { LOOKUP_SIZE } from '../defender/routes.ts';
import type { Lookups } from './lookups.ts';
import { type Settlement, settledBy } from './outcome-rules.ts';
import type { Task } from './task.ts';

/** An accepted cancel takes a moment to show. */
export const FIRST_LOOK_MS = 5000;
const GROWTH = 1.5;
const LONGEST_MS = 60_000;

export interface Confirmer {
  /** A cancel was accepted; its end is looked up from now on. */
  add(task: Task): void;
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
  settle(task: Task, settlement: Settlement): Promise<void>;
  /** Told of an error while nobody drains. */
  onError(error: unknown): void;
}

/**
 * Looks up accepted actions in batches: when a hundred are due, else at growing intervals. An action that shows no end within
 * `--confirm-for` of its own answer is left until the last look, so that it does not eat the quota of those that wait.
 */
export function makeConfirmer(parts: ConfirmerParts): Confirmer {
  const { lookups, clock, signal, confirmForMs, stamp, settle, onError } = parts;
  const waiting = new Set<Task>();
  let lastAddedMs = 0;
  let roundMs = FIRST_LOOK_MS;
  let nextRoundMs = 0;
  let draining = false;
  let running: Promise<void> | undefined;
  let wake = new AbortController();

  async function look(tasks: readonly Task[]): Promise<void> {
    const found = await lookups.many(
      tasks.map(({ id }) => id),
      signal,
    );
    const now = clock.monotonicMs();
    const settling: Promise<void>[] = [];
    for (const task of tasks) {
      const shown = found.get(task.id);
      const settlement = shown?.kind === 'found' ? settledBy(shown.action, { accepted: true, stamp }) : undefined;
      const { confirming } = task;
      if (settlement !== undefined) {
        waiting.delete(task);
        settling.push(settle(task, settlement));
      } else if (confirming !== undefined) {
        confirming.intervalMs = Math.min(confirming.intervalMs * GROWTH, LONGEST_MS);
        const isLate = now - confirming.sinceMs > confirmForMs;
        confirming.dueMs = isLate ? Number.POSITIVE_INFINITY : now + confirming.intervalMs;
      }
    }
    // Together, so that they share their syncs.
    await Promise.all(settling);
  }

  async function lastLook(): Promise<void> {
    if (confirmForMs > 0 && lookups.canRead) await look([...waiting]);
    const left = [...waiting];
    waiting.clear();
    await Promise.all(
      left.map((task) => settle(task, { outcome: 'unconfirmed', detail: 'accepted; its end was not seen yet' })),
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
    const due = [...waiting].filter((task) => dueMsOf(task) <= now);
    if (due.length >= LOOKUP_SIZE || (due.length > 0 && now >= nextRoundMs)) {
      await look(due.slice(0, LOOKUP_SIZE));
      nextRoundMs = clock.monotonicMs() + roundMs;
      roundMs = Math.min(roundMs * GROWTH, LONGEST_MS);
      return;
    }
    const firstDueMs = Math.min(...[...waiting].map(dueMsOf));
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
      while (waiting.size > 0) await round();
    })().finally(() => {
      running = undefined;
    });
    return running;
  }

  return {
    add: (task) => {
      const now = clock.monotonicMs();
      lastAddedMs = now;
      task.confirming = { sinceMs: now, dueMs: now + FIRST_LOOK_MS, intervalMs: FIRST_LOOK_MS };
      waiting.add(task);
      // A hundredth may make a batch due before the round is; the loop need not hear of each.
      if (waiting.size % LOOKUP_SIZE === 0) rouse();
      start().catch(onError);
    },
    drain: async () => {
      draining = true;
      roundMs = FIRST_LOOK_MS;
      nextRoundMs = Math.min(nextRoundMs, clock.monotonicMs() + FIRST_LOOK_MS);
      rouse();
      try {
        while (waiting.size > 0) await start();
      } finally {
        draining = false;
      }
    },
    ended: async () => {
      await running?.catch(() => {});
    },
  };
}

function dueMsOf({ confirming }: Task): number {
  return confirming?.dueMs ?? Number.POSITIVE_INFINITY;
}
