import { systemClock } from '../../src/clock.ts';
import type { Transport, WireResult } from '../../src/defender/transport.ts';
import { PAGE_BYTES } from '../../src/defender/transport.ts';
import { callerOf } from '../../src/sandbox/access.ts';
import { type HttpAnswer, unauthorized } from '../../src/sandbox/answers.ts';
import { Devices } from '../../src/sandbox/devices.ts';
import type { Fault } from '../../src/sandbox/faults.ts';
import { idsAskedFor } from '../../src/sandbox/list-actions.ts';
import { defaultListRules, type ListRules, type SandboxAccess } from '../../src/sandbox/options.ts';
import { answerOf, isApplied } from '../../src/sandbox/play-fault.ts';
import type { Route } from '../../src/sandbox/request-log.ts';
import { routeOf, serve } from '../../src/sandbox/routes.ts';
import { spoiled } from '../../src/sandbox/spoil-answer.ts';
import { ActionStore } from '../../src/sandbox/store.ts';

/** One request as the service got it. Times are monotonic ms. */
export interface WireCall {
  n: number;
  method: string;
  route: Route;
  ids: readonly string[];
  sentAtMs: number;
  answeredAtMs: number | undefined;
  effect: boolean;
  comment: string | undefined;
  token: string;
  path: string;
  /** The kind of what went wrong with it. */
  fault: Fault['kind'] | undefined;
}

const TIMEOUT_MS = 30_000;

/** The sandbox's own routes, store and faults behind a transport without sockets, so that time may be virtual. */
export class Wire {
  readonly calls: WireCall[] = [];
  readonly devices = new Devices({ nowMs: () => systemClock.wallMs() });
  readonly store = new ActionStore({ nowMs: () => systemClock.wallMs(), devices: this.devices });
  readonly access: SandboxAccess = {};
  readonly list: ListRules = { ...defaultListRules };
  /** From send to answer. */
  latencyMs = 100;
  /** What goes wrong with a call; `nth` counts this route's calls for this action. */
  fault: (call: WireCall, nth: number) => Fault | undefined = () => undefined;
  accepts: (token: string) => boolean = () => true;
  inFlight = 0;
  readonly #byId = new Map<string, WireCall[]>();

  count(route?: WireCall['route']): number {
    return route === undefined ? this.calls.length : this.calls.filter((call) => call.route === route).length;
  }

  of(id: string, route?: WireCall['route']): WireCall[] {
    return (this.#byId.get(id) ?? []).filter((call) => route === undefined || call.route === route);
  }

  effects(id: string): number {
    return this.of(id, 'cancel').filter(({ effect }) => effect).length;
  }

  clear(): void {
    this.calls.length = 0;
    this.#byId.clear();
  }

  readonly transport: Transport = async ({ method, path: target, token, body, maxBytes = PAGE_BYTES }, signal) => {
    if (signal?.aborted) return { error: 'aborted' };
    const [path = '', search = ''] = target.split('?');
    const query = new URLSearchParams(search);
    const { route, id } = routeOf(method, path);
    const call: WireCall = {
      n: this.calls.length + 1,
      method,
      route,
      ids: id === undefined ? idsAskedFor(query) : [id],
      sentAtMs: systemClock.monotonicMs(),
      answeredAtMs: undefined,
      effect: false,
      comment: undefined,
      token: token ?? '',
      path: target,
      fault: undefined,
    };
    this.calls.push(call);
    for (const each of call.ids) {
      const known = this.#byId.get(each);
      if (known === undefined) this.#byId.set(each, [call]);
      else known.push(call);
    }
    const fault = this.fault(call, id === undefined ? call.n : this.of(id, route).length);
    call.fault = fault?.kind;
    this.inFlight += 1;
    try {
      const serveNow = () => this.#serve(call, { method, path, query, id, body }, fault);
      const result = await this.#play(fault, serveNow, signal);
      const isTooLarge = 'raw' in result && result.raw.body.length > maxBytes;
      return isTooLarge ? { error: 'too-large' } : result;
    } catch (error) {
      if (signal?.aborted) return { error: 'aborted' };
      throw error;
    } finally {
      call.answeredAtMs = systemClock.monotonicMs();
      this.inFlight -= 1;
    }
  };

  async #play(
    fault: Fault | undefined,
    serveNow: () => HttpAnswer,
    signal: AbortSignal | undefined,
  ): Promise<WireResult> {
    if (fault?.kind === 'late') {
      void systemClock.sleep(fault.afterMs).then(serveNow);
      await systemClock.sleep(TIMEOUT_MS, { signal });
      return { error: 'timeout' };
    }
    await systemClock.sleep(this.latencyMs, { signal });
    const { status: http, headers, body } = serveNow();
    switch (fault?.kind) {
      case 'hang':
        await systemClock.sleep(TIMEOUT_MS - this.latencyMs, { signal });
        return { error: 'timeout' };
      case 'reset':
      case 'reset-in-body':
        return { error: 'ECONNRESET' };
      default: {
        const text = fault?.kind === 'cut-json' ? body.slice(0, body.length / 2) : body;
        const date = new Date(systemClock.wallMs()).toUTCString();
        return { raw: { http, headers: { ...headers, date }, body: text } };
      }
    }
  }

  #serve(
    call: WireCall,
    {
      method,
      path,
      query,
      id,
      body,
    }: { method: string; path: string; query: URLSearchParams; id: string | undefined; body: string | undefined },
    fault: Fault | undefined,
  ): HttpAnswer {
    const caller = callerOf(call.token);
    let answer: HttpAnswer | undefined;
    if (isApplied(fault)) {
      if (!this.accepts(call.token)) return unauthorized('the token is not valid');
      const request = {
        route: call.route,
        method,
        id,
        url: `http://api.test${path}`,
        query,
        contentType: 'application/json',
        body: body ?? '',
      };
      const served = serve(request, caller, {
        store: this.store,
        devices: this.devices,
        access: this.access,
        list: this.list,
      });
      call.effect = served.effect;
      call.comment = served.comment;
      answer = spoiled(served.answer, fault, { id, target: call.path, url: request.url });
    }
    const instead = answerOf(fault, { nowMs: systemClock.wallMs(), tenant: caller.tenant, id });
    return instead ?? answer ?? { status: 500, headers: {}, body: '' };
  }
}
