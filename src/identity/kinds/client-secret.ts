import { UsageError } from '../../errors.ts';
import type { CredentialSource, SignInParts } from '../credential-source.ts';
import { loadMsal, msalConfiguration, NO_REGION, signIn } from '../msal.ts';
import { readSecret } from '../secret-value.ts';

/** An application's secret, from `AZURE_CLIENT_SECRET` or its `_FILE`, read anew at each sign-in. */
export function clientSecretSource(parts: SignInParts): CredentialSource {
  return {
    kind: 'client-secret',
    interactive: false,
    async acquire({ claims }, signal) {
      const secret = await readSecret(parts.env, 'AZURE_CLIENT_SECRET');
      if (secret === undefined) {
        throw new UsageError(
          '--auth client-secret needs AZURE_CLIENT_SECRET, or AZURE_CLIENT_SECRET_FILE naming a file that holds it',
        );
      }
      const { ConfidentialClientApplication } = await loadMsal();
      return signIn(parts, { kind: 'client-secret', from: secret.from, secrets: [secret.value], signal }, () => {
        // A new application each time: msal's own cache and throttling would come between us and the authority.
        const app = new ConfidentialClientApplication(msalConfiguration(parts.target, { clientSecret: secret.value }));
        return app.acquireTokenByClientCredential({
          scopes: [parts.target.scope],
          skipCache: true,
          azureRegion: NO_REGION,
          ...(claims === undefined ? {} : { claims }),
        });
      });
    },
  };
}
