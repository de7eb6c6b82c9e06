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

/**
 * A Bottleneck limiter that lets `maxConcurrent` jobs run at once and starts them first come, first served.
 *
 * Three habits of version 2.19.5, pinned, are put right. Its local store waits for a timer tick three times a job, one job
 * after the other, to imitate a remote store: 1500 jobs take four seconds to fill in, and no more than 300 calls a
 * second get through whatever the quota. It spaces jobs by the wall clock even where no `minTime` is set, so a
 * clock that is put back an hour stops every job for an hour. And each job makes twenty promises to tell of events that
 * nobody listens to, a tenth of a run's time where no quota is in its way. If a later version has no such members, it is
 * merely slower again.
 */
export function makeLimiter(maxConcurrent: number): Bottleneck {
  const limiter = new Bottleneck({ maxConcurrent });
  const store = (limiter as unknown as { _store?: LocalStore })._store;
  if (store?.yieldLoop !== undefined) store.yieldLoop = () => Promise.resolve();
  if (store?._nextRequest !== undefined) {
    Object.defineProperty(store, '_nextRequest', { get: () => 0, set: () => {} });
  }
  const emitter = (limiter as unknown as { Events?: Emitter }).Events;
  const trigger = emitter?.trigger?.bind(emitter);
  if (emitter !== undefined && trigger !== undefined) {
    const isHeard = (name: string) => emitter._events?.[name] !== undefined;
    emitter.trigger = (name, ...args) =>
      isHeard(name) || isHeard('debug') ? trigger(name, ...args) : Promise.resolve(undefined);
  }
  return limiter;
}
