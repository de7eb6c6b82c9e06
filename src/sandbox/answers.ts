import { randomUUID } from 'node:crypto';
import type { QuotaRefusal } from './strict-quota.ts';

/** What the sandbox means to send, before a fault spoils it. */
export interface HttpAnswer {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string;
}

const jsonHeaders = {
  'content-type': 'application/json; odata.metadata=minimal; odata.streaming=true',
  'odata-version': '4.0',
  'cache-control': 'no-cache',
};

export function jsonAnswer(status: number, body: unknown, headers: Record<string, string> = {}): HttpAnswer {
  return {
    status,
    headers: { ...jsonHeaders, 'mise-correlation-id': randomUUID(), ...headers },
    body: JSON.stringify(body),
  };
}

/** An error in Defender's envelope; `target` is its correlation ID and stands in a header too. */
export function errorAnswer(
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
  target: string = randomUUID(),
): HttpAnswer {
  return {
    status,
    headers: { ...jsonHeaders, 'mise-correlation-id': target, ...headers },
    body: JSON.stringify({ error: { code, message, target } }),
  };
}

export function unauthorized(reason: string, claims?: string): HttpAnswer {
  const challenge =
    claims === undefined
      ? `Bearer authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", error="invalid_token", error_description="${reason}"`
      : `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", error="insufficient_claims", claims="${Buffer.from(claims).toString('base64')}"`;
  return errorAnswer(401, 'Unauthorized', `The caller is not authenticated: ${reason}`, {
    'www-authenticate': challenge,
  });
}

export function forbidden(message: string): HttpAnswer {
  return errorAnswer(403, 'Forbidden', message);
}

/** The refusal of a full window, in the words and with the code that were seen on the wire. */
export function quotaExceeded({ window, waitMs }: QuotaRefusal, tenant: string, withRetryAfter = true): HttpAnswer {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  const message = `API calls quota exceeded! Maximum allowed ${window.calls} per ${timeSpan(window.perMs)} for the key Destination+TenantID+AppID. You can send requests again in ${seconds} seconds.`;
  return errorAnswer(429, '429', message, withRetryAfter ? { 'retry-after': String(seconds) } : {}, tenant);
}

/** `00:01:00`, as .NET writes a TimeSpan; a fraction only where there is one. */
function timeSpan(ms: number): string {
  const two = (n: number) => String(Math.floor(n)).padStart(2, '0');
  const fraction = ms % 1000 === 0 ? '' : `.${String(Math.round((ms % 1000) * 10_000)).padStart(7, '0')}`;
  return `${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1000) % 60)}${fraction}`;
}

/** A page of something between the client and the service. */
export function htmlAnswer(status: number): HttpAnswer {
  return {
    status,
    headers: { 'content-type': 'text/html; charset=utf-8' },
    body: `<!DOCTYPE html><html><head><title>${status}</title></head><body><h1>${status}</h1><p>The gateway could not complete the request.</p></body></html>`,
  };
}
