import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { systemClock } from '../clock.ts';
import { listen } from '../listen.ts';
import { practiceClient, practiceTenant, type SandboxTokenOptions, sandboxToken } from './access.ts';
import { drawBehaviour } from './behaviours.ts';
import { Devices } from './devices.ts';
import { FaultControl } from './faults.ts';
import { generateActions } from './generate-actions.ts';
import { RequestHandler } from './handle-request.ts';
import { defaultListRules, type ListRules, type SandboxAccess, type SandboxOptions } from './options.ts';
import { RequestLog } from './request-log.ts';
import { ActionStore } from './store.ts';

/** A local Defender that listens. Everything in it may be changed while it runs. */
export interface Sandbox extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, without a path. */
  readonly url: string;
  readonly port: number;
  readonly store: ActionStore;
  readonly devices: Devices;
  readonly log: RequestLog;
  readonly faults: FaultControl;
  /** Which tokens are taken, and whether permissions must fit the type. */
  readonly access: SandboxAccess;
  readonly listRules: ListRules;
  /** Time between arrival and answer in ms; a pair draws from the span. */
  latencyMs: number | readonly [number, number];
  /** The variables a person exports to use it. */
  environment(token?: SandboxTokenOptions): Record<string, string>;
  /** Ends all waits, resets open connections and stops listening. */
  close(): Promise<void>;
}

/** Starts a sandbox on the loopback address. Throws UsageError when the port cannot be had. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const clock = options.clock ?? systemClock;
  const nowMs = () => clock.wallMs();
  const devices = new Devices({ ...options.devices, nowMs });
  const store = filledStore(options, devices, nowMs);
  const log = new RequestLog();
  const faults = new FaultControl(typeof options.faults === 'function' ? { script: options.faults } : options.faults);
  const handler = new RequestHandler({
    options,
    clock,
    store,
    devices,
    log,
    faults,
    access: { ...options.access },
    list: { ...defaultListRules, ...options.list },
  });

  const server = createServer({ maxHeaderSize: 1_048_576, keepAliveTimeout: 65_000, requestTimeout: 0 });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    handler.handle(request, response).catch((error: unknown) => {
      // A caller that hung up, or the sandbox closing: there is nobody left to answer.
      if (!handler.closed && !response.destroyed) response.destroy(error instanceof Error ? error : undefined);
    });
  });
  const port = await listen(server, { port: options.port ?? 0, host: '127.0.0.1', who: 'the sandbox' });
  const url = `http://127.0.0.1:${port}`;

  const close = async () => {
    if (!server.listening) return;
    handler.close();
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return {
    url,
    port,
    store,
    devices,
    log,
    faults,
    access: handler.access,
    listRules: handler.list,
    get latencyMs() {
      return handler.latencyMs;
    },
    set latencyMs(ms) {
      handler.latencyMs = ms;
    },
    environment: (token = {}) => ({
      COUNTERMAND_API_URL: url,
      COUNTERMAND_TOKEN: sandboxToken({ nowMs: clock.wallMs(), ...token }),
      AZURE_TENANT_ID: token.tenant ?? practiceTenant,
      AZURE_CLIENT_ID: token.client ?? practiceClient,
    }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function filledStore(options: SandboxOptions, devices: Devices, nowMs: () => number): ActionStore {
  const { actions = [], behaviours = {} } = options;
  const byId = new Map(Object.entries(behaviours.byId ?? {}).map(([id, behaviour]) => [id.toLowerCase(), behaviour]));
  const store = new ActionStore({
    nowMs,
    devices,
    secondCancel: options.secondCancel ?? 'refused',
    behaviourOf: (id) =>
      byId.get(id) ??
      (behaviours.mix === undefined ? undefined : drawBehaviour(behaviours.mix, behaviours.seed ?? 1, id)) ??
      behaviours.default,
  });
  for (const action of 'count' in actions ? generateActions({ ...actions, nowMs: nowMs() }) : actions)
    store.add(action);
  return store;
}
