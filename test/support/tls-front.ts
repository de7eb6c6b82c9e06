import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createServer, type Server } from 'node:tls';
import type { ServerCertificate } from './certificates.ts';

/** What happens to the bytes of an answer on one connection. */
export interface FrontTrouble {
  /** So many bytes of the answer pass, then the connection is cut. */
  cutAfterBytes?: number;
  /** The request is swallowed. */
  silent?: boolean;
}

/** TLS in front of a plain server on loopback, byte for byte, with a network in between that can be bad. */
export class TlsFront implements AsyncDisposable {
  readonly port: number;
  /** Asked at each request that comes in on any connection, with its number from 1. */
  trouble: (n: number) => FrontTrouble | undefined = () => undefined;
  /** Requests so far, as chunks that came in. */
  requests = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(server: Server, port: number, to: number) {
    this.#server = server;
    this.port = port;
    server.on('connection', (socket: Socket) => this.#keep(socket));
    server.on('tlsClientError', () => undefined);
    server.on('secureConnection', (client) => {
      const behind = connect(to, '127.0.0.1');
      this.#keep(behind);
      let left = Number.POSITIVE_INFINITY;
      client.on('data', (chunk: Buffer) => {
        this.requests += 1;
        const trouble = this.trouble(this.requests);
        if (trouble?.silent === true) return;
        left = trouble?.cutAfterBytes ?? Number.POSITIVE_INFINITY;
        behind.write(chunk);
      });
      behind.on('data', (chunk: Buffer) => {
        if (chunk.length < left) {
          left -= chunk.length;
          client.write(chunk);
          return;
        }
        // Written, and only then cut: the bytes before the cut do arrive.
        client.write(chunk.subarray(0, left), () => client.destroy());
        left = 0;
      });
      client.on('error', () => undefined);
      client.on('close', () => behind.destroy());
      behind.on('close', () => client.end());
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
  }
}

/** Starts it on a loopback port of its own. */
export async function startTlsFront({ certFile, keyFile }: ServerCertificate, to: number): Promise<TlsFront> {
  const [cert, key] = await Promise.all([certFile, keyFile].map((file) => readFile(file)));
  if (cert === undefined || key === undefined) throw new Error('there is no certificate');
  const server = createServer({ cert, key });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new TlsFront(server, (server.address() as AddressInfo).port, to);
}
