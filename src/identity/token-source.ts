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
