import type { CredentialSource, SignInParts } from '../credential-source.ts';
import { isNear } from '../endpoints.ts';
import { loadMsal, signIn } from '../msal.ts';
import { networkClient } from '../sign-in-call.ts';

/**
 * The identity of the machine or container app: user-assigned when a client ID is given, else system-assigned. msal reads the endpoint
 * from the process's own environment (`IDENTITY_ENDPOINT`, `IDENTITY_HEADER`, else the virtual machine's metadata
 * address), once for the life of the process.
 */
export function managedIdentitySource(parts: SignInParts): CredentialSource {
  const { clientId, scope } = parts.target;
  return {
    kind: 'managed-identity',
    interactive: false,
    async acquire({ claims }, signal) {
      const { ManagedIdentityApplication } = await loadMsal();
      const secrets = [parts.env['IDENTITY_HEADER'] ?? '', parts.env['MSI_SECRET'] ?? ''];
      const mayAsk = (url: URL) => isNear(url.hostname);
      return signIn(parts, { kind: 'managed-identity', from: 'the managed identity', secrets, signal, mayAsk }, () => {
        const app = new ManagedIdentityApplication({
          ...(clientId === '' ? {} : { managedIdentityIdParams: { userAssignedClientId: clientId } }),
          // msal's own retries would not end with our signal, nor within our time.
          system: { networkClient, disableInternalRetries: true },
        });
        return app.acquireToken({ resource: scope, forceRefresh: true, ...(claims === undefined ? {} : { claims }) });
      });
    },
  };
}
