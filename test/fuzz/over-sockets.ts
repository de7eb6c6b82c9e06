import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import { Agent } from 'undici';
import { readAnswer } from '../../src/defender/read-answer.ts';
import { makeTransport } from '../../src/defender/transport.ts';
import { id } from '../engine/run.ts';
import { type AnswerCase, type Asked, answerCase, sentAnswer } from './answer-cases.ts';
import { expectedKind } from './expected-answer.ts';

export interface WireCase {
  answer: AnswerCase;
  route: Asked['route'];
  /** How the bytes are put on the wire. */
  manner: 'length' | 'chunks' | 'until closed' | 'cut' | 'garbage' | 'no answer' | 'interim';
}

export const wireCase: fc.Arbitrary<WireCase> = fc.record({
  answer: answerCase,
  route: fc.constantFrom('cancel', 'get', 'list'),
  manner: fc.oneof(
    { weight: 5, arbitrary: fc.constant('length' as const) },
    fc.constantFrom('chunks', 'until closed', 'cut', 'garbage', 'no answer', 'interim'),
  ),
});

/** A server that writes its answers byte by byte, and the real transport to it. */
export class OddServer implements AsyncDisposable {
  readonly #server = createServer((socket) => this.#serve(socket));
  readonly #sockets = new Set<Socket>();
  #next: WireCase | undefined;
  #asked: Asked = { route: 'cancel', ids: [] };
  requests = 0;

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  /** Throws an Error that names the promise which was broken. On a connection of its own: what one answer leaves on it is not the next one's. */
  async ask(given: WireCase): Promise<void> {
    const dispatcher = new Agent({ pipelining: 1 });
    try {
      await this.#askOver(dispatcher, given);
    } finally {
      await dispatcher.destroy();
    }
  }

  async #askOver(dispatcher: Agent, given: WireCase): Promise<void> {
    this.#next = given;
    this.#asked = { route: given.route, ids: [id(1)] };
    const before = this.requests;
    const address = this.#server.address();
    const port = address === null || typeof address === 'string' ? 0 : address.port;
    const send = makeTransport({
      dispatcher,
      apiUrl: `http://127.0.0.1:${port}`,
      userAgent: 'countermand/test',
    });
    const body = given.route === 'cancel' ? '{"Comment":"x"}' : undefined;
    const result = await send({
      method: body === undefined ? 'GET' : 'POST',
      path: '/api/x',
      token: 't',
      body,
      maxBytes: 100_000,
    });
    if (this.requests - before !== 1) throw new Error(`${this.requests - before} requests were sent for one call`);
    if (!('raw' in result)) {
      const isCut = !['length', 'chunks', 'until closed', 'interim'].includes(given.manner);
      if (!isCut && given.answer.kept === 1 && hasBody(given.answer.http)) {
        throw new Error(`an answer that came whole was not read: ${result.error}`);
      }
      return;
    }
    const asked = this.#asked;
    const call = given.route === 'list' ? { route: given.route } : { route: given.route, id: id(1) };
    const { kind } = readAnswer(call, result.raw, Date.now());
    const sent = sentAnswer(given.answer, asked);
    const expected = hasBody(sent.http) && given.manner !== 'cut' ? expectedKind(sent, asked) : undefined;
    if (expected !== undefined && kind !== expected) {
      throw new Error(`HTTP ${sent.http} ${sent.text?.slice(0, 300)} was taken for ${kind}, not ${expected}`);
    }
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('data', (data) => {
      // One request a packet: they are short, and each is answered before the next one.
      if (!/^(GET|POST) /.test(data.toString('latin1'))) return;
      this.requests += 1;
      this.#answer(socket);
    });
  }

  #answer(socket: Socket): void {
    const { answer, manner } = this.#next as WireCase;
    const { http, headers, bytes } = sentAnswer(answer, this.#asked);
    const lines = [`HTTP/1.1 ${http} X`];
    for (const [name, value] of Object.entries(headers))
      for (const each of [value].flat()) lines.push(`${name}: ${each}`);
    const head = (more: string) => `${[...lines, more].filter((line) => line !== '').join('\r\n')}\r\n\r\n`;
    switch (manner) {
      case 'length':
        socket.write(Buffer.concat([Buffer.from(head(`content-length: ${bytes.length}`)), bytes]));
        break;
      case 'interim':
        socket.write(`HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n`);
        socket.write(Buffer.concat([Buffer.from(head(`content-length: ${bytes.length}`)), bytes]));
        break;
      case 'chunks':
        socket.write(head('transfer-encoding: chunked'));
        for (let at = 0; at < bytes.length; at += 7) {
          const piece = bytes.subarray(at, at + 7);
          socket.write(Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]));
        }
        socket.write('0\r\n\r\n');
        break;
      case 'until closed':
        socket.end(Buffer.concat([Buffer.from(head('connection: close')), bytes]));
        break;
      case 'cut':
        socket.end(Buffer.concat([Buffer.from(head(`content-length: ${bytes.length + 5}`)), bytes]));
        break;
      case 'garbage':
        socket.end(bytes.length === 0 ? Buffer.from('\0\0\0') : bytes);
        break;
      case 'no answer':
        socket.destroy();
        break;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** These statuses end with their headers, whatever follows. */
function hasBody(http: number): boolean {
  return http !== 204 && http !== 304;
}
