import type { AuthenticationResult, Configuration, NodeAuthOptions } from '@azure/msal-node';
import { CountermandError, RefusedError, UsageError } from '../errors.ts';
import type { SignInParts, SignInTarget } from './credential-source.ts';
import type { FailureContext } from './entra-refusals.ts';
import { duringSignIn, networkClient, type SignInCall } from './sign-in-call.ts';
import { failureOf, SignInUnreachableError, scrub } from './sign-in-errors.ts';
import type { AccessToken, CredentialKind } from './token-source.ts';

/** msal is loaded only by the kinds that need it, so that a run with a ready token starts without it. */
export function loadMsal() {
  return import('@azure/msal-node');
}

/** msal takes MSAL_FORCE_REGION from the environment and asks a regional host with it, unless this is the region that is asked for. */
export const NO_REGION = 'DisableMsalForceRegion';

/**
 * The configuration of an application at our authority. The endpoints are given, so msal asks for no discovery: one
 * call a sign-in, and a tenant that does not exist is told by the token endpoint. Throws a UsageError for plain HTTP.
 */
export function msalConfiguration(target: SignInTarget, credential: Partial<NodeAuthOptions>): Configuration {
  if (!target.authorityUrl.startsWith('https://')) {
    throw new UsageError(
      `--authority-url ${target.authorityUrl} is plain HTTP, which msal refuses even on loopback; give an https:// address`,
    );
  }
  const base = `${target.authorityUrl}/${encodeURIComponent(target.tenant)}`;
  return {
    auth: {
      clientId: target.clientId,
      authority: base,
      knownAuthorities: [new URL(target.authorityUrl).host],
      authorityMetadata: JSON.stringify({
        authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
        token_endpoint: `${base}/oauth2/v2.0/token`,
        issuer: `${base}/v2.0`,
        jwks_uri: `${base}/discovery/v2.0/keys`,
      }),
      ...credential,
    },
    system: { networkClient },
  };
}

export interface SignInRequest {
  kind: CredentialKind;
  /** Where the credential came from, as the sentence of a failure names it. */
  from: string;
  /** Values that no error may show. */
  secrets: readonly string[];
  signal: AbortSignal;
  rewrite?: SignInCall['rewrite'];
  /** @default the login host of the target alone */
  mayAsk?: SignInCall['mayAsk'];
  /** Tells the kind's own failures apart; undefined leaves it to the common table. */
  explain?: (call: SignInCall) => Error | undefined;
}

/**
 * Runs one msal sign-in over our own network client and returns its token.
 * Throws RefusedError or SignInUnreachableError, made from the answer that really came and never from msal's error:
 * msal's holds requests, and does not tell a refusal from an outage.
 */
export async function signIn(
  parts: SignInParts,
  request: SignInRequest,
  work: () => Promise<AuthenticationResult | null>,
): Promise<AccessToken> {
  const { target, dispatcher, clock, log } = parts;
  const { signal, rewrite, secrets } = request;
  for (const secret of secrets) parts.learn?.(secret, request.from);
  const call: SignInCall = {
    dispatcher,
    clock,
    signal,
    host: undefined,
    answer: undefined,
    elsewhere: undefined,
    // Variables of msal's own (a region, an endpoint) change the address that it makes of ours.
    mayAsk: request.mayAsk ?? ((url) => url.origin === new URL(target.authorityUrl).origin),
    ...(rewrite === undefined ? {} : { rewrite }),
  };
  const context = (): FailureContext => ({
    kind: request.kind,
    from: request.from,
    secrets,
    tenant: target.tenant,
    clientId: target.clientId,
    host: call.host ?? new URL(target.authorityUrl).host,
  });
  let result: AuthenticationResult | null;
  const askedAtMs = clock.monotonicMs();
  const logAnswer = () => {
    const { host, answer } = call;
    const http = answer !== undefined && 'status' in answer ? answer.status : undefined;
    const ms = Math.round(clock.monotonicMs() - askedAtMs);
    log.debug({ kind: request.kind, host, http, answer: answer?.kind, ms }, 'asked for a token');
  };
  try {
    result = await abortable(duringSignIn(call, work), signal).finally(logAnswer);
  } catch (error) {
    signal.throwIfAborted();
    if (call.elsewhere !== undefined) {
      throw new UsageError(
        `sign-in was led to ${call.elsewhere}, which is not the login host of this job, and nothing was sent there: unset MSAL_FORCE_REGION and what else changes where msal signs in`,
      );
    }
    const known = request.explain?.(call) ?? failureOf(call.answer, context());
    if (known !== undefined) throw known;
    if (error instanceof CountermandError) throw error;
    throw new RefusedError(
      scrub(`sign-in failed with the credential from ${request.from}: ${messageOf(error)}; check it`, secrets),
    );
  }
  if (result === null || result.accessToken === '') {
    throw (
      failureOf(call.answer, context()) ??
      new SignInUnreachableError(`cannot sign in: ${context().host} answered without a token; run again later`, {
        retryable: true,
      })
    );
  }
  parts.learn?.(result.accessToken, 'an access token');
  return { token: result.accessToken, expiresAtMs: result.expiresOn?.getTime() };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** msal knows no signals: the wait ends at once, and the call left behind ends with its own abort. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
