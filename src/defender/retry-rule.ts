import type { Clock } from '../clock.ts';
import type { Call, Handler, Received } from './call.ts';

/** Attempts that an action, or a lookup, has in all. */
export const ATTEMPTS = 5;

export type RetryStep = { kind: 'done' } | { kind: 'again'; afterMs: number; attempt: number; renewed: boolean };

const DONE: RetryStep = { kind: 'done' };

/**
 * Whether one more call follows an answer by itself. A lost answer to a cancel is not repeated here: it is looked up
 * first, and that is not for this layer to do; to a lookup of one action, or of devices, which changes nothing, it is.
 */
export function retryStep(
  call: Call,
  { answer, costsAttempt }: Pick<Received, 'answer' | 'costsAttempt'>,
  random: () => number,
): RetryStep {
  const same = { kind: 'again', attempt: call.attempt, renewed: call.renewed ?? false } as const;
  switch (answer.kind) {
    case 'throttled':
      // The gate knows how long to wait.
      return { ...same, afterMs: 0 };
    case 'not-sent':
      return answer.why === 'not-due' ? DONE : { ...same, afterMs: 0 };
    case 'error':
      return answer.http === 401 ? { ...same, afterMs: 0, renewed: true } : DONE;
    case 'lost':
      // A list that is lost is asked for less, which is not for this layer to do either.
      if (call.route === 'cancel' || (call.route === 'list' && costsAttempt)) return DONE;
      return again(call, costsAttempt, undefined, random);
    case 'unavailable':
      return again(call, costsAttempt, answer.retryAfterMs, random);
    case 'action':
    case 'page':
    case 'devices':
      return DONE;
  }
}

function again(call: Call, costsAttempt: boolean, retryAfterMs: number | undefined, random: () => number): RetryStep {
  const renewed = call.renewed ?? false;
  // The gate paces what costs no attempt.
  if (!costsAttempt) return { kind: 'again', attempt: call.attempt, afterMs: 0, renewed };
  if (call.attempt >= ATTEMPTS) return DONE;
  const afterMs = backoffMs({ attempt: call.attempt, retryAfterMs, random });
  return { kind: 'again', attempt: call.attempt + 1, afterMs, renewed };
}

const FIRST_MS = 1000;
const MAX_MS = 60_000;

export interface BackoffInput {
  /** Number of the attempt that failed, from 1. */
  attempt: number;
  /** What the answer's `Retry-After` asked for; it goes first. */
  retryAfterMs: number | undefined;
  /** At least 0, below 1. */
  random: () => number;
}

/** Milliseconds before the next attempt: full jitter under a ceiling that doubles from 1 s to 60 s. */
export function backoffMs({ attempt, retryAfterMs, random }: BackoffInput): number {
  return retryAfterMs ?? random() * Math.min(MAX_MS, FIRST_MS * 2 ** (attempt - 1));
}

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
