import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import type { HttpAnswer } from './answers.ts';
import type { Fault } from './faults.ts';
import { randomGuid, seededRandom, seedOf } from './seeded.ts';

/** What a fault makes of the service's own answer; `target` is the path and query that was asked for. */
export function spoiled(
  answer: HttpAnswer,
  fault: Fault | undefined,
  { id, target, url }: { id: string | undefined; target: string; url: string },
): HttpAnswer {
  switch (fault?.kind) {
    case 'wrong-id':
      return id === undefined ? answer : withOtherId(answer, id);
    case 'odd-entity':
      return changed(answer, (body) => withOddEntity(body, fault));
    case 'respelled':
      return changed(answer, (body) => respelled(body, fault.words) as Body);
    case 'next-link':
      return changed(answer, (body) => withNextLink(body, fault.link, new URL(target, url)));
    default:
      return answer;
  }
}

type Body = Record<string, unknown>;

/** What an entity of somebody else looks like: ours but for the ID. */
function withOtherId(answer: HttpAnswer, id: string): HttpAnswer {
  const other = randomGuid(seededRandom(seedOf(1, `other than ${id}`)));
  return { ...answer, body: answer.body.replaceAll(id, other) };
}

function changed(answer: HttpAnswer, change: (body: Body) => Body): HttpAnswer {
  return answer.status === 200 ? { ...answer, body: JSON.stringify(change(JSON.parse(answer.body) as Body)) } : answer;
}

function withOddEntity(body: Body, { fields = {}, extra = [] }: Fault & { kind: 'odd-entity' }): Body {
  const { value } = body;
  if (!Array.isArray(value)) return { ...body, ...fields };
  const [first, ...rest] = value as unknown[];
  const odd = first === undefined ? [] : [{ ...(first as Body), ...fields }];
  return { ...body, value: [...extra, ...odd, ...rest] };
}

function respelled(value: unknown, words: Readonly<Record<string, string>>): unknown {
  if (typeof value === 'string') return words[value] ?? value;
  if (Array.isArray(value)) return value.map((each) => respelled(each, words));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, respelled(each, words)]));
}

function withNextLink(body: Body, link: (Fault & { kind: 'next-link' })['link'], asked: URL): Body {
  const given = body['@odata.nextLink'];
  const own = typeof given === 'string' ? new URL(given) : undefined;
  const named = (value: unknown): Body => ({ ...body, '@odata.nextLink': value });
  if (typeof link === 'object') return named(link.value);
  if (link === 'own') return named(asked.href);
  if (link === 'empty') return named('');
  if (own === undefined) return body;
  return named(link === 'relative' ? `machineactions${own.search}` : `http://127.0.0.1:9${own.pathname}${own.search}`);
}

const CODERS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: (bytes) => gzipSync(bytes),
  deflate: (bytes) => deflateSync(bytes),
  br: (bytes) => brotliCompressSync(bytes),
};

/** The answer's bytes in the codings of the fault, with the header that it names. */
export function encoded(
  { body, headers }: HttpAnswer,
  { coding, header = coding }: Fault & { kind: 'encoded' },
): { body: Buffer; headers: Record<string, string> } {
  let bytes: Buffer = Buffer.from(body);
  for (const name of coding.split(',')) bytes = CODERS[name.trim()]?.(bytes) ?? bytes;
  return { body: bytes, headers: { ...headers, ...(header === null ? {} : { 'content-encoding': header }) } };
}
