import { type CountermandError, RefusedError, WorkLeftError } from '../errors.ts';
import { ENTRA_REFUSALS, type FailureContext, OAUTH_REFUSALS, TRANSIENT } from './entra-refusals.ts';
import type { SignInAnswer } from './sign-in-call.ts';

/** The authority is out of reach. `retryable` is false where asking again within seconds is useless. */
export class SignInUnreachableError extends WorkLeftError {
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: ErrorOptions & { retryable: boolean; retryAfterMs?: number | undefined }) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.retryable = options.retryable;
    this.retryAfterMs = options.retryAfterMs;
  }
}

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
      return unreachable(`${host} did not answer within ${answer.afterMs / 1000} s; ${checkTheWay(context)}`);
    case 'network':
      return networkFailure(answer, context);
    case 'not-json':
      return unreachable(
        `${host} answered with HTTP ${answer.status} and something that is not a token (${answer.contentType ?? 'no type'}); ` +
          'look for a proxy or login page in between, then run again',
        { retryAfterMs: answer.retryAfterMs },
      );
    case 'json':
      return answeredFailure(answer, context);
  }
}

interface UnreachableOptions {
  retryAfterMs?: number | undefined;
  retryable?: boolean;
  cause?: Error;
}

function unreachable(text: string, { retryAfterMs, retryable = true, cause }: UnreachableOptions = {}) {
  return new SignInUnreachableError(`cannot sign in: ${text}`, { retryable, retryAfterMs, cause });
}

function checkTheWay({ kind }: FailureContext): string {
  return kind === 'managed-identity'
    ? 'check that this machine or container has a managed identity, then run again'
    : 'check the network and HTTPS_PROXY, then run again';
}

function networkFailure(
  { code = 'unknown error', message }: { code: string | undefined; message: string },
  context: FailureContext,
): CountermandError {
  const { host, secrets } = context;
  // Built anew: the library's own error may carry a socket or a request.
  const cause = new Error(scrub(message, secrets));
  if (CA_CODES.has(code)) {
    return unreachable(
      `${host} shows a certificate of an unknown authority (${code}); name the CA's file in NODE_EXTRA_CA_CERTS`,
      { retryable: false, cause },
    );
  }
  if (code.startsWith('CERT_') || code.startsWith('ERR_TLS_CERT')) {
    return unreachable(
      `${host} shows a certificate that is not valid for it (${code}); check the address and the clock`,
      { retryable: false, cause },
    );
  }
  const proxied = /Proxy response \((\d+)\)/.exec(message);
  if (proxied !== null) {
    return unreachable(
      `the proxy in HTTPS_PROXY refused the way to ${host} (HTTP ${proxied[1]}); check its address, user and password, or NO_PROXY`,
      { cause },
    );
  }
  if (code === 'ENOTFOUND') {
    return unreachable(`the name of ${host} is not known (ENOTFOUND); check --authority-url, DNS and HTTPS_PROXY`, {
      cause,
    });
  }
  return unreachable(`no connection to ${host} (${code}); ${checkTheWay(context)}`, { cause });
}

function answeredFailure(
  { status, body, retryAfterMs }: Extract<SignInAnswer, { kind: 'json' }>,
  context: FailureContext,
): CountermandError | undefined {
  const { host, kind, secrets } = context;
  if (status === 429) return unreachable(`${host} asks to wait (HTTP 429); run again later`, { retryAfterMs });
  // The metadata endpoint says 404 and 410 while it is being updated.
  const passing =
    status >= 500 || status === 408 || (kind === 'managed-identity' && (status === 404 || status === 410));
  if (passing) return unreachable(`${host} answered with HTTP ${status}; run again later`, { retryAfterMs });
  if (kind === 'managed-identity' && status >= 400) {
    return new RefusedError(scrub(`sign-in refused: ${managedIdentityRefusal(status, body, context)}`, secrets));
  }
  const error = typeof body['error'] === 'string' ? body['error'] : undefined;
  if (error === undefined) {
    if (status === 200 && typeof body['access_token'] === 'string') return undefined;
    return unreachable(`${host} answered with HTTP ${status} and JSON without a token; check --authority-url`, {
      retryAfterMs,
    });
  }
  const codes = entraCodes(body);
  if (error === 'temporarily_unavailable' || codes.some((code) => TRANSIENT.has(code))) {
    return unreachable(`${host} is temporarily unavailable (${error}); run again later`, { retryAfterMs });
  }
  const known = codes.map((code) => ENTRA_REFUSALS[code]).find((each) => each !== undefined) ?? OAUTH_REFUSALS[error];
  const number = codes[0] === undefined ? error : `AADSTS${codes[0]}`;
  const sentence = known?.(context) ?? `${host} said: ${firstSentence(body['error_description'], secrets)}`;
  return new RefusedError(scrub(`sign-in refused: ${sentence} (${number}${correlation(body)})`, secrets));
}

function managedIdentityRefusal(
  status: number,
  body: Readonly<Record<string, unknown>>,
  context: FailureContext,
): string {
  const reason = firstSentence(body['error_description'] ?? body['message'], context.secrets);
  const remedy =
    context.clientId === ''
      ? 'turn on the system-assigned identity, or name a user-assigned one by --client-id (or AZURE_CLIENT_ID)'
      : `assign identity ${context.clientId} to this machine or container, or unset AZURE_CLIENT_ID for the system-assigned one`;
  return `the managed identity endpoint ${context.host} answered HTTP ${status} (${reason}); ${remedy}`;
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
