import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { readAll } from './read-all.ts';

const guid = fc.uuid({ version: [1, 2, 3, 4, 5] });

/** One way to write an ID. */
const dress = fc
  .record({
    upper: fc.boolean(),
    braces: fc.boolean(),
    quotes: fc.constantFrom('', '"', "'"),
    before: fc.constantFrom('', ' ', '  '),
    after: fc.constantFrom('', ' ', '\u00a0'),
  })
  .map(({ upper, braces, quotes, before, after }) => (id: string) => {
    const cased = upper ? id.toUpperCase() : id;
    const braced = braces ? `{${cased}}` : cased;
    return `${before}${quotes}${braced}${quotes}${after}`;
  });

const encode = {
  utf8: (text: string) => Buffer.from(text, 'utf8'),
  'utf8 with mark': (text: string) => Buffer.from(`\ufeff${text}`, 'utf8'),
  utf16le: (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le'),
  utf16be: (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16(),
} as const;
const encoding = fc.constantFrom(...(Object.keys(encode) as (keyof typeof encode)[]));
const lineEnd = fc.constantFrom('\n', '\r\n', '\r');
const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 4 });

const otherCell = fc.oneof(
  fc.constantFrom('', 'host', 'Müller 🚀', '5" wide', 'a,b', 'x;y', 'tab\there', 'two\nlines', '#no'),
  fc.stringMatching(/^[a-z "]{0,12}$/),
);

function quote(cell: string, delimiter: string): string {
  return /["\r\n]/.test(cell) || cell.includes(delimiter) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

describe('readIds, for any input', () => {
  it('readIds gives back a plain list in order, however it is written, encoded and cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(guid, dress), { minLength: 1, maxLength: 20 }),
        encoding,
        lineEnd,
        lengths,
        async (entries, how, end, cuts) => {
          const text = entries.map(([id, written]) => written(id) + end).join('');
          const { rows, error } = await readAll(encode[how](text), {}, cuts);
          expect(error).toBeUndefined();
          expect(rows).toEqual(entries.map(([id], index) => ({ kind: 'id', id, line: index + 1 })));
        },
      ),
    );
  });

  it('readIds gives back the ID column of any table in order, with the lines on which its rows begin', async () => {
    const table = fc.record({
      entries: fc.array(fc.tuple(guid, dress, otherCell, otherCell), { minLength: 1, maxLength: 12 }),
      delimiter: fc.constantFrom(',', ';', '\t'),
      header: fc.constantFrom('id', 'ID', 'actionId', 'Action ID', 'machineActionId', 'Machine action ID'),
      place: fc.integer({ min: 0, max: 2 }),
      type: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(table, encoding, lineEnd, lengths, async (given, how, end, cuts) => {
        const { entries, delimiter, header, place, type } = given;
        const put = (cells: string[], own: string) =>
          [...cells.slice(0, place), own, ...cells.slice(place)].join(delimiter);
        const lines = [...(type ? ['#TYPE Some.Object'] : []), put(['host', 'note'], header)];
        let line = lines.length + 1;
        const expected = entries.map(([id, written, one, two]) => {
          const row = { kind: 'id', id, line };
          const raw = put([quote(one, delimiter), quote(two, delimiter)], written(id)).replaceAll('\n', end);
          lines.push(raw);
          line += raw.split(end).length;
          return row;
        });
        const { rows, error } = await readAll(encode[how](lines.join(end) + end), {}, cuts);
        expect(error).toBeUndefined();
        expect(rows).toEqual(expected);
      }),
    );
  });

  const token = fc.constantFrom(
    '"',
    '"',
    ',',
    ';',
    '\t',
    '\n',
    '\n',
    '\r\n',
    '\r',
    '#',
    'id',
    'comment',
    ' ',
    '{',
    '\0',
    'x',
    '5382f7ea-7557-4ab7-9782-d50480024a4e',
    '2e9da30d-27f6-4208-81f2-9cd3d67893ba',
    '7b1f4967d9728e5aa3c06a9e617a22a4a5a17378',
  );
  const soup = fc.array(token, { maxLength: 40 }).map((tokens) => Buffer.from(tokens.join('')));
  const anything = fc.oneof(soup, fc.uint8Array({ maxLength: 200 }));

  it('readIds throws nothing but a UsageError, and the same rows and error however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(anything, lengths, fc.constantFrom(undefined, 'id', '2'), async (bytes, cuts, column) => {
        const whole = await readAll(bytes, { column });
        if (whole.error !== undefined) expect(whole.error).toBeInstanceOf(UsageError);
        expect(await readAll(bytes, { column }, [1])).toEqual(whole);
        expect(await readAll(bytes, { column }, cuts)).toEqual(whole);
      }),
      { numRuns: 500 },
    );
  });

  it('readIds never loses an ID that stands alone on its line without saying so', async () => {
    const line = fc.oneof(
      guid,
      fc.array(token, { maxLength: 6 }).map((tokens) => tokens.join('').replace(/[\r\n\0]/g, '')),
    );
    let read = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 12 }), fc.boolean(), async (lines, header) => {
        const all = header ? ['id', ...lines] : lines;
        const { rows, error } = await readAll(all.join('\n'));
        if (error !== undefined) return;
        const alone = all.filter((text) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text));
        const named = new Set(rows.map((row) => (row.kind === 'id' ? row.id : row.text)));
        expect(alone.filter((id) => !named.has(id))).toEqual([]);
        if (alone.length > 0) read += 1;
      }),
      { numRuns: 500 },
    );
    // Most draws end in an error; those that do not, and hold such an ID, are what this is about.
    expect(read).toBeGreaterThan(150);
  });
});
