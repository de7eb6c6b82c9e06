import { clientSecretSource } from './client-secret.ts';
import type { CredentialSource, SignInParts } from './credential-source.ts';
import { readyTokenSource } from './ready-token.ts';
import { type RenewalParts, RenewingTokenSource } from './renewing-token-source.ts';
import type { CredentialKind } from './token-source.ts';

const KINDS: Partial<Record<CredentialKind, (parts: SignInParts) => CredentialSource>> = {
  token: readyTokenSource,
  'client-secret': clientSecretSource,
};

export function openTokenSource(
  kind: CredentialKind,
  parts: SignInParts,
  renewal: Pick<RenewalParts, 'random' | 'patienceMs'>,
): RenewingTokenSource {
  const make = KINDS[kind];
  if (make === undefined) throw new Error(`no such credential kind: ${kind}`);
  return new RenewingTokenSource(make(parts), { clock: parts.clock, log: parts.log, ...renewal });
}
