import { AsyncLocalStorage } from 'node:async_hooks';
import type { INetworkModule, NetworkRequestOptions, NetworkResponse } from '@azure/msal-node';
import type { Dispatcher } from 'undici';
import type { Clock } from '../clock.ts';
import type { AcquireRequest, CredentialSource } from './credential-source.ts';
import { SignInUnreachableError } from './sign-in-errors.ts';
import { type AccessToken, retryDelayMs, SIGN_IN_BUDGET_MS } from './token-source.ts';

/** One HTTP exchange of a sign-in, as it really came. msal makes all of these into errors that no longer tell. */
export type SignInAnswer =
  | { kind: 'json'; status: number; body: Readonly<Record<string, unknown>>; retryAfterMs: number | undefined }
  | { kind: 'not-json'; status: number; contentType: string | undefined; retryAfterMs: number | undefined }
  | { kind: 'timeout'; afterMs: number }
  | { kind: 'network'; code: string | undefined; message: string };

/** The surroundings of one sign-in, and the last answer it met. */
export interface SignInCall {
  dispatcher: Dispatcher;
  clock: Clock;
  signal: AbortSignal;
  host: string | undefined;
  answer: SignInAnswer | undefined;
  /** Where this sign-in may go. */
  mayAsk: (url: URL) => boolean;
  /** Set when msal was about to ask somebody else, which was not done. */
  elsewhere: string | undefined;
  /** Lets a kind change an answer before msal sees it. Returns what msal is told. */
  rewrite?: (answer: SignInAnswer) => Promise<SignInAnswer>;
}

/** msal has no timeout of its own; this is for each call, not for the whole sign-in. */
const CALL_TIMEOUT_MS = 10_000;

/** Token answers are a few KB. */
const MAX_BODY_BYTES = 1024 * 1024;

// msal keeps the first network client it gets for managed identities in a static field, for the life of the process:
// so the client holds nothing, and what belongs to one sign-in travels beside the call.
const current = new AsyncLocalStorage<SignInCall>();

export function duringSignIn<T>(call: SignInCall, work: () => Promise<T>): Promise<T> {
  return current.run(call, work);
}

/** The network client given to msal: our dispatcher, a timeout, a size limit, and a note of what really came. */
export const networkClient: INetworkModule = {
  sendGetRequestAsync: <T>(url: string, options?: NetworkRequestOptions) => send<T>('GET', url, options),
  sendPostRequestAsync: <T>(url: string, options?: NetworkRequestOptions) => send<T>('POST', url, options),
};

async function send<T>(
  method: 'GET' | 'POST',
  url: string,
  options: NetworkRequestOptions = {},
): Promise<NetworkResponse<T>> {
  const call = current.getStore();
  if (call === undefined) throw new Error('a sign-in call was made outside of a sign-in');
  const target = new URL(url);
  call.host = target.host;
  if (!call.mayAsk(target)) {
    call.elsewhere = target.host;
    throw new Error('the sign-in was led to another host');
  }
  const { answer: real, headers } = await exchange(call, method, url, options);
  call.signal.throwIfAborted();
  call.answer = real;
  const answer = call.rewrite === undefined ? real : await call.rewrite(real);
  call.answer = answer;
  if (answer.kind !== 'json') throw new Error('the sign-in call brought no usable answer');
  return { status: answer.status, headers, body: answer.body as T };
}

async function exchange(
  call: SignInCall,
  method: 'GET' | 'POST',
  url: string,
  { headers, body }: NetworkRequestOptions,
): Promise<{ answer: SignInAnswer; headers: Record<string, string> }> {
  const over = new AbortController();
  const late = new AbortController();
  const timer = call.clock.sleep(CALL_TIMEOUT_MS, { signal: over.signal, ref: false }).then(
    () => late.abort(),
    () => undefined,
  );
  try {
    const { origin, pathname, search } = new URL(url);
    const response = await call.dispatcher.request({
      origin,
      path: `${pathname}${search}`,
      method,
      headers: headers ?? {},
      body: method === 'POST' ? (body ?? '') : null,
      signal: AbortSignal.any([call.signal, late.signal]),
    });
    const flat = Object.fromEntries(
      Object.entries(response.headers).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.join(', ') : `${value}`,
      ]),
    );
    const common = {
      status: response.statusCode,
      retryAfterMs: retryAfterMs(flat['retry-after'], call.clock.wallMs()),
    };
    const parsed = asObject(await readBody(response.body));
    return parsed === undefined
      ? { headers: flat, answer: { kind: 'not-json', contentType: flat['content-type'], ...common } }
      : { headers: flat, answer: { kind: 'json', body: parsed, ...common } };
  } catch (error) {
    if (late.signal.aborted) return { headers: {}, answer: { kind: 'timeout', afterMs: CALL_TIMEOUT_MS } };
    return { headers: {}, answer: networkFault(error) };
  } finally {
    over.abort();
    await timer;
  }
}

async function readBody(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) return '';
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function asObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** `Retry-After` in seconds or as an HTTP date; undefined when it is not understood. */
function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\s*\d{1,9}\s*$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}

function networkFault(error: unknown): SignInAnswer {
  // Connecting to several addresses at once fails with an AggregateError whose own message is empty.
  const inner = error instanceof AggregateError ? error.errors.find((each) => each instanceof Error) : undefined;
  const cause = inner ?? error;
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
  return { kind: 'network', code, message: cause instanceof Error ? cause.message : String(cause) };
}

/**
 * One sign-in with its bounded retries: outages are tried again within the budget, refusals are not, and a person is
 * never asked twice. Throws the last error.
 */
export async function signInWithRetries(
  source: CredentialSource,
  request: AcquireRequest,
  { clock, random, stop }: { clock: Clock; random: () => number; stop: AbortSignal },
): Promise<AccessToken> {
  if (source.interactive) return source.acquire(request, stop);
  const endMs = clock.monotonicMs() + SIGN_IN_BUDGET_MS;
  const over = new AbortController();
  const late = new AbortController();
  const budget = clock.sleep(SIGN_IN_BUDGET_MS, { signal: over.signal, ref: false }).then(
    () => late.abort(),
    () => undefined,
  );
  let last: unknown;
  try {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await source.acquire(request, AbortSignal.any([stop, late.signal]));
      } catch (error) {
        if (late.signal.aborted && last !== undefined) throw last;
        if (!(error instanceof SignInUnreachableError) || !error.retryable) throw error;
        last = error;
        const delayMs = retryDelayMs(attempt, error.retryAfterMs, random);
        if (delayMs >= endMs - clock.monotonicMs()) throw error;
        await clock.sleep(delayMs, { signal: stop });
      }
    }
  } finally {
    over.abort();
    await budget;
  }
}
