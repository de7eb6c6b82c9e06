import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { listen } from '../listen.ts';
import type { WorkerMetrics } from './worker-metrics.ts';

export interface PortAnswers {
  /** Why no run would be taken just now; undefined when one would. */
  unready(): string | undefined;
  metrics: Pick<WorkerMetrics, 'text' | 'contentType'>;
}

/** Nobody who asks a worker how it is needs longer for the question. */
const REQUEST_MS = 5_000;

/**
 * Serves `/metrics`, `/livez` and `/readyz` on all addresses of this machine until it is disposed of. Throws a UsageError where it cannot listen.
 * Returns the port: the free one that was found for 0.
 */
export async function servePort(port: number, answers: PortAnswers): Promise<AsyncDisposable & { port: number }> {
  const server = createServer({ requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS }, (request, response) => {
    void answer(request, response, answers);
  });
  const found = await listen(server, { port, who: 'the worker' });
  return {
    port: found,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, answers: PortAnswers): Promise<void> {
  const say = (status: number, text: string, type = 'text/plain; charset=utf-8', more: Record<string, string> = {}) => {
    response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', ...more });
    response.end(request.method === 'HEAD' ? undefined : text);
  };
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    say(405, 'GET or HEAD\n', undefined, { allow: 'GET, HEAD' });
    return;
  }
  const path = request.url?.split('?', 1)[0];
  if (path === '/livez') say(200, 'alive\n');
  else if (path === '/readyz') {
    const why = answers.unready();
    if (why === undefined) say(200, 'ready\n');
    else say(503, `${why}\n`);
  } else if (path === '/metrics') {
    say(200, await answers.metrics.text(), answers.metrics.contentType);
  } else say(404, 'there is /metrics, /livez and /readyz\n');
}
