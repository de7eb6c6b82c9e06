import type { Clock } from '../clock.ts';
import { RefusedError, UnreachableError } from '../errors.ts';
import type { AccessToken, TokenSource } from '../identity/token-source.ts';
import type { Logger } from '../log.ts';
import type { Handler } from './call.ts';
import type { Send } from './send.ts';

export interface AuthParts {
  tokens: TokenSource;
  clock: Clock;
  log: Logger;
}

const LONGEST_WAIT_MS = 60_000;

/**
 * Puts the token in hand before the gate is asked. A 401 renews the token (once for all that are in flight); the repeat is
 * a new call with a slot of its own, so it is left to the retry. Refused again, the session is over: throws a RefusedError.
 * While the authority is out of reach it asks again, until the signal says that patience is at its end.
 */
export function withAuth(parts: AuthParts, send: Send): Handler {
  return async (call, signal) => {
    const token = await patiently(parts, signal, () => parts.tokens.token(signal));
    const received = await send(call, token, signal);
    const { answer } = received;
    if (answer.kind !== 'error' || answer.http !== 401) return received;
    if (call.renewed) {
      throw new RefusedError(
        `Defender refused the access token twice (HTTP 401, ${answer.code}), the second time freshly renewed; ` +
          'check the tenant, the application and its permissions with `countermand check`, then resume',
      );
    }
    await patiently(parts, signal, () => parts.tokens.renew(token, answer.claims, signal));
    return received;
  };
}

async function patiently(
  { clock, log }: AuthParts,
  signal: AbortSignal,
  ask: () => Promise<AccessToken>,
): Promise<AccessToken> {
  for (let waitMs = 1000; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    try {
      return await ask();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof UnreachableError)) throw error;
      log.warn({ waitMs }, `sign-in is out of reach, asking again: ${error.message}`);
      await clock.sleep(waitMs, { signal });
    }
  }
}
