import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { readIds } from '../../src/intake/read-ids.ts';
import { readAll } from './read-all.ts';

const A = '5382f7ea-7557-4ab7-9782-d50480024a4e';
const B = '2e9da30d-27f6-4208-81f2-9cd3d67893ba';
const DEVICE = '7b1f4967d9728e5aa3c06a9e617a22a4a5a17378';

const id = (value: string, line: number, comment?: string) =>
  comment === undefined ? { kind: 'id', id: value, line } : { kind: 'id', id: value, line, comment };
const reject = (reason: string, line: number, text: string, place?: number) =>
  place === undefined ? { kind: 'reject', reason, line, text } : { kind: 'reject', reason, line, text, place };

it.each<[string, string, unknown[]]>([
  [
    'a title line before the header',
    `Export,25 Nov 2026 11:42 AM\nAction ID,Type,Asset\n${A},Isolate,h1\n`,
    [id(A, 3)],
  ],
  ['a title of several rows', `Report\n\n"of today, 11:42"\nid;x\n${A};1\n`, [id(A, 5)]],
  ['a title above the column that was asked for', `Report\nref,x\n${A},1\n`, [id(A, 3)]],
  ['a sep= line in quotes', `"sep=;"\r\nid;x\r\n${A};1\r\n`, [id(A, 3)]],
  ['a sep= line that is padded', ` sep = ;\nid;x\n${A};1\n`, [id(A, 3)]],
  ['a sep= line with empty cells after it', `"sep=|",,\nid|x\n${A}|1\n`, [id(A, 3)]],
  ['a sep= line with a written tab', `sep=\\t\nid\tx\n${A}\t1\n`, [id(A, 3)]],
  ['a sep= line with a tab', `sep=\t\nid\tx\n${A}\t1\n`, [id(A, 3)]],
  ['a sep= line that is not true any more', `sep=;\nid,x\n${A},1\n`, [id(A, 3)]],
  ['#TYPE in quotes', `"#TYPE System.Object"\n"id","x"\n"${A}","1"\n`, [id(A, 3)]],
  ['rows that are one quoted cell', `"id,""type"""\n"${A},""Isolate"""\n`, [id(A, 2)]],
  ['rows of that kind with another delimiter inside', `"id;type"\n"${A};Isolate"\n`, [id(A, 2)]],
  ['rows of that kind under a title', `"Report, new"\n"id,""x"""\n\n"${A},""1"""\n`, [id(A, 4)]],
  [
    'rows of which only some are of that kind',
    `"id,""note"""\n${A},1\n"${B},""two\nlines"""\n"${A},""1"""\n`,
    [id(A, 2), id(B, 3), id(A, 5)],
  ],
  [
    'zero-width characters round and inside',
    `\u200bid\n\u200b${A}\ufeff\n${B.slice(0, 9)}\u200d${B.slice(9)}\n`,
    [id(A, 2), id(B, 3)],
  ],
  ['smart quotes', `“Id”,x\n“${A}”,1\n‘${B}’,1\n`, [id(A, 2), id(B, 3)]],
  [
    'non-breaking hyphens and dashes',
    `action‑id\n${A.replaceAll('-', '\u2011')}\n${B.replaceAll('-', '–')}\n`,
    [id(A, 2), id(B, 3)],
  ],
  ['full-width letters', `${A.replace('5', '５')}\n`, [id(A, 1)]],
  ['="…", as a spreadsheet is told to leave a text alone', `="id",x\n="${A}",1\n"=""${B}""",1\n`, [id(A, 2), id(B, 3)]],
  ['a line of zero-width characters, which is nothing', `${A}\n\u200b\n${B}\n`, [id(A, 1), id(B, 3)]],
])('a table is read that has %s', async (_, content, rows) => {
  const column = content.includes('ref') ? 'ref' : undefined;
  const { rows: read, error } = await readAll(content, { column });
  expect(error).toBeUndefined();
  expect(read).toEqual(rows);
});

it.each<[string, string, unknown[]]>([
  ['a list of IDs', `["${A}","{${B}}"]`, [id(A, 1), id(B, 1)]],
  [
    'a list of objects',
    `[\n  {\n    "id": "${A}",\n    "type": "é\\n"\n  },\n  { "actionId": "${B}" }\n]`,
    [id(A, 2), id(B, 6)],
  ],
  ['az rest', `{"@odata.context":"x","value":[{"id":"${A}","commands":[{"id":"${B}"}]}]}`, [id(A, 1)]],
  ['ConvertTo-Json of PowerShell 5', `{"value":[{"Id":"${A}"}],"Count":1}`, [id(A, 1)]],
  ['JSON Lines of objects', `{"id":"${A}"}\n\n{"Machine action ID":"${B}"}\n`, [id(A, 1), id(B, 3)]],
  ['JSON Lines of texts', `"${A}"\n"${B}"\n`, [id(A, 1), id(B, 2)]],
  ['one object', `{\n"id":"${A}"\n}`, [id(A, 1)]],
  ['pages one after the other', `{"value":["${A}"]}\n{"value":["${B}"]}`, [id(A, 1), id(B, 2)]],
  ['an object with a field "value" that is no list', `{"value":"x","id":"${A}"}`, [id(A, 1)]],
  [
    'comments of its own',
    `[{"id":"${A}","Comment":"why"},{"id":"${B}","comment":4711}]`,
    [id(A, 1, 'why'), id(B, 1, '4711')],
  ],
  [
    'lists of something else beside the list',
    `{"value":["${A}"],"machines":[{"id":"${B}"}],"correlationIds":["${B}"],"warnings":["none"],"Results":[]}`,
    [id(A, 1)],
  ],
  ['fields that hold other IDs', `[{"id":"${A}","correlationId":"${B}","action":"Isolate","id2":"${A}"}]`, [id(A, 1)]],
  ['fields that are empty', `[{"id":"${A}","comment":null,"type":[]}]`, [id(A, 1)]],
  ['escapes', `["\\u0035${A.slice(1)}"]`, [id(A, 1)]],
])('JSON is read: %s', async (_, content, rows) => {
  for (const lengths of [[], [1], [7, 30]]) {
    expect(await readAll(content, {}, lengths)).toMatchObject({ rows, error: undefined });
  }
});

it('a row of many blanks costs no more than its length', async () => {
  const { rows } = await readAll(`${A}\nx${' '.repeat(900_000)}x\n${B}\n`);
  expect(rows.map(({ kind }) => kind)).toEqual(['id', 'reject', 'id']);
}, 5000);

it('JSON that is no ID is named with its line and its place in the list', async () => {
  const content = `["${A}",\n{"type":"${B}"},{"id":null,"machineId":"${B}"},{"x":{"id":"${B}"}}, null,7,["${B}"],"no",""]`;
  const { rows } = await readAll(content);
  expect(rows).toEqual([
    id(A, 1),
    reject('not-an-id', 2, `{"type":"${B}"}`, 2),
    reject('not-an-id', 2, `{"id":null,"machineId":"${B}"}`, 3),
    reject('not-an-id', 2, `{"x":{"id":"${B}"}}`, 4),
    reject('not-an-id', 2, 'null', 5),
    reject('not-an-id', 2, '7', 6),
    reject('not-an-id', 2, `["${B}"]`, 7),
    reject('not-an-id', 2, 'no', 8),
    reject('not-an-id', 2, '""', 9),
  ]);
});

it('JSON around a list that names an action too is named as well', async () => {
  const { rows } = await readAll(`{"value":["${A}"],"id":"${B}"}`);
  expect(rows).toEqual([id(A, 1), reject('bad-row', 1, `{"value":null,"id":"${B}"}`)]);
});

it('JSON takes the field that --column names', async () => {
  const { rows } = await readAll(`[{"id":"${A}","ref":"${B}"},{"id":"${A}"}]`, { column: 'Ref' });
  expect(rows).toEqual([id(B, 1), reject('not-an-id', 1, `{"id":"${A}"}`, 2)]);
  const { rows: chosen } = await readAll(`[{"id":"${A}","actionGuid":"${B}"}]`, { column: 'id' });
  expect(chosen).toEqual([id(A, 1)]);
});

it.each<[string, string, string | undefined]>([
  ['lines in a plain list', `# ours\n${A}\n#x\n # no\n#`, '3 lines begin with # and were left out as comments'],
  [
    'an ID taken out',
    `${A}\n#${B}\n`,
    '1 line begins with # and was left out as a comment; 1 holds an ID: remove the #',
  ],
  [
    'IDs taken out before the first one and after',
    `#${B}\n\n# {${B}} # x\n${A}\n# ${B.toUpperCase()}`,
    '3 lines begin with # and were left out as comments; 3 hold an ID',
  ],
  [
    'an ID above a table',
    `# ${B}\n#TYPE x\nid,x\n${A},1\n`,
    '1 line begins with # and was left out as a comment; 1 holds',
  ],
  ['a remark above a table', `# export\nid,x\n${A},1\n`, undefined],
  ["PowerShell's line alone", `#TYPE System.String\n${A}\n`, undefined],
  ['none', `${A}\n`, undefined],
])('lines that begin with # are left out, and their number is said: %s', async (_, content, sentence) => {
  for (const length of [1, 7, 1000]) {
    const bytes = Buffer.from(content);
    async function* pieces() {
      for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
    }
    const intake = readIds(pieces(), { name: 'list.txt' });
    const ids: string[] = [];
    for await (const row of intake) if (row.kind === 'id') ids.push(row.id);
    expect(ids).toEqual([A]);
    expect(intake.remarks()).toEqual(sentence === undefined ? [] : [expect.stringContaining(`list.txt: ${sentence}`)]);
  }
});

it('JSON that is one page of a longer list is read, and that is said', async () => {
  const content = `{"value":["${A}"],"@odata.nextLink":"https://api.example.com/2"}`;
  const intake = readIds([Buffer.from(content)] as unknown as AsyncIterable<Uint8Array>, { name: 'page.json' });
  const rows: unknown[] = [];
  for await (const row of intake) rows.push(row);
  expect(rows).toEqual([id(A, 1)]);
  expect(intake.remarks()).toEqual([
    expect.stringMatching(/page\.json is one page of a longer list .*countermand list/),
  ]);
});

const PRINTED = /holds objects as PowerShell prints them.*`\| Select-Object -ExpandProperty Id`/;
it.each<[string, string, RegExp]>([
  ['an object made a text', `@{Id=${A}; Type=Isolate}\n@{Id=${B}; Type=Isolate}\n`, PRINTED],
  ['an object made a text, further down', `${A}\n@{Id=${B}}\n`, PRINTED],
  ['objects made texts in JSON', `["@{Id=${A}}"]`, PRINTED],
  [
    'Format-Table',
    `\nId                                   Type\n--                                   ----\n${A} Isolate\n`,
    PRINTED,
  ],
  ['Format-Table of one property', `\nId\n--\n${A}\n`, PRINTED],
  ['Format-List', `\nType : Isolate\nId   : ${A}\n`, PRINTED],
  ['JSON that is cut', `[{"id":"${A}"},{"id":"${B}`, /ends in the middle of its JSON, after 1 entry: .*get it again/],
  ['JSON without its last bracket', `["${A}","${B}"`, /ends in the middle of its JSON, after 2 entries/],
  ['JSON without the bracket of the object around the list', `{"value":["${A}"]`, /ends in the middle/],
  ['JSON Lines that are cut', `{"id":"${A}"}\n{"id"`, /ends in the middle of its JSON, after 1 entry/],
  ['a comma too many', `["${A}",\n]`, /not valid JSON in line 2 \(an unexpected "]"\)/],
  ['no comma', `["${A}"\n"${B}"]`, /not valid JSON in line 2 \(two entries without a comma/],
  ['a word in it', `[\n"${A}",\nundefined]`, /not valid JSON in line 3 \(an unexpected "u"\)/],
  [
    'two fields that may be it',
    `[{"id":"${A}","actionId":"${B}"}]`,
    /entry 1 has several fields .*\("id", "actionId"\).*--column/,
  ],
  [
    'a number at a field that may be it',
    `[{"id":"${A}","id2":"${B}"}]`,
    /entry 1 has several fields .*\("id", "id2"\)/,
  ],
  ['a field that speaks of actions', `{"actionGuid":"${B}","id":"${A}"}`, /several fields .*\("id", "actionGuid"\)/],
  [
    'two lists',
    `{"value":[{"id":"${A}"}],\n"Results":[{"x":1},{"actionId":"${B}"}]}`,
    /^list\.csv, line 1 has two lists of action IDs, "value" and "Results": give each list in a file of its own/,
  ],
  ['two lists, the other one first', `{"Results":["${B}"],"value":["${A}"]}`, /two lists .*"Results"/],
  ['two lists, one further down', `{"value":["${A}"],"page":{"ids":["${B}"]}}`, /two lists .*"ids"/],
  ['the same field twice', `{"id":"${A}","id":"${B}"}`, /several fields/],
  ['an empty list', '[]', /is JSON without an entry/],
  ['an empty page', '{"value":[]}', /is JSON without an entry/],
  ['device IDs', `["${DEVICE}"]`, /holds device IDs/],
  [
    'JSON of something else',
    '{"name":"x","jobs":[1]}',
    /not a single action ID, as a text or in a field that names it/,
  ],
  ['a comment that is none', `[{"id":"${A}","comment":{}}]`, /entry 1: the comment is \{\} and no text/],
  ['a comment that cannot be seen', `id,comment\n${A},\u200b\n`, /line 2: the comment is empty/],
  ['an entry without end', `["${'x'.repeat(1_100_000)}`, /over 1000000 characters of JSON after entry 0/],
  ['brackets without end', '['.repeat(200), /nested more than 64 levels/],
])('a source is refused in one sentence that is %s', async (_, content, message) => {
  const { error } = await readAll(content);
  expect(error).toBeInstanceOf(UsageError);
  expect((error as UsageError).message).toMatch(message);
  expect((error as UsageError).message).not.toContain('\n');
});

it.each([
  ['double-wrapped.csv', [2]],
  ['sep-quoted.csv', [3]],
  ['sep-tab-escaped.csv', [3]],
  ['title-row.csv', [3, 4]],
  ['type-quoted.csv', [3]],
  ['zero-width-and-smart-quotes.csv', [2, 3]],
])('a file as somebody had it is read: %s', async (name, lines) => {
  const { rows, error } = await readAll(readFileSync(new URL(`fixtures/${name}`, import.meta.url)));
  expect(error).toBeUndefined();
  const numbers = lines.map((_, index) => `0000000${index + 1}-0000-4000-8000-00000000000${index + 1}`);
  expect(rows).toEqual(lines.map((line, index) => id(numbers[index] ?? '', line)));
});
