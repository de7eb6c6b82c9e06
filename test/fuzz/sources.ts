import fc from 'fast-check';
import { UsageError } from '../../src/errors.ts';
import { readAll } from '../intake/read-all.ts';

/** Rows that a file of this size can make at most, with room: a reject is never larger than its row and a hundred characters. */
const TEXT_AT_MOST = 100;

const ID = '5382f7ea-7557-4ab7-9782-d50480024a4e';
const token = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      ...[
        '"',
        '""',
        ',',
        ';',
        '\t',
        '\n',
        '\r\n',
        '\r',
        '#',
        'id',
        'Action ID',
        'comment',
        'sep=;\n',
        '#TYPE x\n',
        ' ',
        '{',
        '}',
      ],
      ...[
        '\0',
        '\u200b',
        '\u00a0',
        '\u2011',
        '“',
        '=',
        '@{Id=',
        '[',
        ']',
        ':',
        '\ufeff',
        '\ud83d\ude80',
        '\u001b[2J',
        '\u2028',
      ],
    ),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(ID, ID.toUpperCase(), `{${ID}}`, `"${ID}"`, '7b1f4967d9728e5aa3c06a9e617a22a4a5a17378'),
  },
  { weight: 2, arbitrary: fc.uuid() },
  { weight: 1, arbitrary: fc.string({ maxLength: 20 }) },
);
const soup = fc.array(token, { maxLength: 60 }).map((tokens) => tokens.join(''));

const cell = fc.oneof(
  fc.uuid(),
  fc.constantFrom('', 'host', 'a,b', 'x;y', '"', 'two\nlines'),
  fc.string({ maxLength: 8 }),
);
const table = fc
  .record({
    header: fc.constantFrom(
      ['id', 'host', 'comment'],
      ['host', 'ActionId', 'correlationId'],
      ['a', 'b', 'c'],
      undefined,
    ),
    rows: fc.array(fc.array(cell, { minLength: 1, maxLength: 4 }), { maxLength: 10 }),
    delimiter: fc.constantFrom(',', ';', '\t'),
    end: fc.constantFrom('\n', '\r\n', '\r'),
    quote: fc.boolean(),
  })
  .map(({ header, rows, delimiter, end, quote }) => {
    const write = (each: string) => (quote ? `"${each.replaceAll('"', '""')}"` : each);
    return [...(header === undefined ? [] : [header]), ...rows].map((row) => row.map(write).join(delimiter)).join(end);
  });
const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify({ value: [{ id: ID }, value] }));

const encode = fc.constantFrom<(text: string) => Buffer>(
  (text) => Buffer.from(text),
  (text) => Buffer.from(`\ufeff${text}`),
  (text) => Buffer.from(`\ufeff${text}`, 'utf16le'),
  (text) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16(),
  (text) => Buffer.from(text, 'latin1'),
  (text) => Buffer.from(text, 'utf16le'),
);
const written = fc.tuple(fc.oneof(soup, table, json), encode).map(([text, how]) => how(text));

/** Bytes changed, cut out, doubled or put in. */
const damaged = fc
  .tuple(
    written,
    fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 }), fc.constantFrom('set', 'cut', 'double', 'put')), {
      maxLength: 5,
    }),
  )
  .map(([bytes, changes]) => {
    let changed = Buffer.from(bytes);
    for (const [place, byte, how] of changes) {
      const at = changed.length === 0 ? 0 : place % changed.length;
      const [before, after] = [changed.subarray(0, at), changed.subarray(at)];
      if (how === 'set' && changed.length > 0) changed[at] = byte;
      if (how === 'cut') changed = Buffer.concat([before, after.subarray(byte % 20)]);
      if (how === 'double') changed = Buffer.concat([before, after, after]);
      if (how === 'put') changed = Buffer.concat([before, Buffer.from([byte]), after]);
    }
    return changed;
  });

export interface Source {
  bytes: Uint8Array;
  column: string | undefined;
  cuts: readonly number[];
}

export const source: fc.Arbitrary<Source> = fc.record({
  bytes: fc.oneof(written, damaged, fc.uint8Array({ maxLength: 300 })),
  column: fc.constantFrom(undefined, undefined, 'id', '1', '2', '99', 'ActionId', ''),
  cuts: fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 4 }),
});

/** Reads a source of any kind. Throws an Error that names the promise which was broken. */
export async function readSource({ bytes, column, cuts }: Source): Promise<void> {
  const whole = await readAll(bytes, { column });
  if (whole.error !== undefined && !(whole.error instanceof UsageError)) {
    throw new Error('a source was refused by an error that nobody can act on', { cause: whole.error });
  }
  for (const row of whole.rows) {
    if (row.kind === 'reject' && row.text.length > TEXT_AT_MOST) throw new Error('a rejected row is kept at length');
    if (row.kind === 'id' && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(row.id)) {
      throw new Error(`an ID that is none was admitted: ${row.id}`);
    }
  }
  const pieces = await readAll(bytes, { column }, cuts);
  if (JSON.stringify(shown(pieces)) !== JSON.stringify(shown(whole))) {
    throw new Error('a source is read in another way when it comes in other pieces');
  }
}

function shown({ rows, summary, error }: Awaited<ReturnType<typeof readAll>>): unknown {
  return { rows, summary, error: error instanceof Error ? error.message : error };
}
