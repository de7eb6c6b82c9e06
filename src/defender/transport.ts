import type { Dispatcher } from 'undici';
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
/** Leaves out the mark that some servers begin a text with. */
const UTF8 = new TextDecoder();

/**
 * HTTP over undici: no redirects, no retries (`fetch` would repeat a request by itself on 421). The answer is gathered by a handler of
 * its own, since undici's `request` makes a stream for each and needs an abort signal for each: a twentieth of a run's time.
 */
export function makeTransport({
  dispatcher,
  apiUrl,
  timeoutMs = CALL_TIMEOUT_MS,
  userAgent,
}: TransportOptions): Transport {
  return ({ method, path, token, body }, signal) =>
    new Promise((resolve) => {
      const gathering = new Gathering((result) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abandon);
        resolve(result);
      });
      const abandon = () => gathering.giveUp('aborted');
      const timer = setTimeout(() => gathering.giveUp('timeout'), timeoutMs);
      signal?.addEventListener('abort', abandon);
      if (signal?.aborted) {
        abandon();
        return;
      }
      const headers = {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        accept: 'application/json',
        'user-agent': userAgent,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      };
      try {
        const { origin, pathname, search } = new URL(`${apiUrl}${path}`);
        dispatcher.dispatch({ origin, path: pathname + search, method, headers, body: body ?? null }, gathering);
      } catch (error) {
        gathering.onResponseError(undefined, error);
      }
    });
}

/** One answer as it comes in, piece by piece. Given up before undici has begun it, it is over at once, and never begins. */
class Gathering implements Dispatcher.DispatchHandler {
  readonly #done: (result: WireResult) => void;
  readonly #chunks: Buffer[] = [];
  #controller: Dispatcher.DispatchController | undefined;
  #givenUp: string | undefined;
  #http = 0;
  #headers: RawAnswer['headers'] = {};

  constructor(done: (result: WireResult) => void) {
    this.#done = done;
  }

  giveUp(why: string): void {
    this.#givenUp ??= why;
    if (this.#controller === undefined) this.#done({ error: why });
    else this.#controller.abort(new Error(why));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#givenUp !== undefined) controller.abort(new Error(this.#givenUp));
  }

  onResponseStart(_: Dispatcher.DispatchController, http: number, headers: RawAnswer['headers']): void {
    this.#http = http;
    this.#headers = headers;
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.#done({
      raw: { http: this.#http, headers: this.#headers, body: UTF8.decode(Buffer.concat(this.#chunks)) },
    });
  }

  onResponseError(_: unknown, error: unknown): void {
    this.#done({ error: this.#givenUp ?? nameOf(error) });
  }
}

/** The error's own code, which is a word of Node's or undici's and holds nothing of the request. */
function nameOf(error: unknown): string {
  if (error instanceof AggregateError) return nameOf(error.errors[0]);
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code !== 'string') return 'network-error';
  return /TIMEOUT/.test(code) ? 'timeout' : code;
}
