import { once } from 'node:events';
import type { Server } from 'node:http';
import { UsageError } from './errors.ts';

const TROUBLE: Readonly<Record<string, string>> = {
  ERR_SOCKET_BAD_PORT: 'there is no such port',
  EADDRINUSE: 'another program listens there',
  EACCES: 'this user may not listen there',
};

/**
 * Resolves to the port that a server listens on: a free one for 0. Without a host it listens on all addresses of this machine. Throws a UsageError that
 * names `who` cannot.
 */
export async function listen(server: Server, at: { port: number; host?: string; who: string }): Promise<number> {
  const { port, host, who } = at;
  try {
    server.listen({ port, ...(host === undefined ? {} : { host }) });
    await once(server, 'listening');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const reason = (code === undefined ? undefined : TROUBLE[code]) ?? String(cause);
    throw new UsageError(
      `${who} cannot listen on port ${port}: ${reason}. Choose another from 1 to 65535, or 0 for a free one`,
      { cause },
    );
  }
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}
