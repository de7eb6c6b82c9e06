import type { Clock } from '../../clock.ts';
import { MARGIN_MS } from '../call-times.ts';
import type { Window, WindowLeft } from '../quota.ts';
import { makeLimiter } from './limiter.ts';

/** A permit in one window. It is left, or held until the window has passed; whichever comes first stands. */
export interface WindowPermit {
  /**
   * The call counted at `countedAtMs` (monotonic) at the latest: the permit is free again a window and the margin later.
   */
  hold(countedAtMs: number): void;
  /** Nothing counted: free at once. */
  leave(): void;
}

export interface HeldWindow {
  readonly perMs: number;
  /** Calls `use` with a permit as soon as one is free, first come first served. */
  enter(use: (permit: WindowPermit) => void): Promise<void>;
  /**
   * Fills in calls that counted earlier, each at the given moment (monotonic) at the latest. They go before all who
   * wait.
   */
  fill(countedAtMs: readonly number[]): void;
  /** One of its permits became a call, or stopped being one: what is neither free nor held. */
  inFlight(change: 1 | -1): void;
  left(): WindowLeft;
}

/** First in Bottleneck's order; calls have its default, 5. */
const BEFORE_ALL = { priority: 0 };

/**
 * One window on one limiter: a job of the limiter is a permit. It lasts until the permit is free again and somebody waits for it; while
 * nobody does, a free permit stays a running job and goes to who comes next, since a job of its own for each call would cost more than the
 * call's records. Either way the limiter's `maxConcurrent` is the number of permits.
 */
export function makeHeldWindow({ calls, perMs }: Window, clock: Clock): HeldWindow {
  const limiter = makeLimiter(calls);
  const freeAtMs: number[] = [];
  /** What ends the jobs whose permits are free. There are none while a job waits. */
  let idle: (() => void)[] = [];
  /** Jobs that the limiter has not started yet. */
  let waiting = 0;
  let flying = 0;

  const forgetFree = () => {
    const now = clock.monotonicMs();
    const first = freeAtMs.findIndex((atMs) => atMs > now);
    freeAtMs.splice(0, first < 0 ? freeAtMs.length : first);
  };
  const holdUntil = async (untilMs: number): Promise<void> => {
    insertAscending(freeAtMs, untilMs);
    await clock.sleep(untilMs - clock.monotonicMs(), { ref: false });
    forgetFree();
  };

  /** The permit of a job, which `end` ends; for one use. */
  const permitOf = (end: () => void): WindowPermit => {
    let over = false;
    const once = (then: () => void) => {
      if (!over) then();
      over = true;
    };
    const free = () => {
      if (waiting > 0) end();
      else idle.push(end);
    };
    return {
      hold: (countedAtMs) => once(() => void holdUntil(countedAtMs + perMs + MARGIN_MS).then(free)),
      leave: () => once(free),
    };
  };

  return {
    perMs,
    enter: async (use) => {
      const end = idle.pop();
      if (end !== undefined) {
        use(permitOf(end));
        return;
      }
      waiting += 1;
      await limiter.schedule(
        () =>
          new Promise<void>((ended) => {
            waiting -= 1;
            use(permitOf(ended));
          }),
      );
    },
    fill: (countedAtMs) => {
      for (const end of idle) end();
      idle = [];
      const now = clock.monotonicMs();
      const untilMs = countedAtMs.map((atMs) => atMs + perMs + MARGIN_MS).filter((atMs) => atMs > now);
      untilMs.sort((a, b) => a - b);
      // Another quota may have allowed more than there are permits now: the first permit is free when all but `calls - 1`
      // of them have passed, so the soonest of the surplus say nothing.
      for (const atMs of untilMs.slice(-calls)) {
        const held = holdUntil(atMs);
        waiting += 1;
        void limiter.schedule(BEFORE_ALL, () => {
          waiting -= 1;
          return held;
        });
      }
    },
    inFlight: (change) => {
      flying += change;
    },
    left: () => {
      forgetFree();
      const held = freeAtMs.slice(-calls);
      return { calls, perMs, left: Math.max(0, calls - flying - held.length), freeAtMs: held };
    },
  };
}

/** Nearly always at the end: slots are settled in the order of time, only unanswered calls are held longer. */
function insertAscending(sorted: number[], value: number): void {
  let index = sorted.length;
  while (index > 0 && (sorted[index - 1] ?? 0) > value) index -= 1;
  sorted.splice(index, 0, value);
}
