import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to a server that breaks where a test wants it to. */
export interface CuttingProxy extends AsyncDisposable {
  readonly port: number;
  /**
   * Breaks the connection on which this is sent next, `times` times: `after` the server has answered, so that what was asked for is done and nobody is
   * told, or `before` the server has heard of it.
   */
  cut(text: string | RegExp, when: 'before' | 'after', times?: number): void;
  /** How often it has cut. */
  readonly cuts: number;
  /** Does something once when this is sent next: `before` the server hears of it, or `after` it has answered and before the asker is told. Both wait for that. */
  meet(text: string | RegExp, when: 'before' | 'after', act: () => void | Promise<void>): void;
  /** Takes no connection until it is opened again, and breaks those that are there. */
  close(): void;
  /** Lets nothing through, either way, and says so to nobody: connections stay, and new ones are taken. When it is opened again, those are broken. */
  swallow(): void;
  open(): void;
}

interface Wish {
  matches(bytes: Buffer): boolean;
  when: 'before' | 'after';
  times: number;
  /** Undefined cuts. */
  act: (() => void | Promise<void>) | undefined;
}

/** `host` is where it listens. */
export async function startCuttingProxy(to: { host: string; port: number }, host = '127.0.0.1'): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  let wish: Wish | undefined;
  let cuts = 0;
  let way: 'open' | 'closed' | 'swallowing' = 'open';
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  };
  const granted = (bytes: Buffer): Wish | undefined => {
    if (wish === undefined || wish.times === 0 || !wish.matches(bytes)) return undefined;
    wish.times--;
    if (wish.act === undefined) cuts++;
    return wish;
  };
  const breakAll = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const proxy = createServer((client) => {
    keep(client);
    if (way !== 'open') {
      if (way === 'closed') client.resetAndDestroy();
      return;
    }
    const server = connect(to.port, to.host);
    keep(server);
    const cut = () => {
      client.resetAndDestroy();
      server.destroy();
    };
    let waiting: Wish | undefined;
    const pass = (bytes: Buffer, from: Socket, onto: Socket, met: Wish | undefined) => {
      if (met === undefined) onto.write(bytes);
      else if (met.act === undefined) cut();
      else {
        from.pause();
        void Promise.resolve(met.act()).then(() => {
          onto.write(bytes);
          from.resume();
        });
      }
    };
    client.on('data', (bytes: Buffer) => {
      if (way === 'swallowing') return;
      const met = granted(bytes);
      if (met?.when === 'after') waiting = met;
      pass(bytes, client, server, met?.when === 'before' ? met : undefined);
    });
    server.on('data', (bytes: Buffer) => {
      if (way === 'swallowing') return;
      const met = waiting;
      waiting = undefined;
      pass(bytes, server, client, met);
    });
    client.on('close', () => server.destroy());
    server.on('close', () => client.destroy());
  });
  proxy.listen(0, host);
  await once(proxy, 'listening');
  const wishFor = (text: string | RegExp, when: Wish['when'], times: number, act: Wish['act']) => {
    const matches = (bytes: Buffer) =>
      typeof text === 'string' ? bytes.includes(text) : text.test(bytes.toString('latin1'));
    wish = { matches, when, times, act };
  };
  return {
    port: (proxy.address() as AddressInfo).port,
    cut: (text, when, times = 1) => wishFor(text, when, times, undefined),
    get cuts() {
      return cuts;
    },
    meet: (text, when, act) => wishFor(text, when, 1, act),
    close: () => {
      way = 'closed';
      breakAll();
    },
    swallow: () => {
      way = 'swallowing';
    },
    open: () => {
      if (way === 'swallowing') breakAll();
      way = 'open';
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}
