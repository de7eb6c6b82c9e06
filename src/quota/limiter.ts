import Bottleneck from 'bottleneck';

/** The parts of Bottleneck's local store that are repaired here. */
interface LocalStore {
  yieldLoop?: (ms?: number) => Promise<void>;
  _nextRequest?: number;
}

/**
 * A Bottleneck limiter that lets `maxConcurrent` jobs run at once and starts them first come, first served.
 *
 * Two habits of its local store (2.19.5, pinned) are put right. It waits for a timer tick three times a job, one job
 * after the other, to imitate a remote store: 1500 jobs take four seconds to fill in, and no more than 300 calls a
 * second get through whatever the quota. And it spaces jobs by the wall clock even where no `minTime` is set, so a
 * clock that is put back an hour stops every job for an hour. If a later version has no such members, it is merely
 * slower again.
 */
export function makeLimiter(maxConcurrent: number): Bottleneck {
  const limiter = new Bottleneck({ maxConcurrent });
  const store = (limiter as unknown as { _store?: LocalStore })._store;
  if (store?.yieldLoop !== undefined) store.yieldLoop = () => Promise.resolve();
  if (store?._nextRequest !== undefined) {
    Object.defineProperty(store, '_nextRequest', { get: () => 0, set: () => {} });
  }
  return limiter;
}
