import type { Dispatcher } from 'undici';
import { ANSWER_LIMIT_MS } from '../quota/call-times.ts';
import { decodeBody } from './decode-body.ts';
import type { RawAnswer } from './read-answer.ts';

export interface WireRequest {
  method: 'GET' | 'POST' | 'HEAD';
  /** Below the base URL, spelled as a URL spells it. */
  path: string;
  /** Undefined sends none: for asking whether the host is there. */
  token: string | undefined;
  body: string | undefined;
  /** Bytes of the answer's body at most, also once decoded. @default {@link PAGE_BYTES} */
  maxBytes?: number;
}

/** What the wire gave: a whole HTTP answer (its body as text), or why there is none. */
export type WireResult = { raw: RawAnswer } | { error: string };

/** Sends one request and waits for the whole answer or the timeout. Never rejects. */
export type Transport = (request: WireRequest, signal?: AbortSignal) => Promise<WireResult>;

export interface TransportOptions {
  dispatcher: Dispatcher;
  /** The API's base URL, without a trailing slash. */
  apiUrl: string;
  /** From send to the last byte of the answer. @default {@link ANSWER_LIMIT_MS} */
  timeoutMs?: number;
  userAgent: string;
}

/**
 * HTTP over undici: no redirects, no retries (`fetch` would repeat a request by itself on 421). The answer is gathered by a handler of
 * its own, since undici's `request` makes a stream for each and needs an abort signal for each: a twentieth of a run's time.
 */
export function makeTransport({
  dispatcher,
  apiUrl,
  timeoutMs = ANSWER_LIMIT_MS,
  userAgent,
}: TransportOptions): Transport {
  const { origin, pathname } = new URL(apiUrl);
  const prefix = pathname.replace(/\/$/, '');
  const abandonable = new Abandonable();
  return ({ method, path, token, body, maxBytes = PAGE_BYTES }, signal) =>
    new Promise((resolve) => {
      const gathering = new Gathering(maxBytes, (result) => {
        clearTimeout(timer);
        if (signal !== undefined) abandonable.delete(signal, gathering);
        resolve(result);
      });
      const timer = setTimeout(() => gathering.giveUp('timeout'), timeoutMs);
      if (signal !== undefined) abandonable.add(signal, gathering);
      if (signal?.aborted) {
        gathering.giveUp('aborted');
        return;
      }
      const headers = {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        accept: 'application/json',
        // Without this header any coding would do.
        'accept-encoding': 'identity',
        'user-agent': userAgent,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      };
      try {
        dispatcher.dispatch({ origin, path: prefix + path, method, headers, body: body ?? null }, gathering);
      } catch (error) {
        gathering.onResponseError(undefined, error);
      }
    });
}

/** What a signal gives up. It has one listener for all of them: one for each would cost as much as to parse its answer. */
class Abandonable {
  readonly #bySignal = new Map<AbortSignal, { gathered: Set<Gathering>; giveUp: () => void }>();

  add(signal: AbortSignal, gathering: Gathering): void {
    const known = this.#bySignal.get(signal);
    if (known !== undefined) {
      known.gathered.add(gathering);
      return;
    }
    const gathered = new Set([gathering]);
    const giveUp = () => {
      for (const each of gathered) each.giveUp('aborted');
    };
    this.#bySignal.set(signal, { gathered, giveUp });
    signal.addEventListener('abort', giveUp);
  }

  delete(signal: AbortSignal, gathering: Gathering): void {
    const known = this.#bySignal.get(signal);
    known?.gathered.delete(gathering);
    if (known === undefined || known.gathered.size > 0) return;
    this.#bySignal.delete(signal);
    signal.removeEventListener('abort', known.giveUp);
  }
}

/** One answer as it comes in, piece by piece. Given up before undici has begun it, it is over at once, and never begins. */
class Gathering implements Dispatcher.DispatchHandler {
  readonly #done: (result: WireResult) => void;
  readonly #maxBytes: number;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #controller: Dispatcher.DispatchController | undefined;
  #givenUp: string | undefined;
  #http = 0;
  #headers: RawAnswer['headers'] = {};

  constructor(maxBytes: number, done: (result: WireResult) => void) {
    this.#maxBytes = maxBytes;
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
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) this.giveUp('too-large');
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    const http = this.#http;
    const headers = this.#headers;
    const [first] = this.#chunks;
    const bytes = first !== undefined && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
    void decodeBody(bytes, headers, this.#maxBytes).then((body) => {
      if (this.#givenUp !== undefined) this.#done({ error: this.#givenUp });
      else if ('error' in body) this.#done({ raw: { http, headers, body: '', unread: body.error } });
      else this.#done({ raw: { http, headers, body: body.text } });
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

const MIB = 1024 * 1024;

/**
 * Bytes of an answer's body at most, before and after it is decoded: ten thousand entities, the most that a page holds, are 15 to 30 MiB.
 * What is larger is not Defender's, and would not fit beside a million IDs in memory.
 */
export const PAGE_BYTES = 64 * MIB;

/** The same for an answer about one action. */
export const ENTITY_BYTES = 4 * MIB;
