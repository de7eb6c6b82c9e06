import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** One request that reached the authority, for a test to look at. */
export interface AuthorityRequest {
  method: string;
  path: string;
  form: Readonly<Record<string, string>>;
  headers: IncomingMessage['headers'];
  /** What was answered: an HTTP status, or how the connection ended. */
  answered: number | 'pending' | 'hang' | 'reset' | 'cut';
  /** The Entra number of a refusal. */
  refusal?: number;
}

/** What the authority does instead of answering. */
export type Trouble =
  | 'hang'
  | 'reset'
  | 'cut'
  | { status: number; body: string; headers?: Readonly<Record<string, string>> };

/** The bad hours that were measured against msal (docs/defender-api.md, section 10), ready to use. */
export const TROUBLES = {
  throttled: {
    status: 429,
    headers: { 'content-type': 'application/json', 'retry-after': '1' },
    body: '{"error":"too_many_requests","error_description":"AADSTS90056: slow down","error_codes":[90056]}',
  },
  throttledForLong: {
    status: 429,
    headers: { 'content-type': 'application/json', 'retry-after': '120' },
    body: '{"error":"too_many_requests","error_description":"slow down"}',
  },
  serverError: {
    status: 500,
    headers: { 'content-type': 'application/json' },
    body: '{"error":"server_error","error_description":"AADSTS50000: There was an error issuing a token."}',
  },
  unavailable: {
    status: 400,
    headers: { 'content-type': 'application/json' },
    body: '{"error":"temporarily_unavailable","error_description":"AADSTS90033: A transient error has occurred.","error_codes":[90033]}',
  },
  htmlPage: {
    status: 502,
    headers: { 'content-type': 'text/html' },
    body: '<html><body><h1>502 Bad Gateway</h1></body></html>',
  },
  loginPage: {
    status: 200,
    headers: { 'content-type': 'text/html' },
    body: '<html>Please log in to the guest network</html>',
  },
  redirect: { status: 302, headers: { location: 'https://elsewhere.example/' }, body: '' },
  jsonString: { status: 200, headers: { 'content-type': 'application/json' }, body: '"no token today"' },
  jsonWithoutToken: { status: 200, headers: { 'content-type': 'application/json' }, body: '{"status":"ok"}' },
  hugeBody: {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: `{"filler":"${'x'.repeat(2_000_000)}"}`,
  },
  hang: 'hang',
  reset: 'reset',
  cut: 'cut',
} as const satisfies Record<string, Trouble>;

/** Plays a trouble; returns what to log. */
export function playTrouble(trouble: Trouble, response: ServerResponse, socket: Socket): AuthorityRequest['answered'] {
  if (trouble === 'hang') return 'hang';
  if (trouble === 'reset') {
    socket.resetAndDestroy();
    return 'reset';
  }
  if (trouble === 'cut') {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '500' });
    response.write('{"access_token":"eyJ', () => socket.destroy());
    return 'cut';
  }
  response.writeHead(trouble.status, trouble.headers);
  response.end(trouble.body);
  return trouble.status;
}

export async function readForm(request: IncomingMessage): Promise<Record<string, string>> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return Object.fromEntries(new URLSearchParams(text));
}
