import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';

/** An answer as a server could send it: what it says is filled in once it is known what was asked for. */
export interface AnswerCase {
  http: number;
  headers: Readonly<Record<string, string | string[]>>;
  content: Content;
  /** Applied to the content's bytes, in this order. */
  codings: readonly Coding[];
  /** What `Content-Encoding` says: the truth, nothing, or something else. */
  says: 'truth' | 'nothing' | 'lzma' | 'gzip';
  /** The part of the bytes that is sent. */
  kept: number;
}

type Coding = keyof typeof CODERS;
/** `like` is there to be read in a report: what it writes for one action that is asked for. */
export type Content =
  | { kind: 'json'; like: string; write: (asked: Asked) => string }
  | { kind: 'bytes'; bytes: Uint8Array };

/** What a request asked for: one action, or several by a list. */
export interface Asked {
  route: 'cancel' | 'get' | 'list';
  ids: readonly string[];
}

const CODERS = {
  gzip: (bytes: Buffer) => gzipSync(bytes),
  deflate: (bytes: Buffer) => deflateSync(bytes),
  'raw deflate': (bytes: Buffer) => deflateRawSync(bytes),
  br: (bytes: Buffer) => brotliCompressSync(bytes),
} as const;

export interface SentAnswer {
  http: number;
  headers: Record<string, string | string[]>;
  bytes: Buffer;
  /** The text, where it can be read: whole, and in codings that the header names. */
  text: string | undefined;
}

export function sentAnswer({ http, headers, content, codings, says, kept }: AnswerCase, asked: Asked): SentAnswer {
  const plain = content.kind === 'json' ? Buffer.from(content.write(asked)) : Buffer.from(content.bytes);
  let bytes: Buffer = plain;
  for (const coding of codings) bytes = CODERS[coding](bytes);
  const whole = kept >= 1;
  const sent = whole ? bytes : bytes.subarray(0, Math.floor(bytes.length * kept));
  const named = codings.map((coding) => (coding === 'raw deflate' ? 'deflate' : coding)).join(', ');
  const header = says === 'truth' ? named : says === 'nothing' ? '' : says;
  const isCoded = codings.length > 0;
  const isReadable = whole && content.kind === 'json' && (isCoded ? says === 'truth' : true);
  return {
    http,
    headers: { ...headers, ...(header === '' ? {} : { 'content-encoding': header }) },
    bytes: sent,
    text: isReadable ? plain.toString('utf8') : undefined,
  };
}

const odd = fc.constantFrom<unknown>(
  null,
  0,
  -1,
  7,
  1e308,
  true,
  '',
  ' ',
  [],
  {},
  [null],
  { a: { b: [] } },
  'x'.repeat(300),
);
const status = fc.constantFrom(
  'Pending',
  'InProgress',
  'Succeeded',
  'Failed',
  'TimeOut',
  'Cancelled',
  'Canceled',
  'PENDING',
  'in progress',
  'Paused',
);
const type = fc.constantFrom('Isolate', 'isolate', 'Live Response', 'Unisolate', 'NewKind');
const comment = fc.constantFrom(null, 'why', '[countermand 4f1c2d3e] x');

const fields = fc.record(
  {
    type: fc.oneof({ weight: 4, arbitrary: type }, odd),
    status: fc.oneof({ weight: 4, arbitrary: status }, odd),
    machineId: odd,
    computerDnsName: odd,
    requestor: odd,
    creationDateTimeUtc: fc.oneof(fc.constant('2026-01-05T11:00:00.1234567Z'), odd),
    cancellationComment: fc.oneof({ weight: 3, arbitrary: comment }, odd),
    commands: fc.oneof(fc.constant([{ commandStatus: 'Completed' }]), odd, fc.array(odd, { maxLength: 3 })),
    externalId: odd,
  },
  { requiredKeys: [] },
);

const dress = fc.constantFrom(
  (id: string) => id,
  (id: string) => id,
  (id: string) => id.toUpperCase(),
  (id: string) => `{${id}}`,
  (id: string) => ` ${id} `,
);
const otherId = fc.uuid();

const entity = fc
  .tuple(fields, dress, fc.oneof({ weight: 8, arbitrary: fc.constant(undefined) }, otherId, odd))
  .map(([more, write, other]) => (id: string) => ({
    type: 'Isolate',
    status: 'Pending',
    ...more,
    id: other ?? write(id),
  }));

const link = fc.constantFrom<unknown>(
  undefined,
  undefined,
  '',
  null,
  5,
  '?$skip=0',
  'machineactions?$skip=1',
  '/api/machineactions',
  'https://evil.test/api/machineactions',
  '//[',
  '/api/machines/x/offboard',
);
const count = fc.constantFrom<unknown>(undefined, undefined, 0, 1, 1000, '3', -1, 'many', null, 1e300);

const page = fc
  .record({
    entities: fc.array(entity, { maxLength: 6 }),
    extra: fc.array(odd, { maxLength: 2 }),
    left: fc.constantFrom(0, 0, 1, 3),
    twice: fc.boolean(),
    link,
    count,
  })
  .map((given) => ({ ids }: Asked) => {
    const shown = ids.slice(given.left).map((id, at) => given.entities[at % given.entities.length]?.(id) ?? { id });
    const value = [...given.extra, ...shown, ...(given.twice ? shown : [])];
    return { value, '@odata.nextLink': given.link, '@odata.count': given.count };
  });

const errorBody = fc
  .record({
    code: fc.constantFrom<unknown>(
      'BadRequest',
      'Unauthorized',
      'Forbidden',
      'ResourceNotFound',
      '429',
      'x'.repeat(200),
      5,
      null,
    ),
    message: fc.constantFrom<unknown>('no', 'You can send requests again in 2.5 seconds.', null, ['x']),
    target: fc.constantFrom<unknown>('corr', null, {}, 'y'.repeat(500)),
  })
  .map((error) => () => ({ error }));

const written = fc
  .oneof(
    {
      weight: 5,
      arbitrary: entity.map(
        (make) =>
          ({ ids }: Asked) =>
            make(ids[0] ?? ''),
      ),
    },
    { weight: 4, arbitrary: page },
    { weight: 4, arbitrary: errorBody },
    { weight: 1, arbitrary: odd.map((value) => () => value) },
    { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 4 }).map((value) => () => value as unknown) },
  )
  .map((make): Content => {
    const write = (asked: Asked) => JSON.stringify(make(asked)) ?? '';
    return { kind: 'json', like: write({ route: 'get', ids: ['ID'] }), write };
  });

const text = fc
  .constantFrom(
    '',
    ' ',
    '<!DOCTYPE html><html><body>Sign in</body></html>',
    '{"error":',
    'null',
    '{"id":"x","id":"y"}',
    `{"value":[],"value":${'['.repeat(500)}${']'.repeat(500)}}`,
    `${'['.repeat(20_000)}`,
    '{"value":[{"__proto__":{"id":"x"}}]}',
    '{"error":{"code":"\u0000\u001b[2J","message":"x"}}',
  )
  .map((body): Content => ({ kind: 'json', like: body.slice(0, 100), write: () => body }));

const bytes = fc.uint8Array({ maxLength: 60 }).map((body): Content => ({ kind: 'bytes', bytes: body }));

const retryAfter = fc.constantFrom(
  '2',
  '2.5',
  '0',
  '-3',
  '999999999999',
  'soon',
  '1, 3',
  'Mon, 05 Jan 2026 12:00:30 GMT',
  '',
);
const headers = fc.record(
  {
    'retry-after': fc.oneof(retryAfter, fc.array(retryAfter, { minLength: 2, maxLength: 3 })),
    'content-type': fc.constantFrom(
      'application/json',
      'text/html',
      'application/json; charset=latin1',
      'application/json; charset=??',
    ),
    date: fc.constantFrom('Mon, 05 Jan 2026 12:00:00 GMT', 'Fri, 31 Dec 9999 23:59:59 GMT', 'yesterday', ''),
    'www-authenticate': fc.constantFrom('Bearer claims="eyJhIjoxfQ=="', 'Bearer claims="%%"', 'Negotiate', ''),
  },
  { requiredKeys: [] },
);

const codings = fc.oneof(
  { weight: 6, arbitrary: fc.constant<readonly Coding[]>([]) },
  { weight: 3, arbitrary: fc.constantFrom<readonly Coding[]>(['gzip'], ['deflate'], ['br'], ['raw deflate']) },
  { weight: 1, arbitrary: fc.constantFrom<readonly Coding[]>(['gzip', 'br'], ['deflate', 'gzip'], ['gzip', 'gzip']) },
);

const http = fc.oneof(
  { weight: 6, arbitrary: fc.constant(200) },
  {
    weight: 6,
    arbitrary: fc.constantFrom(400, 401, 403, 404, 408, 409, 413, 414, 429, 500, 502, 503, 504),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      201,
      202,
      204,
      206,
      299,
      300,
      302,
      304,
      307,
      402,
      407,
      410,
      418,
      421,
      451,
      501,
      505,
      599,
    ),
  },
);

/** Any answer: status × headers × body × coding. */
export const answerCase: fc.Arbitrary<AnswerCase> = fc.record({
  http,
  headers,
  content: fc.oneof({ weight: 8, arbitrary: written }, { weight: 2, arbitrary: text }, { weight: 1, arbitrary: bytes }),
  codings,
  says: fc.oneof(
    { weight: 8, arbitrary: fc.constant('truth' as const) },
    fc.constantFrom('nothing' as const, 'lzma' as const, 'gzip' as const),
  ),
  kept: fc.oneof({ weight: 9, arbitrary: fc.constant(1) }, fc.double({ min: 0, max: 0.99, noNaN: true })),
});
