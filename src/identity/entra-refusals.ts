import type { CredentialKind } from './token-source.ts';

/** What a failed sign-in is told with: names, never values of secrets. */
export interface FailureContext {
  kind: CredentialKind;
  tenant: string;
  clientId: string;
  /** The host that was asked, with its port. */
  host: string;
  /** Where the credential came from, for example `AZURE_CLIENT_SECRET_FILE`. */
  from: string;
  /** Values that must not appear, whatever the authority answers. */
  secrets: readonly string[];
}

type Sentence = (context: FailureContext) => string;

/**
 * Microsoft Entra's numbers (AADSTS…) that have a remedy of their own: cause; remedy.
 * https://learn.microsoft.com/entra/identity-platform/reference-error-codes
 */
export const ENTRA_REFUSALS: Readonly<Record<number, Sentence>> = {
  7000215: ({ from, clientId }) =>
    `the client secret is wrong; put the secret's value (not its ID) for application ${clientId} into ${from}`,
  7000222: ({ from, clientId }) =>
    `the client secret has expired; make a new one for application ${clientId} and put it into ${from}`,
  700027: ({ from, clientId }) =>
    `the certificate in ${from} has expired or is not registered; upload its public part to application ${clientId}`,
  700016: ({ clientId, tenant }) =>
    `tenant ${tenant} does not know application ${clientId}; check --client-id and --tenant, or have an administrator add the application`,
  7000229: ({ clientId, tenant }) =>
    `application ${clientId} has no service principal in tenant ${tenant}; have an administrator consent to it there`,
  7000112: ({ clientId }) => `application ${clientId} is disabled; have an administrator enable it`,
  90002: ({ tenant }) => `tenant ${tenant} does not exist in this cloud; check --tenant and --cloud`,
  900023: ({ tenant }) => `${tenant} is not a tenant ID or domain; check --tenant`,
  900021: ({ tenant }) => `${tenant} is not a tenant ID or domain; check --tenant`,
  65001: ({ clientId }) =>
    `application ${clientId} has no consent for the Defender API; add permissions of WindowsDefenderATP and grant admin consent`,
  1002012: ({ clientId }) =>
    `application ${clientId} has no Application permissions on the Defender API; add permissions of WindowsDefenderATP and grant admin consent`,
  500011: ({ tenant }) =>
    `tenant ${tenant} does not know the Defender API; check --cloud, and that the tenant has Defender for Endpoint`,
  700024: ({ from }) =>
    `the assertion from ${from} is not valid now; check this machine's clock and that the file is renewed`,
  70021: ({ clientId, from }) =>
    `no federated credential of application ${clientId} matches ${from}; compare its issuer, subject and audience`,
  700211: ({ clientId, from }) =>
    `no federated credential of application ${clientId} has the issuer of ${from}; correct the issuer there`,
  700212: ({ clientId, from }) =>
    `no federated credential of application ${clientId} has the audience of ${from}; correct the audience there`,
  700213: ({ clientId, from }) =>
    `no federated credential of application ${clientId} has the subject of ${from}; correct the subject there`,
  7000218: ({ clientId }) =>
    `application ${clientId} may not sign in with a device code; enable "Allow public client flows" in its registration`,
  53003: () => 'a Conditional Access policy blocks this sign-in; ask your administrator which',
  50105: ({ clientId }) => `you are not assigned to application ${clientId}; ask your administrator`,
  70019: () => 'the device code expired before it was entered; start again',
  70020: () => 'the device code expired before it was entered; start again',
  700082: () => 'the sign-in of this session has expired; start again and sign in anew',
};

/** Refusals that OAuth names and Entra does not number. */
export const OAUTH_REFUSALS: Readonly<Record<string, Sentence>> = {
  authorization_declined: () => 'the sign-in was declined in the browser; start again',
  access_denied: () => 'the sign-in was declined in the browser; start again',
  expired_token: () => 'the device code expired before it was entered; start again',
  code_expired: () => 'the device code expired before it was entered; start again',
  invalid_client: ({ from, clientId }) =>
    `the credential in ${from} was not accepted for application ${clientId}; check both`,
  invalid_grant: ({ from }) => `the credential in ${from} was not accepted; check it`,
};

/** Entra says itself that these pass. */
export const TRANSIENT = new Set([90033, 50196, 90055, 700048]);
