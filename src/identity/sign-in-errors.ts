import { type CountermandError, RefusedError, UnreachableError } from '../errors.ts';
import type { SignInAnswer } from './sign-in-call.ts';
import type { CredentialKind } from './token-source.ts';

/** The authority is out of reach. `retryable` is false where asking again within seconds is useless. */
export class SignInUnreachableError extends UnreachableError {
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: ErrorOptions & { retryable: boolean; retryAfterMs?: number | undefined }) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.retryable = options.retryable;
    this.retryAfterMs = options.retryAfterMs;
  }
}

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
const ENTRA_REFUSALS: Readonly<Record<number, Sentence>> = {
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
const OAUTH_REFUSALS: Readonly<Record<string, Sentence>> = {
  authorization_declined: () => 'the sign-in was declined in the browser; start again',
  access_denied: () => 'the sign-in was declined in the browser; start again',
  expired_token: () => 'the device code expired before it was entered; start again',
  code_expired: () => 'the device code expired before it was entered; start again',
  invalid_client: ({ from, clientId }) =>
    `the credential in ${from} was not accepted for application ${clientId}; check both`,
  invalid_grant: ({ from }) => `the credential in ${from} was not accepted; check it`,
};

/** Entra says itself that these pass. */
const TRANSIENT = new Set([90033, 50196, 90055, 700048]);

const CA_CODES = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_UNTRUSTED',
]);

/** What the authority's last answer means. `undefined` when no call was answered badly, so that the fault is ours. */
export function failureOf(answer: SignInAnswer | undefined, context: FailureContext): CountermandError | undefined {
  if (answer === undefined) return undefined;
  const { host } = context;
  switch (answer.kind) {
    case 'timeout':
      return unreachable(
        `${host} did not answer within ${answer.afterMs / 1000} s; check the network and HTTPS_PROXY, then run again`,
      );
    case 'network':
      return networkFailure(answer, host, context.secrets);
    case 'not-json':
      return unreachable(
        `${host} answered with HTTP ${answer.status} and something that is not a token (${answer.contentType ?? 'no type'}); ` +
          'look for a proxy or login page in between, then run again',
        answer.retryAfterMs,
      );
    case 'json':
      return answeredFailure(answer, context);
  }
}

function unreachable(text: string, retryAfterMs?: number, options: { retryable?: boolean; cause?: Error } = {}) {
  const { retryable = true, cause } = options;
  return new SignInUnreachableError(`cannot sign in: ${text}`, { retryable, retryAfterMs, cause });
}

function networkFailure(
  answer: { code: string | undefined; message: string },
  host: string,
  secrets: readonly string[],
): CountermandError {
  const { code } = answer;
  // Built anew: the library's own error may carry a socket or a request.
  const cause = new Error(scrub(answer.message, secrets));
  if (code !== undefined && CA_CODES.has(code)) {
    return unreachable(
      `${host} shows a certificate of an unknown authority (${code}); name the CA's file in NODE_EXTRA_CA_CERTS`,
      undefined,
      { retryable: false, cause },
    );
  }
  if (code?.startsWith('CERT_') || code?.startsWith('ERR_TLS_CERT')) {
    return unreachable(
      `${host} shows a certificate that is not valid for it (${code}); check the address and the clock`,
      undefined,
      {
        retryable: false,
        cause,
      },
    );
  }
  const proxied = /Proxy response \((\d+)\)/.exec(answer.message);
  if (proxied !== null) {
    return unreachable(
      `the proxy in HTTPS_PROXY refused the way to ${host} (HTTP ${proxied[1]}); check its address, user and password, or NO_PROXY`,
      undefined,
      { cause },
    );
  }
  if (code === 'ENOTFOUND') {
    return unreachable(
      `the name of ${host} is not known (ENOTFOUND); check --authority-url, DNS and HTTPS_PROXY`,
      undefined,
      { cause },
    );
  }
  return unreachable(
    `no connection to ${host} (${code ?? 'unknown error'}); check the network and HTTPS_PROXY, then run again`,
    undefined,
    {
      cause,
    },
  );
}

function answeredFailure(
  answer: { status: number; body: Readonly<Record<string, unknown>>; retryAfterMs: number | undefined },
  context: FailureContext,
): CountermandError | undefined {
  const { status, body, retryAfterMs } = answer;
  if (status === 429) return unreachable(`${context.host} asks to wait (HTTP 429); run again later`, retryAfterMs);
  if (status >= 500 || status === 408) {
    return unreachable(`${context.host} answered with HTTP ${status}; run again later`, retryAfterMs);
  }
  const error = typeof body['error'] === 'string' ? body['error'] : undefined;
  if (error === undefined) {
    if (status === 200 && typeof body['access_token'] === 'string') return undefined;
    return unreachable(
      `${context.host} answered with HTTP ${status} and JSON without a token; check --authority-url`,
      retryAfterMs,
    );
  }
  const codes = entraCodes(body);
  if (error === 'temporarily_unavailable' || codes.some((code) => TRANSIENT.has(code))) {
    return unreachable(`${context.host} is temporarily unavailable (${error}); run again later`, retryAfterMs);
  }
  const known = codes.map((code) => ENTRA_REFUSALS[code]).find((each) => each !== undefined) ?? OAUTH_REFUSALS[error];
  const number = codes[0] === undefined ? error : `AADSTS${codes[0]}`;
  const sentence =
    known?.(context) ?? `${context.host} said: ${firstSentence(body['error_description'], context.secrets)}`;
  return new RefusedError(scrub(`sign-in refused: ${sentence} (${number}${correlation(body)})`, context.secrets));
}

function entraCodes(body: Readonly<Record<string, unknown>>): number[] {
  const listed = Array.isArray(body['error_codes']) ? body['error_codes'].map(Number).filter(Number.isInteger) : [];
  if (listed.length > 0) return listed;
  const named = /\bAADSTS(\d+)/.exec(String(body['error_description'] ?? ''));
  return named === null ? [] : [Number(named[1])];
}

function correlation(body: Readonly<Record<string, unknown>>): string {
  const id = body['correlation_id'];
  return typeof id === 'string' && /^[0-9a-f-]{36}$/i.test(id) ? `, correlation ${id}` : '';
}

function firstSentence(text: unknown, secrets: readonly string[]): string {
  const line = typeof text === 'string' ? (text.split(/[\r\n]/)[0] ?? '') : '';
  const clean = scrub(line.replace(/^AADSTS\d+:\s*/, ''), secrets).slice(0, 200);
  return clean === '' ? 'no reason given' : clean;
}

/** Takes given values, and whatever looks like a JWT, out of a text that somebody else wrote. */
export function scrub(text: string, secrets: readonly string[]): string {
  let clean = text.replace(/\beyJ[\w-]{8,}(?:\.[\w-]*){0,4}/g, '[hidden]');
  for (const secret of secrets) {
    if (secret.length === 0) continue;
    clean = clean.replaceAll(secret, '[hidden]').replaceAll(encodeURIComponent(secret), '[hidden]');
  }
  return clean;
}
