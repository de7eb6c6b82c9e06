export type CredentialKind =
  | 'client-secret'
  | 'certificate'
  | 'workload-identity'
  | 'managed-identity'
  | 'device-code'
  | 'token';

/** An access token and when it ends (epoch ms). `expiresAtMs` is undefined for an opaque token. */
export interface AccessToken {
  readonly token: string;
  readonly expiresAtMs: number | undefined;
}

/**
 * Where tokens come from. `token()` hands out the one in hand while it is good and renews it in time; all callers share one renewal.
 * Throws a RefusedError (exit 4) when the credentials are refused, a WorkLeftError (exit 6) when the authority is
 * out of reach and no usable token is left.
 */
export interface TokenSource {
  readonly kind: CredentialKind;
  token(signal?: AbortSignal): Promise<AccessToken>;
  /**
   * The token was refused with 401: get another one. Callers that hold a token other than the one in hand get that one without a new sign-in.
   * `claims` comes from a `WWW-Authenticate` challenge.
   */
  renew(refused: AccessToken, claims?: string, signal?: AbortSignal): Promise<AccessToken>;
}

/** How near its end a token is still handed out: a call must arrive before it. A twentieth for short-lived ones. */
export function usableMarginMs(lifeMs: number): number {
  return Math.min(10_000, lifeMs / 20);
}

/**
 * When a token that still has `leftMs` to live is renewed, counted from now: at a quarter, so that an authority may be
 * away for three quarters of a token's life without anybody noticing. An endpoint that gives the same token again is
 * asked at shrinking distances, but not more than once a second.
 */
export function renewInMs(leftMs: number): number {
  return Math.max(1000, leftMs / 4);
}

/** Between two attempts of one sign-in: 500 ms doubling to 4 s, at least half of it, or what the authority asked for. */
export function retryDelayMs(attempt: number, retryAfterMs: number | undefined, random: () => number): number {
  return Math.max(retryAfterMs ?? 0, jittered(500 * 2 ** Math.min(attempt, 3), random));
}

/** Between two sign-ins after one that used up its attempts: 1 s doubling to 60 s, at least half of it. */
export function pauseMs(failures: number, retryAfterMs: number | undefined, random: () => number): number {
  return Math.max(
    Math.min(retryAfterMs ?? 0, 300_000),
    jittered(Math.min(1000 * 2 ** Math.min(failures - 1, 6), 60_000), random),
  );
}

function jittered(ms: number, random: () => number): number {
  return ms / 2 + (ms / 2) * random();
}

/** All attempts of one sign-in together, so that a failure is told within 15 s of a command's start on a busy machine too. */
export const SIGN_IN_BUDGET_MS = 12_000;
