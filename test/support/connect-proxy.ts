import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

export type ProxyTrouble = 'hang' | 'reset' | number;

/** An HTTP proxy that knows CONNECT alone, over real sockets, with a log of where it was asked to go. */
export class ConnectProxy implements AsyncDisposable {
  /** For HTTPS_PROXY. */
  readonly url: string;
  /** Each `host:port` of a CONNECT, in order. */
  readonly tunnels: string[] = [];
  /** Requests that were no CONNECT: plain HTTP that should not have come here. */
  readonly plain: string[] = [];
  /** What to do instead of opening a tunnel: an HTTP status, or nothing at all. */
  trouble: ProxyTrouble | undefined;
  /** When set, `user:password` that is asked for. */
  credentials: string | undefined;
  /** Names that only this proxy knows: `host:port` of a CONNECT, and where it leads. */
  readonly names = new Map<string, string>();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
    server.on('connection', (socket: Socket) => this.#keep(socket));
    server.on('request', (request, response) => {
      this.plain.push(`${request.method} ${request.url}`);
      response.writeHead(501).end();
    });
    server.on('connect', (request, client: Socket, head: Buffer) => {
      this.tunnels.push(request.url ?? '');
      const asked = this.credentials;
      const given = request.headers['proxy-authorization'];
      if (asked !== undefined && given !== `Basic ${Buffer.from(asked).toString('base64')}`) {
        client.end(
          'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n',
        );
      } else if (this.trouble === 'reset') {
        client.resetAndDestroy();
      } else if (typeof this.trouble === 'number') {
        client.end(`HTTP/1.1 ${this.trouble} Refused\r\nContent-Length: 0\r\n\r\n`);
      } else if (this.trouble === undefined) {
        this.#tunnel(request.url ?? '', client, head);
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #tunnel(to: string, client: Socket, head: Buffer): void {
    const { hostname, port } = new URL(`http://${this.names.get(to) ?? to}`);
    const server = connect(Number(port), hostname.replace(/^\[|\]$/g, ''));
    this.#keep(server);
    server.on('connect', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      server.write(head);
      server.pipe(client).pipe(server);
    });
    server.on('error', () => client.destroy());
    server.on('close', () => client.destroy());
    client.on('close', () => server.destroy());
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
  }
}

/** Starts a proxy on a port of its own, on loopback unless another of this machine's addresses is given. */
export async function startConnectProxy(address = '127.0.0.1'): Promise<ConnectProxy> {
  const server = createServer();
  server.listen(0, address);
  await once(server, 'listening');
  return new ConnectProxy(server, `http://${address}:${(server.address() as AddressInfo).port}`);
}
