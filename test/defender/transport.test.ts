import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent, buildConnector } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { makeTransport, type Transport, type WireRequest } from '../../src/defender/transport.ts';

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

describe('a request', () => {
  it('a request carries token, body and who we are, and its answer is read whole', async () => {
    const seen: unknown[] = [];
    const { send } = await talkTo(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { authorization, 'content-type': type, 'user-agent': agent } = request.headers;
      seen.push(request.method, request.url, authorization, type, agent, Buffer.concat(chunks).toString());
      response.writeHead(418, { 'x-one': '1' }).end('whole');
    });
    const result = await send(REQUEST);
    expect(result).toMatchObject({ raw: { http: 418, headers: { 'x-one': '1' }, body: 'whole' } });
    expect(seen).toEqual(['POST', '/api/x?$top=1', 'Bearer secret', 'application/json', 'countermand/1', REQUEST.body]);
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

  it('a request that is reset is not repeated', async () => {
    let count = 0;
    const { send } = await talkTo((request) => {
      count += 1;
      request.socket.resetAndDestroy();
    });
    expect(await send({ ...REQUEST, method: 'GET', body: undefined })).toEqual({
      error: expect.stringMatching(/ECONNRESET|UND_ERR_SOCKET/),
    });
    expect(count).toBe(1);
  });

  it('a request whose answer ends in the middle has none', async () => {
    const { send } = await talkTo((_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half');
      setImmediate(() => response.destroy());
    });
    expect(await send(REQUEST)).toHaveProperty('error');
  });

  it.each([
    ['no headers', false],
    ['half a body', true],
  ])('a request that gets %s in time is given up as a timeout', async (_, headers) => {
    const { send } = await talkTo((__, response) => {
      if (headers) response.writeHead(200, { 'content-length': '100' }).write('half');
    }, 50);
    expect(await send(REQUEST)).toEqual({ error: 'timeout' });
  });

  it('a request is given up when it is abandoned, and leaves no listener behind', async () => {
    const abandon = new AbortController();
    const { send } = await talkTo(() => abandon.abort());
    expect(await send(REQUEST, abandon.signal)).toEqual({ error: 'aborted' });
    expect(await send(REQUEST, abandon.signal)).toEqual({ error: 'aborted' });
  });

  it('a request to nobody says so without a word of the request', async () => {
    const { send, server } = await talkTo(() => {});
    server.close();
    expect(await send(REQUEST)).toEqual({ error: 'ECONNREFUSED' });
  });
});
