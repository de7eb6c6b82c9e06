import { retryAfterMs, secondsFromMessage } from '../quota/retry-after.ts';
import type { Answer, Call } from './call.ts';
import type { MachineAction } from './entity.ts';

/** An HTTP answer as it came off the wire, read whole. Header names are in lower case. */
export interface RawAnswer {
  http: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: string;
}

interface ErrorBody {
  code: string;
  message: string;
  target: string | undefined;
}

const UNAVAILABLE: ReadonlySet<number> = new Set([408, 500, 502, 503, 504]);

/**
 * Says what an HTTP answer means. Proxies, gateways and captive portals answer too, so a status alone is believed only
 * where a repeat is harmless: a refusal needs Defender's error body, a success the entity with the ID that was asked for.
 */
export function readAnswer(call: Pick<Call, 'route' | 'id'>, raw: RawAnswer, nowWallMs: number): Answer {
  const { http } = raw;
  const body = parse(raw.body);
  const error = errorBody(body);
  if (http === 429) {
    const seconds = secondsFromMessage(error?.message);
    const fromMessage = seconds === undefined ? undefined : seconds * 1000;
    return { kind: 'throttled', code: error?.code, retryAfterMs: waitOf(raw, nowWallMs) ?? fromMessage };
  }
  if (UNAVAILABLE.has(http)) {
    return { kind: 'unavailable', http, code: error?.code, retryAfterMs: waitOf(raw, nowWallMs) };
  }
  if (http === 200) return readSuccess(call, body) ?? { kind: 'lost', error: 'foreign-body', http };
  if (error === undefined) return { kind: 'lost', error: 'foreign-body', http };
  const claims = http === 401 ? claimsOf(header(raw, 'www-authenticate')) : undefined;
  return { kind: 'error', http, code: error.code, correlation: error.target, claims };
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
  return retryAfterMs(header(raw, 'retry-after'), nowWallMs + (skewOf(raw, nowWallMs) ?? 0));
}

function readSuccess(call: Pick<Call, 'route' | 'id'>, body: unknown): Answer | undefined {
  if (call.route !== 'list') {
    return isAction(body) && body.id.toLowerCase() === call.id ? { kind: 'action', action: body } : undefined;
  }
  if (!isObject(body) || !Array.isArray(body['value']) || !body['value'].every(isAction)) return undefined;
  const nextLink = body['@odata.nextLink'];
  return { kind: 'page', actions: body['value'], nextLink: typeof nextLink === 'string' ? nextLink : undefined };
}

function isAction(value: unknown): value is MachineAction {
  return (
    isObject(value) &&
    typeof value['id'] === 'string' &&
    typeof value['type'] === 'string' &&
    typeof value['status'] === 'string'
  );
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

function header({ headers }: RawAnswer, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** The claims of a `WWW-Authenticate: Bearer … claims="<base64>"` challenge, decoded; a sign-in must satisfy them. */
function claimsOf(challenge: string | undefined): string | undefined {
  const encoded = /\bclaims="([^"]+)"/i.exec(challenge ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const decoded = Buffer.from(encoded, 'base64').toString('utf8');
  return parse(decoded) === undefined ? undefined : decoded;
}
