import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to a server that breaks where a test wants it to. */
export interface CuttingProxy extends AsyncDisposable {
  readonly port: number;
  /**
   * Breaks the connection on which this text is sent next, `times` times: `after` the server has answered, so that what was asked for is done and nobody is
   * told, or `before` the server has heard of it.
   */
  cut(text: string, when: 'before' | 'after', times?: number): void;
  /** How often it has cut. */
  readonly cuts: number;
  /** Takes no connection until it is opened again, and breaks those that are there. */
  close(): void;
  open(): void;
}

export async function startCuttingProxy(to: { host: string; port: number }): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  let wish: { text: string; when: 'before' | 'after'; times: number } | undefined;
  let cuts = 0;
  let isOpen = true;
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  };
  const proxy = createServer((client) => {
    keep(client);
    if (!isOpen) {
      client.resetAndDestroy();
      return;
    }
    const server = connect(to.port, to.host);
    keep(server);
    let isCut = false;
    client.on('data', (bytes: Buffer) => {
      if (wish !== undefined && wish.times > 0 && bytes.includes(wish.text)) {
        wish.times--;
        cuts++;
        isCut = true;
        if (wish.when === 'before') {
          client.resetAndDestroy();
          server.destroy();
          return;
        }
      }
      server.write(bytes);
    });
    server.on('data', (bytes) => {
      if (isCut) {
        client.resetAndDestroy();
        server.destroy();
      } else client.write(bytes);
    });
    client.on('close', () => server.destroy());
    server.on('close', () => client.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return {
    port: (proxy.address() as AddressInfo).port,
    cut: (text, when, times = 1) => {
      wish = { text, when, times };
    },
    get cuts() {
      return cuts;
    },
    close: () => {
      isOpen = false;
      for (const socket of sockets) socket.resetAndDestroy();
    },
    open: () => {
      isOpen = true;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}
