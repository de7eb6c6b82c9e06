import type { CredentialSource, SignInParts } from './credential-source.ts';
import { certificateSource } from './kinds/certificate.ts';
import { clientSecretSource } from './kinds/client-secret.ts';
import { deviceCodeSource } from './kinds/device-code.ts';
import { managedIdentitySource } from './kinds/managed-identity.ts';
import { readyTokenSource } from './kinds/ready-token.ts';
import { workloadIdentitySource } from './kinds/workload-identity.ts';
import type { CredentialKind } from './token-source.ts';

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
