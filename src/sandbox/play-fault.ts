import type { ServerResponse } from 'node:http';
import { errorAnswer, forbidden, type HttpAnswer, htmlAnswer, quotaExceeded, unauthorized } from './answers.ts';
import type { Fault } from './faults.ts';
import { encoded } from './spoil-answer.ts';

/** Whether the request goes through to the store although the answer will not say so, or not in full. */
export function isApplied(fault: Fault | undefined): boolean {
  switch (fault?.kind) {
    case undefined:
    case 'late':
    case 'slow':
    case 'encoded':
    case 'odd-entity':
    case 'respelled':
    case 'next-link':
      return true;
    case 'cut-json':
    case 'reset-in-body':
    case 'wrong-id':
      return fault.applied ?? true;
    case 'status':
    case 'html':
    case 'reset':
    case 'hang':
    case 'empty':
      return fault.applied ?? false;
    default:
      return false;
  }
}

/** The answer that the fault gives in place of the service's own; undefined where it leaves the content alone. */
export function answerOf(
  fault: Fault | undefined,
  context: { nowMs: number; tenant: string; id: string | undefined },
): HttpAnswer | undefined {
  switch (fault?.kind) {
    case 'status': {
      const { status, code = codeByStatus[status] ?? 'BadRequest', message = '', retryAfter } = fault;
      return errorAnswer(status, code, message, retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) });
    }
    case 'html':
      return htmlAnswer(fault.status);
    case 'empty':
      return { status: fault.status, headers: fault.headers ?? {}, body: '' };
    case 'endless':
      return { status: 200, headers: { 'content-type': 'application/json' }, body: '' };
    case 'unauthorized':
      return unauthorized('the token is not accepted any more', fault.claims);
    case 'forbidden':
      return forbidden(`Access to machine action ${context.id ?? ''} is denied`);
    case 'redirect': {
      const location = fault.location ?? 'https://login.contoso.com/proxy';
      return { ...htmlAnswer(fault.status ?? 302), headers: { 'content-type': 'text/html', location } };
    }
    case 'too-many':
      return tooMany(fault, context);
    default:
      return undefined;
  }
}

function tooMany(
  fault: Fault & { kind: 'too-many' },
  { nowMs, tenant }: { nowMs: number; tenant: string },
): HttpAnswer {
  const { seconds = 1, tell = 'header', code = '429' } = fault;
  if (tell === 'nothing') return errorAnswer(429, code, 'Too many requests', {}, tenant);
  const window = { calls: 100, perMs: 60_000 };
  const plain = quotaExceeded({ window, waitMs: seconds * 1000 }, tenant, tell === 'header');
  const body = plain.body.replace('"code":"429"', `"code":${JSON.stringify(code)}`);
  if (tell !== 'date') return { ...plain, body };
  return {
    ...plain,
    body,
    headers: { ...plain.headers, 'retry-after': new Date(nowMs + seconds * 1000).toUTCString() },
  };
}

interface SendContext {
  sleep: (ms: number) => Promise<void>;
}

/**
 * Puts the answer on the wire, in the manner of the fault. Returns the status that was sent, or undefined when the
 * caller gets no answer.
 */
export async function send(
  response: ServerResponse,
  answer: HttpAnswer,
  fault: Fault | undefined,
  { sleep }: SendContext,
): Promise<number | undefined> {
  if (fault?.kind === 'hang') return undefined;
  if (fault?.kind === 'reset') {
    response.socket?.resetAndDestroy();
    return undefined;
  }
  if (fault?.kind === 'slow' && fault.headersMs !== undefined) await sleep(fault.headersMs);
  if (fault?.kind === 'endless') return await sendForEver(response, answer, fault.everyMs, sleep);
  const half = answer.body.slice(0, answer.body.length / 2);
  const coded = fault?.kind === 'encoded' ? encoded(answer, fault) : undefined;
  const body = fault?.kind === 'cut-json' ? half : (coded?.body ?? answer.body);
  const headers = { ...(coded ?? answer).headers, 'content-length': Buffer.byteLength(body) };
  if (fault?.kind === 'reset-in-body') {
    response.writeHead(answer.status, headers);
    await new Promise<void>((resolve) => {
      response.write(half, () => resolve());
    });
    response.socket?.resetAndDestroy();
    return answer.status;
  }
  if (fault?.kind === 'slow' && fault.bodyMs !== undefined) {
    response.writeHead(answer.status, headers);
    response.write(half);
    await sleep(fault.bodyMs);
    response.end(answer.body.slice(half.length));
    return answer.status;
  }
  if (response.destroyed || response.socket?.destroyed !== false) return undefined;
  response.writeHead(answer.status, headers);
  response.end(body);
  return answer.status;
}

/** Until the caller hangs up. */
async function sendForEver(
  response: ServerResponse,
  { status, headers }: HttpAnswer,
  everyMs: number | undefined,
  sleep: SendContext['sleep'],
): Promise<number> {
  response.writeHead(status, headers);
  const piece = everyMs === undefined ? '{"value":['.padEnd(65_536) : ' ';
  while (!response.destroyed && response.socket?.destroyed === false) {
    await new Promise<void>((resolve) => {
      response.write(piece, () => resolve());
    });
    if (everyMs !== undefined) await sleep(everyMs);
  }
  return status;
}

const codeByStatus: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'ResourceNotFound',
  408: 'RequestTimeout',
  409: 'Conflict',
  429: '429',
  500: 'InternalServerError',
  502: 'BadGateway',
  503: 'ServiceUnavailable',
  504: 'GatewayTimeout',
};
