import type { CancelCall } from '../ledger/state/run-state.ts';
import type { Answer, Call } from './call.ts';
import { hasActionId, readDevice, readEntity } from './entity.ts';
import { longestWaitMs, secondsFromMessage } from './retry-after.ts';

/** An HTTP answer as it came off the wire, read whole. Header names are in lower case. */
export interface RawAnswer {
  http: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: string;
  /** Why the body cannot be read although it came whole: `too-large`, `content-encoding-…`. The status counts all the same. */
  unread?: string;
}

interface ErrorBody {
  code: string;
  message: string;
  target: string | undefined;
}

/** Reads an HTTP answer to a call. `nowWallMs`: epoch ms by our clock, against which a date to wait for is measured. */
export function readAnswer(call: Pick<Call, 'route' | 'id'>, raw: RawAnswer, nowWallMs: number): Answer {
  const { http } = raw;
  const body = parse(raw.body);
  const success = http === 200 ? readSuccess(call, body) : undefined;
  const error = errorBody(body);
  const lost: Answer = { kind: 'lost', error: raw.unread ?? 'foreign-body', http };
  const kind = classify(
    http,
    undefined,
    success !== undefined ? 'asked-for' : error !== undefined ? 'error' : 'foreign',
  );
  switch (kind) {
    case 'success':
      return success ?? lost;
    case 'throttled': {
      const seconds = secondsFromMessage(error?.message);
      const fromMessage = seconds === undefined ? undefined : seconds * 1000;
      return { kind, code: error?.code, retryAfterMs: waitOf(raw, nowWallMs) ?? fromMessage };
    }
    case 'unavailable':
      return { kind, http, code: error?.code, retryAfterMs: waitOf(raw, nowWallMs) };
    case 'error': {
      const claims = http === 401 ? claimsOf(allOf(raw, 'www-authenticate')) : undefined;
      return { kind, http, code: error?.code, correlation: error?.target, claims };
    }
    case 'lost':
      return lost;
  }
}

/** Before this program there were no calls of its, and a clock beyond the other one is none. */
const DATES = { first: Date.UTC(2020, 0), last: Date.UTC(2100, 0) };

/** Defender's clock minus ours, in ms; undefined without a `Date` that can be one. The header has whole seconds. */
export function skewOf(raw: RawAnswer, nowWallMs: number): number | undefined {
  const date = Date.parse(header(raw, 'date') ?? '');
  return date >= DATES.first && date < DATES.last ? date - nowWallMs : undefined;
}

function waitOf(raw: RawAnswer, nowWallMs: number): number | undefined {
  // An HTTP date is the server's, so it is measured against the server's own clock.
  return longestWaitMs(allOf(raw, 'retry-after'), nowWallMs + (skewOf(raw, nowWallMs) ?? 0));
}

function readSuccess(call: Pick<Call, 'route' | 'id'>, body: unknown): Answer | undefined {
  if (call.route === 'cancel' || call.route === 'get') {
    const action = readEntity(body);
    return action !== undefined && action.id === call.id ? { kind: 'action', action } : undefined;
  }
  if (!isObject(body) || !Array.isArray(body['value'])) return undefined;
  const entries: unknown[] = body['value'];
  if (call.route === 'machines') {
    return { kind: 'devices', devices: entries.flatMap((entry) => readDevice(entry) ?? []), entries: entries.length };
  }
  const read = entries.flatMap((entry) => readEntity(entry) ?? []);
  const actions = read.filter(hasActionId);
  return {
    kind: 'page',
    actions,
    entries: entries.length,
    odd: entries.length - actions.length,
    count: countOf(body['@odata.count'], entries.length),
    nextLink: linkOf(body['@odata.nextLink']),
  };
}

/** A number, or a number as text (64 bits do not fit JSON's). One that is smaller than the page itself is no count of the list. */
function countOf(value: unknown, atLeast: number): number | undefined {
  const count = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= atLeast ? count : undefined;
}

function linkOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

function errorBody(body: unknown): ErrorBody | undefined {
  const error = isObject(body) ? body['error'] : undefined;
  if (!isObject(error) || !isWord(error['code'])) return undefined;
  const { message, target } = error as Record<'message' | 'target', unknown>;
  return {
    code: error['code'],
    message: typeof message === 'string' ? message : '',
    target: isWord(target) ? target : undefined,
  };
}

/** Codes and correlation IDs go into ledger and reports: whatever is longer is none, and may be our own token said back. */
function isWord(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 100;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function header(raw: RawAnswer, name: string): string | undefined {
  return allOf(raw, name)[0];
}

/** A header may be sent several times. */
function allOf({ headers }: RawAnswer, name: string): readonly string[] {
  const value = headers[name] ?? [];
  return typeof value === 'string' ? [value] : value;
}

/** The claims of a `WWW-Authenticate: Bearer … claims="<base64>"` challenge, decoded; a sign-in must satisfy them. */
function claimsOf(challenges: readonly string[]): string | undefined {
  const encoded = /\bclaims="([^"]+)"/i.exec(challenges.join(', '))?.[1];
  if (encoded === undefined) return undefined;
  const decoded = Buffer.from(encoded, 'base64').toString('utf8');
  return parse(decoded) === undefined ? undefined : decoded;
}

/** The statuses of something that is out of order for now, Defender itself or a gateway on the way: a repeat may help. */
const UNAVAILABLE: ReadonlySet<number> = new Set([408, 500, 502, 503, 504]);

export function isUnavailable(http: number): boolean {
  return UNAVAILABLE.has(http);
}

/** What the body of an answer is: what was asked for, an error body of Defender's, or neither. */
export type BodyKind = 'asked-for' | 'error' | 'foreign';

/**
 * Says what came of a call, by the HTTP status and the body of its answer, or by the `error` for which there is no usable one.
 * Proxies, gateways and captive portals answer too, so a status alone is believed only where a repeat is harmless (401 and 403
 * among them, which Defender's own gateway sends without a body): any other refusal needs Defender's error body, a success
 * what was asked for.
 */
export function classify(
  http: number | undefined,
  error: string | undefined,
  body: BodyKind,
): 'success' | 'throttled' | 'unavailable' | 'error' | 'lost' {
  if (http === undefined || error !== undefined) return 'lost';
  if (http === 429) return 'throttled';
  if (isUnavailable(http)) return 'unavailable';
  if (http === 200) return body === 'asked-for' ? 'success' : 'lost';
  return body === 'error' || http === 401 || http === 403 ? 'error' : 'lost';
}

/** An answer as a ledger keeps it: of a success without its entity. */
export type RecordedAnswer =
  | Extract<Answer, { kind: 'throttled' | 'unavailable' | 'error' | 'lost' }>
  | { kind: 'accepted' };

/** The answer to a call of an earlier session. A call without a reply is as good as one whose answer was lost. */
export function recordedAnswer({ http, error, code, correlation, retryAfterMs }: CancelCall): RecordedAnswer {
  // What had neither body was recorded with an error.
  const kind = classify(http, error, http === 200 ? 'asked-for' : 'error');
  if (http === undefined || kind === 'lost') return { kind: 'lost', error: error ?? 'interrupted', http };
  switch (kind) {
    case 'success':
      return { kind: 'accepted' };
    case 'throttled':
      return { kind, code, retryAfterMs };
    case 'unavailable':
      return { kind, http, code, retryAfterMs };
    case 'error':
      return { kind, http, code, correlation, claims: undefined };
  }
}
