import type { Answer } from '../../src/defender/call.ts';
import type { Asked, SentAnswer } from './answer-cases.ts';

/** What an answer has to be taken for, told from the rules of docs/design.md, section 5, by a way of its own. Undefined where several readings are right. */
export function expectedKind(sent: SentAnswer, { route, ids }: Asked): Answer['kind'] | undefined {
  if (sent.http === 429) return 'throttled';
  if ([408, 500, 502, 503, 504].includes(sent.http)) return 'unavailable';
  if (sent.http === 401 || sent.http === 403) return 'error';
  // Cut or coded bytes may be anything, and mostly are nothing.
  if (sent.text === undefined) return undefined;
  const body = parsed(sent.text);
  if (sent.http === 200 && route === 'list') return Array.isArray(body?.['value']) ? 'page' : 'lost';
  if (sent.http === 200) {
    const id = body?.['id'];
    const bare =
      typeof id === 'string'
        ? id
            .trim()
            .replace(/^\{|\}$/g, '')
            .trim()
            .toLowerCase()
        : undefined;
    return bare !== undefined && bare === ids[0] ? 'action' : 'lost';
  }
  const error = body?.['error'] as { code?: unknown } | null | undefined;
  const code = typeof error === 'object' && error !== null ? error.code : undefined;
  return typeof code === 'string' && code.length <= 100 ? 'error' : 'lost';
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === 'object' && body !== null && !Array.isArray(body)
      ? (body as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
