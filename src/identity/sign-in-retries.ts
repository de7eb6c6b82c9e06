import type { Clock } from '../clock.ts';
import type { AcquireRequest, CredentialSource } from './credential-source.ts';
import { retryDelayMs, SIGN_IN_BUDGET_MS } from './renewal-times.ts';
import { SignInUnreachableError } from './sign-in-errors.ts';
import type { AccessToken } from './token-source.ts';

/**
 * One sign-in with its bounded retries: outages are tried again within the budget, refusals are not, and a person is
 * never asked twice. Throws the last error.
 */
export async function signInWithRetries(
  source: CredentialSource,
  request: AcquireRequest,
  { clock, random, stop }: { clock: Clock; random: () => number; stop: AbortSignal },
): Promise<AccessToken> {
  if (source.interactive) return source.acquire(request, stop);
  const endMs = clock.monotonicMs() + SIGN_IN_BUDGET_MS;
  const over = new AbortController();
  const late = new AbortController();
  const budget = clock.sleep(SIGN_IN_BUDGET_MS, { signal: over.signal, ref: false }).then(
    () => late.abort(),
    () => undefined,
  );
  let last: unknown;
  try {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await source.acquire(request, AbortSignal.any([stop, late.signal]));
      } catch (error) {
        if (late.signal.aborted && last !== undefined) throw last;
        if (!(error instanceof SignInUnreachableError) || !error.retryable) throw error;
        last = error;
        const delayMs = retryDelayMs(attempt, error.retryAfterMs, random);
        if (delayMs >= endMs - clock.monotonicMs()) throw error;
        await clock.sleep(delayMs, { signal: stop });
      }
    }
  } finally {
    over.abort();
    await budget;
  }
}
