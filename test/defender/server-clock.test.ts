import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../src/clock.ts';
import { measureSkew } from '../../src/defender/server-clock.ts';
import { makeTransport } from '../../src/defender/transport.ts';

const NOW = Date.UTC(2026, 0, 5, 12);
const clock: Clock = { ...systemClock, wallMs: () => NOW };

let server: Server;
const dispatcher = new Agent();

async function serve(answer: RequestListener): Promise<string> {
  server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const measure = (apiUrl: string, more: { timeoutMs?: number; signal?: AbortSignal } = {}) =>
  measureSkew(makeTransport({ dispatcher, apiUrl, userAgent: 'countermand/0', ...more }), clock, more.signal);

describe("Defender's clock", () => {
  it("Defender's clock is read from the date of any answer, asked for without a token and without a path", async () => {
    const seen: unknown[] = [];
    const url = await serve((request, response) => {
      seen.push([request.method, request.url, request.headers.authorization]);
      response.writeHead(404, { date: new Date(NOW - 7_200_000).toUTCString() }).end();
    });
    expect(await measure(`${url}/below`)).toBe(-7_200_000);
    expect(seen).toEqual([['HEAD', '/below/', undefined]]);
  });

  it("Defender's clock is not followed to another host", async () => {
    const url = await serve((_request, response) => {
      response.writeHead(302, { location: 'http://192.0.2.1/', date: new Date(NOW + 5000).toUTCString() }).end();
    });
    expect(await measure(url)).toBe(5000);
  });

  it("Defender's clock is unknown when the answer has no date, or one that cannot be read", async () => {
    let date: string | undefined;
    const url = await serve((_request, response) => {
      response.sendDate = false;
      response.writeHead(200, date === undefined ? {} : { date }).end();
    });
    expect(await measure(url)).toBeUndefined();
    date = 'yesterday';
    expect(await measure(url)).toBeUndefined();
  });

  it("Defender's clock is unknown when nobody answers in time, or the connection is cut", async () => {
    const url = await serve((request) => {
      if (request.headers['user-agent'] === 'cut') request.socket.destroy();
    });
    expect(await measure(url, { timeoutMs: 20 })).toBeUndefined();
    expect(await measure(url)).toBeUndefined();
  });

  it("Defender's clock is no longer waited for once the session is stopped", async () => {
    const stop = new AbortController();
    const url = await serve(() => stop.abort(new Error('stopped')));
    await expect(measure(url, { signal: stop.signal })).rejects.toThrow('stopped');
  });
});
