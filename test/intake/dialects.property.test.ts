import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readAll } from './read-all.ts';

const guid = fc.uuid({ version: [1, 2, 3, 4, 5] });

/** What programs and people do to one ID, in a cell or a JSON text. */
const dressed = fc.constantFrom<(id: string) => string>(
  (id) => id,
  (id) => id.toUpperCase(),
  (id) => `{${id}}`,
  (id) => `“${id}”`,
  (id) => `="${id}"`,
  (id) => `\u200b ${id}\u00a0`,
  (id) => id.replaceAll('-', '\u2011'),
  (id) => `${id.slice(0, 20)}\u00ad${id.slice(20)}`,
);
const idName = fc.constantFrom('id', 'Id', 'actionId', 'Action ID', 'Machine action ID', '“id”', 'action‑id');
const other = fc.constantFrom(
  '',
  'host',
  'a,b;c',
  'he said "so"',
  'two\nlines',
  '7b1f4967d9728e5aa3c06a9e617a22a4a5a17378',
  'é🚀',
);

interface Given {
  ids: readonly string[];
  written: readonly string[];
  others: readonly string[];
  name: string;
  title: string;
  delimiter: string;
}

const cell = (text: string) => `"${text.replaceAll('"', '""')}"`;
const table = ({ written, others, name, delimiter }: Given) => [
  [cell('note'), cell(name)].join(delimiter),
  ...written.map((id, index) => [cell(others[index] ?? ''), cell(id)].join(delimiter)),
];
const objects = ({ written, others, name }: Given) =>
  written.map((id, index) => ({ note: others[index], [name]: id, commands: [{ id: 'x' }] }));

/** Each a way in which the same list comes. */
const DIALECTS: Readonly<Record<string, (given: Given) => string>> = {
  'a plain list': ({ written }) => written.map((id) => `${id}\n`).join(''),
  'a table': (given) => table(given).join('\r\n'),
  'a table with a title': (given) => [given.title, ...table(given)].join('\n'),
  'a table with sep=': (given) => [`"sep=${given.delimiter}"`, ...table(given)].join('\n'),
  'a table with #TYPE': (given) => ['"#TYPE Selected.Object"', ...table(given)].join('\n'),
  'a table in cells': (given) => table(given).map(cell).join('\n'),
  'a JSON list': ({ written }) => JSON.stringify(written),
  'a JSON list of objects': (given) => JSON.stringify(objects(given)),
  'a JSON list, indented': (given) => JSON.stringify(objects(given), null, 2),
  'a page': (given) => JSON.stringify({ '@odata.context': given.title, value: objects(given) }, null, 1),
  'JSON Lines': (given) =>
    objects(given)
      .map((object) => `${JSON.stringify(object)}\n`)
      .join(''),
};

it.each(Object.entries(DIALECTS))(
  'any list of IDs is read as the same IDs in the same order from %s',
  async (_, write) => {
    const given = fc
      .record({
        ids: fc.array(guid, { minLength: 1, maxLength: 12 }),
        how: fc.array(dressed, { minLength: 12, maxLength: 12 }),
        others: fc.array(other, { minLength: 12, maxLength: 12 }),
        name: idName,
        title: fc.constantFrom('Action center Export,25 Nov 2026 11:42 AM +00:00', 'Report', '"a; title"'),
        delimiter: fc.constantFrom(',', ';', '\t'),
      })
      .map(({ how, ...rest }) => ({ ...rest, written: rest.ids.map((id, index) => how[index]?.(id) ?? id) }));
    const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(given, lengths, fc.boolean(), async (list, cuts, marked) => {
        const { rows, error } = await readAll(`${marked ? '\ufeff' : ''}${write(list)}`, {}, cuts);
        expect(error).toBeUndefined();
        expect(rows.map((row) => (row.kind === 'id' ? row.id : row))).toEqual(list.ids);
      }),
      { numRuns: 60 },
    );
  },
);

it('no ID that stands in another field of an object is ever taken', async () => {
  const key = fc.constantFrom('machineId', 'correlationId', 'title', 'ids', 'actionid2', 'value', 'commands', 'x');
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof({ maxDepth: 3 }, guid, fc.dictionary(key, tie('value')), fc.array(tie('value'), { maxLength: 3 })),
  }));
  const object = fc.dictionary(key, value, { minKeys: 1 });
  await fc.assert(
    fc.asyncProperty(fc.array(object, { minLength: 1, maxLength: 5 }), guid, async (objects, id) => {
      const { rows } = await readAll(JSON.stringify([{ id }, ...objects]));
      expect(rows.map(({ kind }) => kind)).toEqual(['id', ...objects.map(() => 'reject')]);
    }),
  );
});
