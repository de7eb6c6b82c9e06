import { isIPv4 } from 'node:net';
import { UsageError } from '../errors.ts';
import { CLOUDS, isLoopback } from '../job/known-hosts.ts';
import type { Env } from './credential-source.ts';

/**
 * The variables by which msal is led to a managed identity endpoint (`ManagedIdentityEnvironmentVariableNames` of msal-node 7.2): App Service,
 * Container Apps, Service Fabric and Arc; Arc; Cloud Shell and Machine Learning; the metadata address of AKS pod identity.
 */
const ENDPOINT_VARIABLES = [
  'IDENTITY_ENDPOINT',
  'IMDS_ENDPOINT',
  'MSI_ENDPOINT',
  'AZURE_POD_IDENTITY_AUTHORITY_HOST',
] as const;

/**
 * Throws a UsageError for an endpoint of a managed identity that is neither on this machine nor on its own link: such a one would be handed the
 * request, its secret header with it, and what it answers would be taken for our token.
 */
export function refuseFarEndpoints(env: Env): void {
  for (const name of ENDPOINT_VARIABLES) {
    const value = env[name];
    if (value === undefined || value === '') continue;
    const url = URL.canParse(value) ? new URL(value) : undefined;
    const isPlain = url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
    if (isPlain && isNear(url.hostname)) continue;
    throw new UsageError(
      `${name} does not name an address of this machine: a managed identity is asked for on loopback or a link-local address (169.254.0.0/16, fe80::/10) alone. Unset it, or give --auth and a credential of another kind with it unset`,
    );
  }
}

/**
 * Throws a UsageError where `AZURE_AUTHORITY_HOST` names another login host than Microsoft's. Countermand signs in at the host of its cloud, or of
 * `--authority-url`, whatever that variable says; whoever leads other tools elsewhere by it should know that this one does not go there.
 */
export function refuseOtherAuthority(env: Env, authorityUrl: string): void {
  const value = env['AZURE_AUTHORITY_HOST']?.trim();
  if (!value) return;
  const text = value.includes('://') ? value : `https://${value}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const known = [authorityUrl, ...Object.values(CLOUDS).map((cloud) => cloud.authorityUrl)];
  const isKnown = known.some((each) => new URL(each).origin === url?.origin);
  if (url !== undefined && isKnown && url.username === '' && url.password === '') return;
  throw new UsageError(
    'AZURE_AUTHORITY_HOST names a login host that is not one of Microsoft: unset it. To sign in at another host, give --authority-url and --allow-host',
  );
}

/** Loopback or link-local, as `URL.hostname` spells them. */
export function isNear(hostname: string): boolean {
  if (isLoopback(hostname)) return true;
  if (isIPv4(hostname)) return hostname.startsWith('169.254.');
  return /^\[fe[89ab][0-9a-f]:/.test(hostname);
}

/** Node's flags by which whoever can read a file or a terminal reads what TLS is to hide, the token with it. */
const REVEALING_FLAGS = ['--tls-keylog', '--trace-tls'] as const;

/**
 * Throws a UsageError where the environment or Node's flags take away what TLS is for: the check of certificates, or the secrecy of what is sent.
 * Beside this, connections ask for that check themselves and would not be talked out of it (`http/dispatcher.ts`); somebody who sets this expects a
 * certificate that is not trusted to be taken, so it is said at once what to do instead.
 */
export function refuseUnsafeTls(
  env: Readonly<Record<string, string | undefined>>,
  nodeFlags: readonly string[] = [],
): void {
  // Node takes "0" and nothing else for off.
  if (env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
    throw new UsageError(
      'NODE_TLS_REJECT_UNAUTHORIZED=0 switches the check of TLS certificates off, so anybody on the way could take your token: unset it. For a certificate authority of your own, name its PEM file in NODE_EXTRA_CA_CERTS',
    );
  }
  const given = [...wordsOf(env['NODE_OPTIONS'] ?? ''), ...nodeFlags].map((word) =>
    (word.split('=')[0] ?? '').replaceAll('_', '-'),
  );
  const flag = REVEALING_FLAGS.find((each) => given.includes(each));
  if (flag !== undefined) {
    throw new UsageError(
      `Node's flag ${flag} writes down what opens TLS connections, and with it your token: take it out of NODE_OPTIONS. For a certificate authority of your own, name its PEM file in NODE_EXTRA_CA_CERTS`,
    );
  }
}

/** As Node takes the variable apart: at blanks, but not within double quotes. */
function wordsOf(options: string): string[] {
  return (options.match(/(?:"(?:\\.|[^"\\])*"|[^\s"])+/g) ?? []).map((word) => word.replaceAll('"', ''));
}
