import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request } from 'undici';
import { sandboxToken } from '../../src/sandbox/access.ts';
import type { Sandbox } from '../../src/sandbox/start-sandbox.ts';

export interface ClientAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** The JSON object, or an empty one where the text is none. */
  body: Record<string, unknown>;
}

export interface Api {
  send(method: string, path: string, body?: string, headers?: Record<string, string>): Promise<ClientAnswer>;
  cancel(id: string, comment?: string): Promise<ClientAnswer>;
  get(id: string): Promise<ClientAnswer>;
  /** The parameters of the query, `$filter` and so on, unencoded. */
  list(query?: Record<string, string>): Promise<ClientAnswer>;
  ids(filter: string): Promise<string[]>;
}

const agent = new Agent({ connections: 64, pipelining: 1 });

export function idOf(n: number): string {
  return `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
}

/** Calls a sandbox over a real socket; `token` undefined takes a good one, null sends none. */
export function api(sandbox: Pick<Sandbox, 'url'>, token: string | null = sandboxToken()): Api {
  const send: Api['send'] = async (method, path, body, headers = {}) => {
    const answer = await request(path.startsWith('http') ? path : sandbox.url + path, {
      method: method as 'GET',
      dispatcher: agent,
      body: body ?? null,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, headers: answer.headers, text, body: objectOf(text) };
  };
  const list: Api['list'] = (query = {}) => send('GET', `/api/machineactions?${new URLSearchParams(query)}`);
  return {
    send,
    list,
    cancel: (id, comment = 'not needed') =>
      send('POST', `/api/machineactions/${id}/cancel`, JSON.stringify({ Comment: comment })),
    get: (id) => send('GET', `/api/machineactions/${id}`),
    ids: async (filter) => entities(await list({ $filter: filter })).map((entity) => String(entity['id'])),
  };
}

export function entities(answer: ClientAnswer): Record<string, unknown>[] {
  const { value } = answer.body;
  if (!Array.isArray(value)) throw new Error(`no list but ${answer.status}: ${answer.text.slice(0, 200)}`);
  return value as Record<string, unknown>[];
}

function objectOf(text: string): Record<string, unknown> {
  try {
    const read: unknown = JSON.parse(text);
    return typeof read === 'object' && read !== null ? { ...read } : {};
  } catch {
    return {};
  }
}
