import type { WireResult } from '../../src/defender/transport.ts';
import type { Scenario } from './scenario.ts';
import type { Random } from './seed.ts';

/** These tell what they mean by their status alone. */
export const TOLD_BY_STATUS: ReadonlySet<number> = new Set([401, 403, 408, 429, 500, 502, 503, 504]);

const BODIES = [
  '',
  '{',
  'null',
  '"Forbidden"',
  '{"message":"Access denied"}',
  '{"error":"invalid_token"}',
  '{"error":{"code":null}}',
  '<html><body>403 Forbidden</body></html>',
];
const ENCODINGS = ['gzip', 'br', 'zstd', 'gzip, br', 'x-unknown'];

export interface Quirk {
  result: WireResult;
  /** The body tells nothing any more. */
  spoiled: boolean;
}

/** An answer as a server gives it that keeps to no document: refusals without a body of Defender's, bodies that nobody asked to be compressed. */
export function withQuirks(result: WireResult, { calls }: Scenario, random: Random): Quirk {
  const [bare, encoded] = [random.next(), random.next()];
  if (!('raw' in result)) return { result, spoiled: false };
  const { http, headers, body } = result.raw;
  if (bare < calls.bare && TOLD_BY_STATUS.has(http)) {
    return { result: { raw: { http, headers, body: random.pick(BODIES) } }, spoiled: false };
  }
  if (encoded < calls.encoded) {
    const garbage = Buffer.from(body).toString('base64').slice(0, 200);
    const named = { ...headers, 'content-encoding': random.pick(ENCODINGS) };
    return { result: { raw: { http, headers: named, body: `\u001f\ufffd${garbage}` } }, spoiled: true };
  }
  return { result, spoiled: false };
}
