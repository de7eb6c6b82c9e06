import { setMaxListeners } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../clock.ts';
import { bearerOf, type Caller, callerOf } from './access.ts';
import { errorAnswer, type HttpAnswer, htmlAnswer, quotaExceeded, unauthorized } from './answers.ts';
import type { Devices } from './devices.ts';
import type { Fault, FaultControl } from './faults.ts';
import { idsAskedFor } from './list-actions.ts';
import { defaultWindows, type ListRules, type SandboxAccess, type SandboxOptions } from './options.ts';
import { answerOf, isApplied, send } from './play-fault.ts';
import type { LogEntry, RequestLog } from './request-log.ts';
import { type ApiRequest, routeOf, serve } from './routes.ts';
import { seededRandom } from './seeded.ts';
import { spoiled } from './spoil-answer.ts';
import type { ActionStore } from './store.ts';
import { StrictQuota } from './strict-quota.ts';

interface HandlerParts {
  options: SandboxOptions;
  clock: Clock;
  store: ActionStore;
  devices: Devices;
  log: RequestLog;
  faults: FaultControl;
  access: SandboxAccess;
  list: ListRules;
}

interface Exchange {
  request: ApiRequest;
  caller: Caller | undefined;
  token: string | undefined;
  fault: Fault | undefined;
  entry: LogEntry;
}

/**
 * One request from arrival to answer: log, fault, latency, count, permission, effect, latency, answer. A call is
 * counted as soon as it carries a bearer, and a full quota answers before anything else does.
 */
export class RequestHandler {
  readonly access: SandboxAccess;
  readonly list: ListRules;
  latencyMs: number | readonly [number, number];
  readonly #parts: HandlerParts;
  readonly #quota: StrictQuota | undefined;
  readonly #random: () => number;
  readonly #closing = new AbortController();

  constructor(parts: HandlerParts) {
    const { quota = {}, latencyMs = 0, random = seededRandom(1) } = parts.options;
    // Every request that waits listens to it.
    setMaxListeners(0, this.#closing.signal);
    this.#parts = parts;
    this.access = parts.access;
    this.list = parts.list;
    this.latencyMs = latencyMs;
    this.#random = random;
    if (quota !== false) {
      const { windows = defaultWindows, rule = 'sliding', offsetMs = 0, countRefused = false } = quota;
      this.#quota = new StrictQuota({ windows, rule, offsetMs, countRefused });
    }
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  close(): void {
    this.#closing.abort(new Error('the sandbox was closed'));
  }

  async handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange = this.#arrived(incoming);
    const { entry, fault, request } = exchange;
    response.on('error', () => undefined);
    request.body = await textOf(incoming);

    const latencyMs = this.#drawLatency();
    const countAfterMs = latencyMs * this.#drawCountMoment();
    await this.#sleep(countAfterMs);
    if (fault?.kind === 'late') await this.#sleep(fault.afterMs);
    const answer = this.#decide(exchange);
    await this.#sleep(latencyMs - countAfterMs);

    response.setHeader(
      'date',
      new Date(this.#parts.clock.wallMs() + (this.#parts.options.dateSkewMs ?? 0)).toUTCString(),
    );
    const played = entry.overQuota && fault?.kind !== 'reset' && fault?.kind !== 'hang' ? undefined : fault;
    entry.status = await send(response, answer, played, { sleep: async (ms) => this.#sleep(ms) });
    if (entry.status !== undefined) entry.answeredMs = this.#parts.clock.monotonicMs();
    entry.done = true;
    this.#parts.log.changed();
  }

  #arrived(incoming: IncomingMessage): Exchange {
    const { clock, log, faults } = this.#parts;
    const { method = 'GET', url: target = '/' } = incoming;
    const [path = '/', search = ''] = splitOnce(target, '?');
    const query = new URLSearchParams(search);
    const { route, id } = routeOf(method, path);
    const token = bearerOf(incoming.headers.authorization);
    const caller = token === undefined ? undefined : callerOf(token);
    const ids = id === undefined ? idsAskedFor(query) : [id];
    const entry: LogEntry = {
      n: log.entries.length + 1,
      route,
      method,
      path: target,
      ids,
      at: clock.wallMs(),
      arrivedMs: clock.monotonicMs(),
      countedMs: undefined,
      answeredMs: undefined,
      status: undefined,
      done: false,
      effect: false,
      comment: undefined,
      fault: undefined,
      tenant: caller?.tenant,
      client: caller?.client,
      overQuota: false,
    };
    const nthOfId = id === undefined ? 1 : log.of(id, route).length + 1;
    log.add(entry);
    const fault = faults.choose({ route, method, path: target, id, ids, nthOfId }, entry.n);
    entry.fault = fault?.kind;
    const url = `http://${incoming.headers.host ?? 'localhost'}${path}`;
    const request = { route, method, id, url, query, contentType: incoming.headers['content-type'], body: '' };
    return { request, caller, token, fault, entry };
  }

  /** Counts the call and decides its answer at this instant, with all effects it has. */
  #decide({ request, caller, token, fault, entry }: Exchange): HttpAnswer {
    const { clock, log, options } = this.#parts;
    if (caller === undefined || token === undefined) return unauthorized('there is no bearer token');
    entry.countedMs = clock.monotonicMs();
    const separate = options.quota !== false && options.quota?.routes === 'separate';
    const key = `${caller.tenant}|${caller.client}|${separate ? request.route : ''}`;
    const refusal = this.#quota?.count(key, entry.countedMs);
    if (refusal !== undefined) {
      entry.overQuota = true;
      return quotaExceeded(refusal, caller.tenant, options.quota === false || options.quota?.retryAfter !== false);
    }
    let answer: HttpAnswer | undefined;
    if (isApplied(fault)) {
      const served = this.#served(request, caller, token, entry);
      entry.effect = served.effect;
      entry.comment = served.comment;
      answer = spoiled(served.answer, fault, { id: request.id, target: entry.path, url: request.url });
      // Whoever waits for an effect shall not have to wait for an answer that may never come.
      if (served.effect) log.changed();
    }
    const instead = answerOf(fault, { nowMs: clock.wallMs(), tenant: caller.tenant, id: request.id });
    return instead ?? answer ?? errorAnswer(500, 'InternalServerError', '');
  }

  #served(request: ApiRequest, caller: Caller, token: string, entry: LogEntry): ReturnType<typeof serve> {
    const { clock, store, devices } = this.#parts;
    if (caller.expiresMs <= clock.wallMs()) return { answer: unauthorized('the token has expired'), effect: false };
    if (this.access.accepts?.(token) === false)
      return { answer: unauthorized('the token is not valid'), effect: false };
    if (entry.path.length > this.list.maxUrlLength) return { answer: htmlAnswer(414), effect: false };
    return serve(request, caller, { store, devices, access: this.access, list: this.list });
  }

  #drawLatency(): number {
    const { latencyMs } = this;
    if (typeof latencyMs === 'number') return latencyMs;
    return latencyMs[0] + this.#random() * (latencyMs[1] - latencyMs[0]);
  }

  /** Which part of the latency passes before the call is counted. */
  #drawCountMoment(): number {
    const { quota } = this.#parts.options;
    const countAt = quota === false ? 'arrival' : (quota?.countAt ?? 'arrival');
    return countAt === 'random' ? this.#random() : Number(countAt === 'answer');
  }

  #sleep(ms: number): Promise<void> | undefined {
    return ms > 0 ? this.#parts.clock.sleep(ms, { signal: this.#closing.signal }) : undefined;
  }
}

const bodyLimit = 1_048_576;

async function textOf(incoming: IncomingMessage): Promise<string> {
  if (incoming.method === 'GET') {
    incoming.resume();
    return '';
  }
  let text = '';
  incoming.setEncoding('utf8');
  for await (const chunk of incoming) {
    text += String(chunk);
    if (text.length > bodyLimit) throw new Error(`a body of more than ${bodyLimit} characters: the caller is cut off`);
  }
  return text;
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
