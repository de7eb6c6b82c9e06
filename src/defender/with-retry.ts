import type { Clock } from '../clock.ts';
import type { Handler } from './call.ts';
import { retryStep } from './retry-rule.ts';

/** Makes the calls that {@link retryStep} asks for, each through all the layers below, until an answer stands. */
export function withRetry(clock: Clock, random: () => number, next: Handler): Handler {
  return async (wanted, signal) => {
    let call = wanted;
    for (;;) {
      const received = await next(call, signal);
      const step = retryStep(call, received, random);
      if (step.kind === 'done') return received;
      if (step.afterMs > 0) await clock.sleep(step.afterMs, { signal });
      signal.throwIfAborted();
      call = { ...call, attempt: step.attempt, renewed: step.renewed };
    }
  };
}
