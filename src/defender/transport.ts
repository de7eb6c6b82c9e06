import { type Dispatcher, request } from 'undici';
import type { RawAnswer } from './read-answer.ts';

export interface WireRequest {
  method: 'GET' | 'POST';
  /** Below the base URL. */
  path: string;
  /** Undefined sends none: for asking whether the host is there. */
  token: string | undefined;
  body: string | undefined;
}

/** What the wire gave: a whole HTTP answer, or why there is none. */
export type WireResult = { raw: RawAnswer } | { error: string };

/** Sends one request and waits for the whole answer or the timeout. Never rejects. */
export type Transport = (request: WireRequest, signal?: AbortSignal) => Promise<WireResult>;

export interface TransportOptions {
  dispatcher: Dispatcher;
  /** The API's base URL, without a trailing slash. */
  apiUrl: string;
  /** From send to the last byte of the answer. @default 30_000 */
  timeoutMs?: number;
  userAgent: string;
}

const CALL_TIMEOUT_MS = 30_000;

/** HTTP over undici: no redirects, no retries (`fetch` would repeat a request by itself on 421). */
export function makeTransport({
  dispatcher,
  apiUrl,
  timeoutMs = CALL_TIMEOUT_MS,
  userAgent,
}: TransportOptions): Transport {
  return async ({ method, path, token, body }, signal) => {
    // One controller wired by hand: a composite of signals would be kept by the long-lived one for as long as that lives.
    const ending = new AbortController();
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      ending.abort();
    }, timeoutMs);
    const abandon = () => ending.abort();
    if (signal?.aborted) abandon();
    signal?.addEventListener('abort', abandon);
    try {
      const response = await request(`${apiUrl}${path}`, {
        method,
        dispatcher,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          accept: 'application/json',
          'user-agent': userAgent,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body: body ?? null,
        signal: ending.signal,
      });
      const text = await response.body.text();
      return { raw: { http: response.statusCode, headers: response.headers, body: text } };
    } catch (error) {
      if (timedOut) return { error: 'timeout' };
      if (signal?.aborted) return { error: 'aborted' };
      return { error: nameOf(error) };
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abandon);
    }
  };
}

/** The error's own code, which is a word of Node's or undici's and holds nothing of the request. */
function nameOf(error: unknown): string {
  if (error instanceof AggregateError) return nameOf(error.errors[0]);
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code !== 'string') return 'network-error';
  return /TIMEOUT/.test(code) ? 'timeout' : code;
}
