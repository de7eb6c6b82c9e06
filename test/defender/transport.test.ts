import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent, buildConnector } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { makeTransport, type Transport, type WireRequest } from '../../src/defender/transport.ts';
import { Wire } from '../engine/wire.ts';
import { SimDefender } from '../simulation/defender.ts';
import { FAULTS, type FaultName } from '../simulation/faults.ts';
import { SimProcess } from '../simulation/process.ts';
import { drawScenario } from '../simulation/scenario.ts';
import { Random } from '../simulation/seed.ts';
import { simTransport } from '../simulation/transport.ts';
import { type VirtualTime, virtualTime } from '../support/clock/virtual-time.ts';
import { type Arrived, IDS, type Service, transportSuite } from './transport-suite.ts';

const REQUEST: WireRequest = { method: 'POST', path: '/api/x?$top=1', token: 'secret', body: '{"Comment":"x"}' };
const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0)) await end();
});

async function talkTo(answer: RequestListener, timeoutMs = 30_000): Promise<{ send: Transport; server: Server }> {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const dispatcher = new Agent();
  ended.push(async () => {
    await dispatcher.destroy();
    server.closeAllConnections();
    server.close();
  });
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { send: makeTransport({ dispatcher, apiUrl, timeoutMs, userAgent: 'countermand/1' }), server };
}

transportSuite({
  name: 'undici over sockets',
  lateMs: 2000,
  make: async ({ impatient }) => {
    let service: Service = 'answers';
    const arrived: Arrived[] = [];
    const waiting = new Set<() => void>();
    const timeoutMs = impatient ? 50 : 30_000;
    const { send } = await talkTo(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks).toString();
      const { authorization = '' } = request.headers;
      const comment = body === '' ? undefined : (JSON.parse(body) as { Comment: string }).Comment;
      arrived.push({
        line: `${request.method} ${request.url}`,
        token: /^Bearer (.*)$/.exec(authorization)?.[1],
        comment,
      });
      for (const look of waiting) look();
      const answer = JSON.stringify({ id: /[0-9a-f-]{36}/.exec(request.url ?? '')?.[0], status: 'Pending' });
      if (service === 'hangs up') request.socket.resetAndDestroy();
      else if (service === 'stops half-way') {
        response.writeHead(200, { 'content-length': answer.length });
        response.write(answer.slice(0, 20), () => response.destroy());
      } else if (service !== 'never answers') {
        response.writeHead(service === 'refuses' ? 503 : 200, { 'X-One': '1', 'content-type': 'application/json' });
        response.end(answer);
      }
    }, timeoutMs);
    return {
      transport: send,
      timeoutMs,
      arrived,
      service: (how) => {
        service = how;
      },
      untilArrived: (count) =>
        new Promise((resolve) => {
          const look = () => arrived.length >= count && resolve();
          waiting.add(look);
          look();
        }),
      nowMs: () => performance.now(),
      until: (work) => work,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
});

transportSuite({
  name: "the sandbox's routes without sockets",
  lateMs: 0,
  make: () => {
    const time = virtualTime();
    const wire = new Wire();
    for (const id of IDS) wire.store.add({ id });
    return Promise.resolve({
      ...within(time),
      transport: wire.transport,
      timeoutMs: 30_000,
      service: (how: Service) => {
        wire.fault = () => {
          if (how === 'refuses') return { kind: 'status', status: 503 };
          if (how === 'never answers') return { kind: 'hang' };
          if (how === 'hangs up') return { kind: 'reset' };
          return how === 'stops half-way' ? { kind: 'reset-in-body' } : undefined;
        };
      },
      get arrived() {
        return wire.calls.map(({ method, path, token, comment }) => ({ line: `${method} ${path}`, token, comment }));
      },
    });
  },
});

transportSuite({
  name: 'the way to the simulated service',
  lateMs: 0,
  make: () => {
    const time = virtualTime();
    const scenario = { ...drawScenario(1, new Set(Object.keys(FAULTS) as FaultName[])), windows: [] };
    const defender = new SimDefender(scenario, () => Date.now(), {
      accepts: () => true,
      mayCancel: () => true,
      mayRead: () => true,
      isCalm: () => true,
    });
    for (const [index, id] of IDS.entries()) defender.add(id, { known: true, index });
    const outages = {
      refuses: '503',
      'never answers': 'hang',
      'hangs up': 'reset',
      'stops half-way': 'reset',
    } as const;
    let service: Service = 'answers';
    const arrived: Arrived[] = [];
    const transport = simTransport(new SimProcess({ pid: 1, name: 'one', onKill: () => undefined }), {
      apiUrl: 'http://api.test',
      scenario,
      random: new Random('wire'),
      defender,
      now: () => Date.now(),
      serverDate: () => new Date().toUTCString(),
      outage: () => (service === 'answers' ? undefined : outages[service]),
      calm: () => service === 'answers',
      onSend: ({ line, request: { token, comment } }) => {
        arrived.push({ line, token, comment: comment === '' ? undefined : comment });
      },
      onCount: () => undefined,
      onTold: () => undefined,
    });
    return Promise.resolve({
      ...within(time),
      transport,
      timeoutMs: 30_000,
      arrived,
      service: (how: Service) => {
        service = how;
      },
    });
  },
});

/** In virtual time what was sent has arrived. */
function within(time: VirtualTime) {
  return {
    untilArrived: () => Promise.resolve(),
    nowMs: () => performance.now(),
    until: async <T>(work: Promise<T>): Promise<T> => {
      let over = false;
      const noted = work.finally(() => {
        over = true;
      });
      await time.runUntil(() => over);
      return await noted;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(time[Symbol.dispose]()),
  };
}

describe('a request', () => {
  it('a request says who we are, what it carries and what it takes', async () => {
    const seen: unknown[] = [];
    const { send } = await talkTo((request, response) => {
      const { 'content-type': type, 'user-agent': agent, accept, 'accept-encoding': coding } = request.headers;
      seen.push(type, agent, accept, coding);
      response.end();
    });
    await send(REQUEST);
    expect(seen).toEqual(['application/json', 'countermand/1', 'application/json', 'identity']);
  });

  it('a request without a token sends none', async () => {
    const seen: unknown[] = [];
    const { send } = await talkTo((request, response) => {
      seen.push(request.method, request.headers.authorization);
      response.end();
    });
    await send({ method: 'HEAD', path: '/', token: undefined, body: undefined });
    expect(seen).toEqual(['HEAD', undefined]);
  });

  it('a request has its answer put together from its pieces, without the mark that a text may begin with', async () => {
    const { send } = await talkTo((_, response) => {
      const bytes = Buffer.from('\uFEFF{"a":"\u00e9"}');
      const half = bytes.indexOf(0xa9);
      response.write(bytes.subarray(0, half));
      setImmediate(() => response.end(bytes.subarray(half)));
    });
    expect(await send(REQUEST)).toMatchObject({ raw: { body: '{"a":"\u00e9"}' } });
  });

  it('a request that is given up while it is being connected is never sent', async () => {
    let count = 0;
    const { server } = await talkTo(() => {
      count += 1;
    });
    const abandon = new AbortController();
    const connect = buildConnector({});
    const dispatcher = new Agent({
      connect: (options, callback) => {
        connect(options, (...result) => {
          abandon.abort();
          callback(...result);
        });
      },
    });
    ended.push(() => dispatcher.destroy());
    const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const send = makeTransport({ dispatcher, apiUrl, userAgent: 'countermand/1' });
    expect(await send(REQUEST, abandon.signal)).toEqual({ error: 'aborted' });
    expect(count).toBe(0);
  });

  it('a request that is given up while nothing answers its connection is over at once', async () => {
    const abandon = new AbortController();
    const dispatcher = new Agent({ connect: () => abandon.abort() });
    ended.push(() => dispatcher.destroy());
    const send = makeTransport({ dispatcher, apiUrl: 'http://127.0.0.1:9', userAgent: 'countermand/1' });
    expect(await send(REQUEST, abandon.signal)).toEqual({ error: 'aborted' });
  });

  it.each([301, 302, 303, 307, 308])('a request follows no %i', async (status) => {
    let count = 0;
    const { send } = await talkTo((_, response) => {
      count += 1;
      response.writeHead(status, { location: '/elsewhere' }).end();
    });
    expect(await send(REQUEST)).toMatchObject({ raw: { http: status } });
    expect(count).toBe(1);
  });

  it.each([421, 500, 503, 429, 408])('a request is sent once when the answer is %i', async (status) => {
    let count = 0;
    const { send } = await talkTo((_, response) => {
      count += 1;
      response.writeHead(status, { 'retry-after': '0' }).end();
    });
    expect(await send(REQUEST)).toMatchObject({ raw: { http: status } });
    expect(count).toBe(1);
  });

  it('a request that gets half a body in time is given up as a timeout', async () => {
    const { send } = await talkTo((_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('half');
    }, 50);
    expect(await send(REQUEST)).toEqual({ error: 'timeout' });
  });

  it('a request to nobody says so without a word of the request', async () => {
    const { send, server } = await talkTo(() => {});
    server.close();
    expect(await send(REQUEST)).toEqual({ error: 'ECONNREFUSED' });
  });
});
