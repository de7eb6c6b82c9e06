import Bottleneck from 'bottleneck';

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
