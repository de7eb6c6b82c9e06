import Bottleneck from 'bottleneck';
import type { Clock } from '../../clock.ts';
import { MARGIN_MS } from '../call-times.ts';
import { takenUntil } from '../past-calls.ts';
import type { Window, WindowLeft } from '../quota.ts';

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
  enter(use: (permit: WindowPermit) => void): void;
  /** One of its permits became a call, or stopped being one: what is neither free nor held. */
  inFlight(change: 1 | -1): void;
  left(): WindowLeft;
}

/** Permits that are asked of the limiter together, where it has as many: a job costs it more than a call costs all the rest. */
const PERMITS_A_JOB = 32;

/**
 * One window on one limiter: the limiter's `maxConcurrent` is the number of permits, and a job of it is as many of them as it weighs. It starts a few
 * hundred jobs a second at most, so a permit that is free again stays with its running job and goes to whoever waits longest, or comes next.
 *
 * `pastAtMs` are the moments (monotonic) at which earlier calls counted at the latest. An hour of them as jobs would keep the first call waiting for
 * seconds, so they are permits that the limiter does not have yet: each is added when it is free.
 */
export function makeHeldWindow({ calls, perMs }: Window, pastAtMs: readonly number[], clock: Clock): HeldWindow {
  const pastUntilMs = takenUntil({ calls, perMs }, pastAtMs, clock.monotonicMs());
  /** When the permits that this window holds become free, ascending. */
  const heldUntilMs: number[] = [];
  /** The earliest moment for which there is a timer. */
  let alarmAtMs = Number.POSITIVE_INFINITY;
  /** Permits that are free. There are none while somebody waits. */
  let idle = 0;
  const waiting: ((permit: WindowPermit) => void)[] = [];
  /** Permits that a job is, or will be: never more than there are calls. */
  let asked = 0;
  /** Those of them whose job has not begun. */
  let coming = 0;
  let flying = 0;

  const until = (atMs: number) => clock.sleep(atMs - clock.monotonicMs(), { ref: false });

  // A limiter needs one permit at least, so the first that becomes free again is a job: the first one of all.
  const [firstMs, ...laterMs] = pastUntilMs;
  /** Permits that the limiter has and that no past call takes. */
  let ours = calls - pastUntilMs.length;
  const limiter = makeLimiter(calls - laterMs.length);
  if (firstMs !== undefined) {
    void limiter.schedule(async () => {
      await until(firstMs);
      ours += 1;
    });
  }
  const addAsTheyPass = async (): Promise<void> => {
    let passed = 0;
    for (let nextMs = laterMs[0]; nextMs !== undefined; nextMs = laterMs[passed]) {
      await until(nextMs);
      const before = passed;
      const now = clock.monotonicMs();
      while ((laterMs[passed] ?? Number.POSITIVE_INFINITY) <= now) passed += 1;
      await limiter.updateSettings({ maxConcurrent: calls - laterMs.length + passed });
      ours += passed - before;
    }
  };
  void addAsTheyPass();

  const free = () => {
    const use = waiting.shift();
    if (use === undefined) idle += 1;
    else use(makePermit());
  };
  const freePassed = (passedMs: number) => {
    while ((heldUntilMs[0] ?? Number.POSITIVE_INFINITY) <= passedMs) {
      heldUntilMs.shift();
      free();
    }
  };
  /** One timer for all that are held, for the first of them. One that comes too late for it fires for nothing. */
  const setAlarm = async (): Promise<void> => {
    for (let first = heldUntilMs[0]; first !== undefined && first < alarmAtMs; first = heldUntilMs[0]) {
      alarmAtMs = first;
      await until(first);
      if (alarmAtMs === first) alarmAtMs = Number.POSITIVE_INFINITY;
      // A timer that fires a moment early is what the margin is for.
      freePassed(Math.max(first, clock.monotonicMs()));
    }
  };
  const makePermit = (): WindowPermit => {
    let over = false;
    return {
      hold: (countedAtMs) => {
        if (over) return;
        over = true;
        insertAscending(heldUntilMs, countedAtMs + perMs + MARGIN_MS);
        void setAlarm();
      },
      leave: () => {
        if (over) return;
        over = true;
        free();
      },
    };
  };
  const askForPermits = () => {
    const permits = Math.min(PERMITS_A_JOB, Math.max(1, ours - asked), calls - asked);
    asked += permits;
    coming += permits;
    void limiter.schedule({ weight: permits }, () => {
      coming -= permits;
      for (let permit = 0; permit < permits; permit++) free();
      // It never ends: from now on the permits are this window's to hand on.
      return new Promise<never>(() => {});
    });
  };

  return {
    perMs,
    enter: (use) => {
      if (idle > 0) {
        idle -= 1;
        use(makePermit());
        return;
      }
      waiting.push(use);
      if (waiting.length > coming && asked < calls) askForPermits();
    },
    inFlight: (change) => {
      flying += change;
    },
    left: () => {
      const now = clock.monotonicMs();
      const freeAtMs = [...pastUntilMs, ...heldUntilMs].filter((atMs) => atMs > now).sort((a, b) => a - b);
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

/**
 * A Bottleneck limiter that lets `maxConcurrent` jobs run at once and starts them first come, first served.
 *
 * Version 2.19.5, pinned, spaces jobs by the wall clock even where they need no space: it notes a moment before which the next one must not start, and a
 * clock that is put back an hour would stop every job for an hour. A space of minus infinity puts that moment before all time. The first job is still
 * held against the time of the limiter's making; so it is one that takes no permit, and nobody waits for it.
 */
export function makeLimiter(maxConcurrent: number): Bottleneck {
  const limiter = new Bottleneck({ maxConcurrent, minTime: Number.NEGATIVE_INFINITY });
  void limiter.schedule({ weight: 0 }, () => Promise.resolve());
  return limiter;
}
