import type { X509Certificate } from 'node:crypto';
import { type CryptoKey, decodeProtectedHeader, importX509, type JWTPayload, jwtVerify } from 'jose';
import { Refusal } from './authority-refusal.ts';

/** What the cluster's tokens say, and what the federated credential of the application expects. */
export const CLUSTER_ISSUER = 'https://cluster.example/';
export const CLUSTER_SUBJECT = 'system:serviceaccount:soc:countermand';
export const EXCHANGE_AUDIENCE = 'api://AzureADTokenExchange';
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** What an application's assertions are checked against. */
export interface Trusted {
  certificates: readonly X509Certificate[];
  clusterKey: CryptoKey;
  clientId: string;
  /** The token endpoint. */
  audience: string;
}

/** Verifies a client assertion: of a registered certificate (PS256 or RS256, x5t#S256, x5c), or of the cluster. Throws a Refusal. */
export async function checkAssertion(form: Readonly<Record<string, string>>, trusted: Trusted): Promise<void> {
  const assertion = form['client_assertion'] ?? '';
  if (form['client_assertion_type'] !== ASSERTION_TYPE) throw refusal(50027, 'Wrong assertion type.');
  const header = headerOf(assertion);
  if (header.kid === 'cluster') await checkClusterToken(assertion, trusted);
  else await checkCertificate(assertion, header, trusted);
}

function refusal(code: number, message: string): Refusal {
  return new Refusal(code, 'invalid_client', message, 401);
}

function headerOf(assertion: string): ReturnType<typeof decodeProtectedHeader> {
  try {
    return decodeProtectedHeader(assertion);
  } catch {
    throw refusal(50027, 'The assertion is no JWT.');
  }
}

async function checkCertificate(
  assertion: string,
  header: ReturnType<typeof decodeProtectedHeader>,
  { certificates, clientId, audience }: Trusted,
): Promise<void> {
  const thumbprint = header['x5t#S256'];
  const certificate = certificates.find(
    (each) => Buffer.from(each.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url') === thumbprint,
  );
  if (certificate === undefined)
    throw refusal(700027, 'The certificate used to sign the client assertion is not registered.');
  if (header.x5c?.[0] !== certificate.raw.toString('base64')) throw refusal(700027, 'x5c does not fit.');
  if (new Date(certificate.validTo) < new Date()) throw refusal(700027, 'The certificate has expired.');
  try {
    await jwtVerify(assertion, await importX509(certificate.toString(), 'PS256'), {
      algorithms: ['PS256', 'RS256'],
      issuer: clientId,
      subject: clientId,
      audience,
      requiredClaims: ['exp', 'nbf', 'jti'],
      // msal rounds the present second up; Entra allows five minutes.
      clockTolerance: 300,
    });
  } catch {
    throw refusal(700027, 'Client assertion failed signature validation.');
  }
}

async function checkClusterToken(assertion: string, { clusterKey }: Trusted): Promise<void> {
  let claims: JWTPayload;
  try {
    ({ payload: claims } = await jwtVerify(assertion, clusterKey, { algorithms: ['RS256'], requiredClaims: ['exp'] }));
  } catch {
    throw refusal(700024, 'Client assertion is not within its valid time range.');
  }
  const expected = [
    [700211, 'issuer', claims.iss, CLUSTER_ISSUER],
    [700212, 'audience', claims.aud, EXCHANGE_AUDIENCE],
    [700213, 'subject', claims.sub, CLUSTER_SUBJECT],
  ] as const;
  for (const [code, name, given, wanted] of expected) {
    if (given !== wanted)
      throw refusal(code, `No matching federated identity record found for presented assertion ${name}.`);
  }
}
