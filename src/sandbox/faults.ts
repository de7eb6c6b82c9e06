import type { Route } from './request-log.ts';
import { seededRandom } from './seeded.ts';

/**
 * Something that goes wrong with one request. `applied` says whether the request takes effect all the same: that is
 * what tells a lost request from a lost answer.
 */
export type Fault =
  /** An error of the service (500, 503, 409 …) with a Defender body; `retryAfter` is seconds or the header's text. */
  | {
      kind: 'status';
      status: number;
      code?: string;
      message?: string;
      retryAfter?: number | string;
      applied?: boolean;
    }
  /** A page of a proxy or gateway in front of the service. */
  | { kind: 'html'; status: number; applied?: boolean }
  /** The answer's JSON ends in the middle, with a content length that fits. @default applied */
  | { kind: 'cut-json'; applied?: boolean }
  /** The connection is reset instead of an answer. */
  | { kind: 'reset'; applied?: boolean }
  /** Headers and half a body, then the connection is reset. @default applied */
  | { kind: 'reset-in-body'; applied?: boolean }
  /** No answer, ever; the connection stays open. */
  | { kind: 'hang'; applied?: boolean }
  /** The request takes effect, and is answered, only so much later: beyond a client's timeout. */
  | { kind: 'late'; afterMs: number }
  /** Takes effect at once; the headers or the second half of the body come late. */
  | { kind: 'slow'; headersMs?: number; bodyMs?: number }
  /** 429 whatever the quota says; the wait is told by header in seconds, by header as a date, by message, or not. */
  | { kind: 'too-many'; seconds?: number; tell?: 'header' | 'date' | 'message' | 'nothing'; code?: string }
  /** 401; `claims` makes it a challenge as continuous access evaluation sends it. */
  | { kind: 'unauthorized'; claims?: string }
  | { kind: 'forbidden' }
  | { kind: 'redirect'; location?: string; status?: number }
  /** 200 with the entity of another action. @default applied */
  | { kind: 'wrong-id'; applied?: boolean }
  /** A status without any body, as gateways send it. */
  | { kind: 'empty'; status: number; headers?: Readonly<Record<string, string>>; applied?: boolean }
  /**
   * The body in a coding that nobody asked for: codings as in `Content-Encoding`, applied in their order. `header` is what the header says
   * of it; null leaves it out.
   */
  | { kind: 'encoded'; coding: string; header?: string | null }
  /** Fields of the answer's entity, or of the first one of a list, are others; `extra` entries go before a list's own. */
  | { kind: 'odd-entity'; fields?: Readonly<Record<string, unknown>>; extra?: readonly unknown[] }
  /** Words of the answer in another spelling, as `{ Cancelled: 'Canceled' }`: where they are a whole value. */
  | { kind: 'respelled'; words: Readonly<Record<string, string>> }
  /**
   * The next link of a list: to its own page, empty, the true one made relative or to another host, or any value. Only a page that has a next
   * one has a true link.
   */
  | { kind: 'next-link'; link: 'own' | 'empty' | 'relative' | 'foreign' | { value: unknown } }
  /** 200, and a body that has no end; a byte every so many ms, or as fast as it is read. */
  | { kind: 'endless'; everyMs?: number };

interface FaultRequest {
  route: Route;
  method: string;
  path: string;
  /** The action that a cancel or get names. */
  id: string | undefined;
  /** The IDs that a list asks for. */
  ids: readonly string[];
  /** How often this route was asked for this ID, this time included, from 1. */
  nthOfId: number;
}

/** `n` counts all requests from 1. */
export type FaultScript = (request: FaultRequest, n: number) => Fault | undefined;

export interface FaultRate {
  /** 0 to 1, of the requests of these routes. */
  rate: number;
  fault: Fault;
  /** @default all routes */
  routes?: readonly Route[];
}

export interface FaultOptions {
  script?: FaultScript;
  rates?: readonly FaultRate[];
  /** @default 1 */
  seed?: number;
}

interface Queued {
  fault: Fault;
  left: number;
  matches: (request: FaultRequest) => boolean;
}

/** What goes wrong, switchable while the sandbox runs: queued faults first, then the script, then the rates. */
export class FaultControl {
  #queued: Queued[] = [];
  #script: FaultScript | undefined;
  #rates: readonly FaultRate[];
  #random: () => number;

  constructor(options: FaultOptions = {}) {
    this.#script = options.script;
    this.#rates = options.rates ?? [];
    this.#random = seededRandom(options.seed ?? 1);
  }

  /** The next `times` requests that match meet this fault. */
  next(fault: Fault, when: { route?: Route; id?: string; times?: number } = {}): void {
    const id = when.id?.toLowerCase();
    const matches = (request: FaultRequest) =>
      (when.route === undefined || when.route === request.route) && (id === undefined || id === request.id);
    this.#queued.push({ fault, left: when.times ?? 1, matches });
  }

  script(script: FaultScript | undefined): void {
    this.#script = script;
  }

  rates(rates: readonly FaultRate[], seed = 1): void {
    this.#rates = rates;
    this.#random = seededRandom(seed);
  }

  /** From now on nothing goes wrong. */
  clear(): void {
    this.#queued = [];
    this.#script = undefined;
    this.#rates = [];
  }

  choose(request: FaultRequest, n: number): Fault | undefined {
    const queued = this.#queued.find((entry) => entry.matches(request));
    if (queued !== undefined) {
      queued.left -= 1;
      if (queued.left <= 0) this.#queued.splice(this.#queued.indexOf(queued), 1);
      return queued.fault;
    }
    return this.#script?.(request, n) ?? this.#drawn(request);
  }

  #drawn(request: FaultRequest): Fault | undefined {
    if (this.#rates.length === 0) return undefined;
    let left = this.#random();
    for (const { rate, fault, routes } of this.#rates) {
      if (routes !== undefined && !routes.includes(request.route)) continue;
      left -= rate;
      if (left < 0) return fault;
    }
    return undefined;
  }
}
