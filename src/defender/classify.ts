import type { CancelCall } from '../ledger/state/run-state.ts';
import type { Answer } from './call.ts';

/** The statuses of something that is out of order for now, Defender itself or a gateway on the way: a repeat may help. */
const UNAVAILABLE: ReadonlySet<number> = new Set([408, 500, 502, 503, 504]);

export function isUnavailable(http: number): boolean {
  return UNAVAILABLE.has(http);
}

/** What the body of an answer is: what was asked for, an error body of Defender's, or neither. */
export type BodyKind = 'asked-for' | 'error' | 'foreign';

/**
 * Says what came of a call, by the HTTP status and the body of its answer, or by the `error` for which there is no usable one.
 * Proxies, gateways and captive portals answer too, so a status alone is believed only where a repeat is harmless (401 and 403
 * among them, which Defender's own gateway sends without a body): any other refusal needs Defender's error body, a success
 * what was asked for.
 */
export function classify(
  http: number | undefined,
  error: string | undefined,
  body: BodyKind,
): 'success' | 'throttled' | 'unavailable' | 'error' | 'lost' {
  if (http === undefined || error !== undefined) return 'lost';
  if (http === 429) return 'throttled';
  if (isUnavailable(http)) return 'unavailable';
  if (http === 200) return body === 'asked-for' ? 'success' : 'lost';
  return body === 'error' || http === 401 || http === 403 ? 'error' : 'lost';
}

/** An answer as a ledger keeps it: of a success without its entity. */
export type RecordedAnswer =
  | Extract<Answer, { kind: 'throttled' | 'unavailable' | 'error' | 'lost' }>
  | { kind: 'accepted' };

/** The answer to a call of an earlier session. A call without a reply is as good as one whose answer was lost. */
export function recordedAnswer({ http, error, code, correlation, retryAfterMs }: CancelCall): RecordedAnswer {
  // What had neither body was recorded with an error.
  const kind = classify(http, error, http === 200 ? 'asked-for' : 'error');
  if (http === undefined || kind === 'lost') return { kind: 'lost', error: error ?? 'interrupted', http };
  switch (kind) {
    case 'success':
      return { kind: 'accepted' };
    case 'throttled':
      return { kind, code, retryAfterMs };
    case 'unavailable':
      return { kind, http, code, retryAfterMs };
    case 'error':
      return { kind, http, code, correlation, claims: undefined };
  }
}
