import type { Dispatcher } from 'undici';
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import { certificateSource } from './kinds/certificate.ts';
import { clientSecretSource } from './kinds/client-secret.ts';
import { deviceCodeSource } from './kinds/device-code.ts';
import { managedIdentitySource } from './kinds/managed-identity.ts';
import { readyTokenSource } from './kinds/ready-token.ts';
import { workloadIdentitySource } from './kinds/workload-identity.ts';
import type { SessionSecrets } from './session-secrets.ts';
import type { AccessToken, CredentialKind } from './token-source.ts';

/** The environment as it is handed in. */
export type Env = Readonly<Record<string, string | undefined>>;

/** Whom to ask, as whom, for what. */
export interface SignInTarget {
  tenant: string;
  /** Empty for a system-assigned managed identity and for a ready token. */
  clientId: string;
  /** Login host without tenant and without a trailing slash, for example `https://login.microsoftonline.com`. */
  authorityUrl: string;
  /** The API's `<resource>/.default`. */
  scope: string;
}

/** What a sign-in needs of its surroundings. */
export interface SignInParts {
  target: SignInTarget;
  env: Env;
  dispatcher: Dispatcher;
  clock: Clock;
  log: Logger;
  /** Told of every secret that a sign-in reads or brings, so that it can be kept out of what leaves. */
  learn?: SessionSecrets['learn'];
  /** Shows one line to the person who signs in with a device code; goes to stderr. */
  prompt: (line: string) => void;
}

export interface AcquireRequest {
  /** The last token was refused with 401: no cached one will do. */
  forceRefresh?: boolean;
  /** From a `WWW-Authenticate` challenge. */
  claims?: string | undefined;
  /** Behind the scenes: no person may be asked now. */
  quiet?: boolean;
}

/**
 * One credential kind: asks once, without retry, and keeps nothing but what the kind needs.
 * `acquire` throws a RefusedError (exit 4) or a SignInUnreachableError (exit 6), or the signal's reason.
 */
export interface CredentialSource {
  readonly kind: CredentialKind;
  /** A person takes part: never asked again by itself. */
  readonly interactive: boolean;
  acquire(request: AcquireRequest, signal: AbortSignal): Promise<AccessToken>;
}

/** One place for each credential kind. */
const KINDS: Readonly<Record<CredentialKind, (parts: SignInParts) => CredentialSource>> = {
  token: readyTokenSource,
  'client-secret': clientSecretSource,
  certificate: certificateSource,
  'workload-identity': workloadIdentitySource,
  'managed-identity': managedIdentitySource,
  'device-code': deviceCodeSource,
};

/** The credential of a kind that `findCredential` found. Nobody is asked yet. */
export function credentialSource(kind: CredentialKind, parts: SignInParts): CredentialSource {
  return KINDS[kind](parts);
}
