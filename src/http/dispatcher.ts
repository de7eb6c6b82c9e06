import { Socket } from 'node:net';
import { buildConnector, EnvHttpProxyAgent, Pool, type Dispatcher as UndiciDispatcher } from 'undici';
import { UsageError } from '../errors.ts';

export interface DispatcherOptions {
  /** Where `HTTPS_PROXY` and `NO_PROXY` (or the same in lower case, which wins, as with curl) are read. */
  env: Readonly<Record<string, string | undefined>>;
  /** Connections to one host at most. @default unlimited: whoever calls limits the calls in flight */
  connections?: number;
  /** TCP and TLS together, to the host and to a proxy alike. @default 10_000 */
  connectTimeoutMs?: number;
  /** Until the answer's headers are complete. @default 30_000 */
  headersTimeoutMs?: number;
  /** Between two pieces of the answer's body. @default 30_000 */
  bodyTimeoutMs?: number;
  /** A longer body ends the call with an error, so that no answer can use up the memory. @default 64 MiB */
  maxResponseBytes?: number;
}

export interface Dispatcher extends UndiciDispatcher {
  /**
   * Ends it with all its connections, those under way too: a connection to a host that never answers would keep the process alive until it
   * times out, which `destroy` alone does not prevent. To be called when every call has ended.
   */
  end(): Promise<void>;
}

/**
 * The one dispatcher of sign-in and API calls: no retry, no redirect, one call at a time on a connection, connections
 * kept alive. A CA of one's own needs only `NODE_EXTRA_CA_CERTS`, through a proxy's tunnel too.
 *
 * Only HTTPS goes through the proxy: plain HTTP is allowed to loopback and the metadata address alone, which no proxy
 * can reach for us. Throws a UsageError when `HTTPS_PROXY` is not the address of an HTTP proxy.
 */
export function makeDispatcher(options: DispatcherOptions): Dispatcher {
  const { env, connections, connectTimeoutMs = 10_000, headersTimeoutMs = 30_000, bodyTimeoutMs = 30_000 } = options;
  const timeouts = { connectTimeout: connectTimeoutMs, headersTimeout: headersTimeoutMs, bodyTimeout: bodyTimeoutMs };
  // Said here, it is not for NODE_TLS_REJECT_UNAUTHORIZED to say.
  const tls = { timeout: connectTimeoutMs, rejectUnauthorized: true };
  const open = new Set<Socket>();
  const agent = new EnvHttpProxyAgent({
    ...timeouts,
    connect: noting(open, buildConnector(tls)),
    ...(connections === undefined ? {} : { connections }),
    pipelining: 1,
    maxResponseSize: options.maxResponseBytes ?? 64 * 1024 * 1024,
    // Empty strings rather than undefined: undici would read the process's own environment in their place.
    httpProxy: '',
    httpsProxy: proxyOf(env) ?? '',
    noProxy: env['no_proxy'] ?? env['NO_PROXY'] ?? '',
    proxyTls: tls,
    requestTls: tls,
    // The pool that asks the proxy for tunnels takes no timeouts from the options above: a silent proxy would hang it.
    clientFactory: (origin, { connect, ...poolOptions }: Pool.Options) =>
      new Pool(origin, {
        ...poolOptions,
        ...timeouts,
        ...(typeof connect === 'function' ? { connect: noting(open, connect) } : {}),
      }),
  });
  const end = async () => {
    const destroyed = agent.destroy();
    for (const socket of open) socket.destroy();
    await destroyed;
  };
  return Object.assign(agent, { end });
}

/** The connector, with its sockets noted from the first moment of connecting until they are closed. */
function noting(open: Set<Socket>, connector: buildConnector.connector): buildConnector.connector {
  return (options, callback) => {
    // Typed as returning nothing, it returns the socket.
    const socket: unknown = connector(options, callback);
    if (!(socket instanceof Socket)) return;
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  };
}

/** The proxy's address for HTTPS, or undefined. Its value is never shown: it may hold a password. */
export function proxyOf(env: DispatcherOptions['env']): string | undefined {
  const name = env['https_proxy'] === undefined ? 'HTTPS_PROXY' : 'https_proxy';
  const value = env[name]?.trim();
  if (!value) return undefined;
  const text = value.includes('://') ? value : `http://${value}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new UsageError(
      `${name} is not the address of an HTTP proxy; give it as http://host:port, or unset it to connect directly`,
    );
  }
  return url.href;
}
