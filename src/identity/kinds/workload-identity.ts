import { UsageError } from '../../errors.ts';
import type { CredentialSource, SignInParts } from '../credential-source.ts';
import { loadMsal, msalConfiguration, NO_REGION, signIn } from '../msal.ts';
import { readSecretFile } from '../secret-value.ts';

const FILE = 'AZURE_FEDERATED_TOKEN_FILE';

/**
 * Workload identity federation: the cluster's own token, from the file of `AZURE_FEDERATED_TOKEN_FILE`, is the
 * assertion. The file is read at every sign-in, because the kubelet replaces it long before our run ends.
 */
export function workloadIdentitySource(parts: SignInParts): CredentialSource {
  return {
    kind: 'workload-identity',
    interactive: false,
    async acquire({ claims }, signal) {
      const path = parts.env[FILE];
      if (!path)
        throw new UsageError(
          `--auth workload-identity needs ${FILE}, which is not set; label the pod for workload identity`,
        );
      const assertion = (await readSecretFile(path, FILE)).trim();
      const { ConfidentialClientApplication } = await loadMsal();
      return signIn(
        parts,
        { kind: 'workload-identity', from: `${FILE} (${path})`, secrets: [assertion], signal },
        () => {
          const app = new ConfidentialClientApplication(
            msalConfiguration(parts.target, { clientAssertion: () => Promise.resolve(assertion) }),
          );
          return app.acquireTokenByClientCredential({
            scopes: [parts.target.scope],
            skipCache: true,
            azureRegion: NO_REGION,
            ...(claims === undefined ? {} : { claims }),
          });
        },
      );
    },
  };
}
