import { RefusedError } from '../errors.ts';
import type { TokenSource } from '../identity/token-source.ts';
import type { Handler, SlottedCall } from './call.ts';
import type { Send } from './send.ts';

/**
 * Puts the token in hand before the gate is asked. A 401 renews the token (once for all that are in flight); the repeat is
 * a new call with a slot of its own, so it is left to the retry. Refused again, the session is over: throws a RefusedError.
 */
export function withAuth(tokens: TokenSource, send: Send): Handler<SlottedCall> {
  return async (call, signal) => {
    const token = await tokens.token(signal);
    const received = await send(call, token, signal);
    const { answer } = received;
    if (answer.kind !== 'error' || answer.http !== 401) return received;
    if (call.renewed) {
      throw new RefusedError(
        `Defender refused the access token twice (${['HTTP 401', answer.code].filter(Boolean).join(', ')}), the second time freshly renewed; ` +
          'check the tenant, the application and its permissions with `countermand check`, then resume',
      );
    }
    try {
      await tokens.renew(token, answer.claims, signal);
    } catch (error) {
      // The call was sent and answered, whatever ended the renewal: its slot is held for it by whoever gets this answer.
      if (!signal.aborted) throw error;
    }
    return received;
  };
}
