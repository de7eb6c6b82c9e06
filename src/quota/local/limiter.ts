import Bottleneck from 'bottleneck';

/** The parts of Bottleneck's local store that are repaired here. */
interface LocalStore {
  yieldLoop?: (ms?: number) => Promise<void>;
  _nextRequest?: number;
}

/** The parts of Bottleneck's emitter that are. */
interface Emitter {
  _events?: Readonly<Record<string, unknown>>;
  trigger?: (name: string, ...args: unknown[]) => Promise<unknown>;
}

/** The parts of the limiter that start a job. */
interface Starter {
  _run?: (index: string, job: StartedJob, wait: number) => unknown;
  _free?: (index: string, job: StartedJob, ...rest: unknown[]) => unknown;
  _clearGlobalState?: (index: string) => boolean;
  _scheduled?: Record<string, unknown>;
}

interface StartedJob {
  doRun(): unknown;
  doExecute(
    chained: undefined,
    clear: () => boolean,
    again: (wait: number) => unknown,
    free: unknown,
  ): Promise<unknown>;
}

/**
 * A Bottleneck limiter that lets `maxConcurrent` jobs run at once and starts them first come, first served.
 *
 * Four habits of version 2.19.5, pinned, are put right. Its local store waits for a timer tick three times a job, one job
 * after the other, to imitate a remote store: 1500 jobs take four seconds to fill in, and no more than 300 calls a
 * second get through whatever the quota. It spaces jobs by the wall clock even where no `minTime` is set, so a clock
 * that is put back an hour stops every job for an hour. Each job that may start now waits for a timer, which is a
 * millisecond. And each makes twenty promises to tell of events that nobody listens to, a tenth of a run's time where no
 * quota is in its way. If a later version has no such members, it is merely slower again.
 */
export function makeLimiter(maxConcurrent: number): Bottleneck {
  const limiter = new Bottleneck({ maxConcurrent });
  const store = (limiter as unknown as { _store?: LocalStore })._store;
  if (store?.yieldLoop !== undefined) store.yieldLoop = () => Promise.resolve();
  if (store?._nextRequest !== undefined) {
    Object.defineProperty(store, '_nextRequest', { get: () => 0, set: () => {} });
  }
  startAtOnce(limiter);
  tellListenersOnly(limiter);
  return limiter;
}

function startAtOnce(limiter: Bottleneck): void {
  const starter = limiter as unknown as Starter;
  const { _run: run, _free: free, _clearGlobalState: clear, _scheduled: scheduled } = starter;
  if (run === undefined || free === undefined || clear === undefined || scheduled === undefined) return;
  starter._run = (index, job, wait) => {
    if (wait > 0) return run.call(limiter, index, job, wait);
    job.doRun();
    scheduled[index] = { timeout: undefined, expiration: undefined, job };
    const again = (later: number) => starter._run?.(index, job, later);
    queueMicrotask(() => {
      void job.doExecute(undefined, clear.bind(limiter, index), again, free.bind(limiter, index, job));
    });
    return scheduled[index];
  };
}

function tellListenersOnly(limiter: Bottleneck): void {
  const emitter = (limiter as unknown as { Events?: Emitter }).Events;
  const trigger = emitter?.trigger?.bind(emitter);
  if (emitter !== undefined && trigger !== undefined) {
    const isHeard = (name: string) => emitter._events?.[name] !== undefined;
    emitter.trigger = (name, ...args) =>
      isHeard(name) || isHeard('debug') ? trigger(name, ...args) : Promise.resolve(undefined);
  }
}
