import type { Transport, WireRequest, WireResult } from '../../src/defender/transport.ts';
import { PAGE_BYTES } from '../../src/defender/transport.ts';
import { error, type Request, type ServerAnswer, type SimDefender } from './defender.ts';
import type { SimProcess } from './process.ts';
import { TOLD_BY_STATUS, withQuirks } from './quirks.ts';
import type { Scenario } from './scenario.ts';
import type { Random } from './seed.ts';
import type { SessionFaults } from './session-faults.ts';

const TIMEOUT_MS = 30_000;
/** What is still on its way to the service when the client has given up may count until then. */
const LATEST_MS = 60_000;

/** One request, for whoever checks what was sent. */
export interface Sent {
  readonly by: SimProcess;
  readonly request: Request;
  /** Method and path, as they left. */
  readonly line: string;
  /** The base URL that it went to. */
  readonly apiUrl: string;
  readonly sentAtMs: number;
  /** True ms at which the service counted it, if it did. */
  countedAtMs: number | undefined;
  /** What the program was told. */
  told: 'nothing' | 'answer' | 'lost';
  /** What it was told is a page or a cut body, which counts as no answer. */
  spoiled: boolean;
  http: number | undefined;
  /** What a `Retry-After` told. */
  retryAfterMs: number | undefined;
}

export interface WireOptions {
  apiUrl: string;
  scenario: Scenario;
  random: Random;
  defender: SimDefender;
  /** True ms. */
  now(): number;
  /** Undefined where answers have none. */
  serverDate(): string | undefined;
  outage(): NonNullable<SessionFaults['outage']>['how'] | undefined;
  calm(): boolean;
  onSend(sent: Sent): void;
  onCount(sent: Sent): void;
  onTold(sent: Sent, result: WireResult): void;
}

type CallFault =
  | 'none'
  | 'reset-before'
  | 'reset-after'
  | 'lost'
  | 'late'
  | 'truncated'
  | 'foreign'
  | 'foreign-after'
  | 'unavailable'
  | 'unavailable-after'
  | 'odd'
  | 'unauthorized'
  | 'refused-list'
  | 'outage-reset'
  | 'outage-hang'
  | 'outage-503'
  | 'outage-page';

const PAGE = '<html><body>Sign in to the network</body></html>';

/** The way between a process and the simulated service, with all that can happen on it. */
export function simTransport(process: SimProcess, options: WireOptions): Transport {
  const { random, now } = options;
  const quirks = random.fork('quirks');
  return (wire, signal) =>
    new Promise((resolve) => {
      process.act(() => {
        if (signal?.aborted) {
          resolve({ error: 'aborted' });
          return;
        }
        const sent: Sent = {
          by: process,
          request: readRequest(wire),
          line: `${wire.method} ${wire.path}`,
          apiUrl: options.apiUrl,
          sentAtMs: now(),
          countedAtMs: undefined,
          told: 'nothing',
          spoiled: false,
          http: undefined,
          retryAfterMs: undefined,
        };
        options.onSend(sent);
        const fault = drawFault(options, sent.request);
        const ms = latencyOf(options, fault);
        const reached = fault === 'late' ? random.int(TIMEOUT_MS, LATEST_MS) : Math.floor(ms * partOfWay(options));
        let answer: ServerAnswer | undefined;
        if (reaches(fault)) {
          setTimeout(
            () => {
              sent.countedAtMs = now();
              options.onCount(sent);
              answer = options.defender.serve(sent.request);
            },
            Math.min(reached, LATEST_MS),
          );
        }
        const tell = (whole: WireResult) => {
          if (sent.told !== 'nothing') return;
          process.deliver(() => {
            if (sent.told !== 'nothing') return;
            const { result, spoiled } = options.calm()
              ? { result: whole, spoiled: false }
              : withQuirks(whole, options.scenario, quirks);
            sent.told = 'raw' in result ? 'answer' : 'lost';
            if ('raw' in result) {
              const { http, headers } = result.raw;
              sent.http = http;
              sent.spoiled = (spoiled || isSpoiled(fault)) && !TOLD_BY_STATUS.has(http);
              const seconds = Number(headers['retry-after']);
              if (seconds > 0) sent.retryAfterMs = seconds * 1000;
            }
            options.onTold(sent, result);
            signal?.removeEventListener('abort', abandon);
            resolve(isTooLarge(result, wire) ? { error: 'too-large' } : result);
          });
        };
        const abandon = () => tell({ error: 'aborted' });
        const cutOff = fault === 'lost' || fault === 'late' || fault === 'outage-hang' || ms >= TIMEOUT_MS;
        if (cutOff) setTimeout(() => tell({ error: 'timeout' }), TIMEOUT_MS);
        else setTimeout(() => tell(resultOf(fault, answer, options)), ms);
        signal?.addEventListener('abort', abandon);
      });
    });
}

function isTooLarge(result: WireResult, { maxBytes = PAGE_BYTES }: WireRequest): boolean {
  return 'raw' in result && result.raw.body.length > maxBytes;
}

function partOfWay({ scenario, random }: WireOptions): number {
  if (scenario.counts === 'at-send') return 0;
  return scenario.counts === 'at-answer' ? 1 : random.next();
}

function latencyOf({ scenario, random, calm }: WireOptions, fault: CallFault): number {
  if (fault === 'foreign' || fault === 'outage-503') return random.int(5, 300);
  const [least, most] = calm() ? [5, 300] : scenario.latency;
  return random.spread(least, most);
}

/** In calm weather too every answer takes its time, and nothing else happens. */
function drawFault({ scenario, random, calm, outage }: WireOptions, { route }: Request): CallFault {
  const draw = random.next();
  if (calm()) return 'none';
  const away = outage();
  if (away !== undefined) return `outage-${away}`;
  const { calls } = scenario;
  const rates: [CallFault, number][] = [
    ['reset-before', calls.resetBefore],
    ['reset-after', calls.resetAfter],
    ['lost', calls.lost],
    ['late', calls.late],
    ['truncated', calls.truncated],
    ['foreign', calls.foreign],
    ['foreign-after', calls.foreignAfter],
    ['unavailable', calls.unavailable],
    ['unavailable-after', calls.unavailableAfter],
    ['odd', route === 'cancel' ? calls.odd : 0],
    ['unauthorized', calls.unauthorized],
    ['refused-list', route === 'list' ? calls.refusedList : 0],
  ];
  let sum = 0;
  for (const [fault, rate] of rates) {
    sum += rate;
    if (draw < sum) return fault;
  }
  return 'none';
}

/** A page or a cut body tells nothing, but by its status. */
function isSpoiled(fault: CallFault): boolean {
  return ['truncated', 'foreign', 'foreign-after', 'outage-page'].includes(fault);
}

/** Whether the service itself gets it, counts it and does it. */
function reaches(fault: CallFault): boolean {
  return ['none', 'reset-after', 'lost', 'late', 'truncated', 'foreign-after', 'unavailable-after'].includes(fault);
}

function resultOf(fault: CallFault, answer: ServerAnswer | undefined, options: WireOptions): WireResult {
  const { random, serverDate, scenario } = options;
  const raw = ({ http, headers, body }: ServerAnswer): WireResult => {
    const date = serverDate();
    return { raw: { http, headers: { ...headers, ...(date === undefined ? {} : { date }) }, body } };
  };
  const page = (http: number): WireResult => ({ raw: { http, headers: { 'content-type': 'text/html' }, body: PAGE } });
  switch (fault) {
    case 'none':
      return answer === undefined ? { error: 'ECONNRESET' } : raw(answer);
    case 'reset-before':
    case 'reset-after':
    case 'outage-reset':
      return { error: random.pick(['ECONNRESET', 'UND_ERR_SOCKET', 'ECONNREFUSED']) };
    case 'truncated':
      if (answer === undefined || answer.http === 429) return { error: 'ECONNRESET' };
      if ((answer.http === 401 || answer.http === 403) && scenario.calls.bare === 0) return { error: 'ECONNRESET' };
      return raw({ ...answer, body: answer.body.slice(0, random.int(0, answer.body.length - 1)) });
    case 'foreign':
    case 'foreign-after':
    case 'outage-page':
      // Refusals with a page in place of a body are a fault of their own.
      return page(random.pick([200, 302, 410, 404, 407, 502, 511]));
    case 'outage-503':
    case 'unavailable':
    case 'unavailable-after': {
      const headers = random.chance(0.3) ? { 'retry-after': String(random.int(0, 20)) } : {};
      const http = fault === 'outage-503' ? 503 : random.pick([408, 500, 502, 503, 504]);
      return raw(
        random.chance(0.5) ? error(http, 'InternalServerError', 'no', headers) : { http, headers, body: PAGE },
      );
    }
    case 'odd':
      return raw(error(random.pick([405, 409, 413, 418, 422]), 'Odd', 'odd'));
    case 'unauthorized':
      return raw(error(401, 'Unauthorized', 'not now', { 'www-authenticate': 'Bearer error="invalid_token"' }));
    case 'refused-list':
      return raw(error(random.pick([400, 404, 413, 414]), 'ODataError', 'too long'));
    default:
      return { error: 'timeout' };
  }
}

const GUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

function readRequest({ method, path, token, body }: WireRequest): Request {
  const text = decodeURIComponent(path);
  const ids: string[] = [...(text.match(GUID) ?? [])];
  const number = (name: string) => Number(new RegExp(`\\$${name}=(\\d+)`).exec(text)?.[1] ?? 0);
  const isList = text.startsWith('/api/machineactions?');
  const isDevices = text.startsWith('/api/machines?');
  const comment = body === undefined ? '' : String((JSON.parse(body) as { Comment?: string }).Comment);
  return {
    route: isDevices ? 'machines' : isList ? 'list' : method === 'POST' ? 'cancel' : 'get',
    id: isList || isDevices ? undefined : (ids[0] ?? ''),
    ids: isList ? ids : [],
    top: number('top') || 10_000,
    skip: number('skip'),
    comment,
    token: token ?? '',
  };
}
