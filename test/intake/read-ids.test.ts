import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { readIds } from '../../src/intake/read-ids.ts';
import { readAll } from './read-all.ts';

const A = '5382f7ea-7557-4ab7-9782-d50480024a4e';
const B = '2e9da30d-27f6-4208-81f2-9cd3d67893ba';
const C = 'b89eb834-4578-496c-8be0-03f004061435';
const DEVICE = '7b1f4967d9728e5aa3c06a9e617a22a4a5a17378';

const id = (value: string, line: number, comment?: string) =>
  comment === undefined ? { kind: 'id', id: value, line } : { kind: 'id', id: value, line, comment };
const reject = (reason: string, line: number, text: string) => ({ kind: 'reject', reason, line, text });

async function rowsOf(content: string | Uint8Array, options = {}) {
  const { rows, error } = await readAll(content, options);
  if (error !== undefined) throw error;
  return rows;
}

describe('readIds', () => {
  it.each<[string, string, unknown[]]>([
    ['a plain list', `${A}\n${B}\n`, [id(A, 1), id(B, 2)]],
    ['a list without a last line end', `${A}\n${B}`, [id(A, 1), id(B, 2)]],
    ['CRLF', `${A}\r\n${B}\r\n`, [id(A, 1), id(B, 2)]],
    ['lone carriage returns', `${A}\r${B}\r`, [id(A, 1), id(B, 2)]],
    ['mixed line ends', `${A}\r${B}\r\n\n${C}`, [id(A, 1), id(B, 2), id(C, 4)]],
    ['upper case', A.toUpperCase(), [id(A, 1)]],
    ['braces', `{${A.toUpperCase()}}\n{ ${B} }`, [id(A, 1), id(B, 2)]],
    ['quotes and spaces', `"${A}"\n  ${B}\t\n '${C}' `, [id(A, 1), id(B, 2), id(C, 3)]],
    ['blank lines, which are nothing', `\n\n${A}\n  \n\t\n${B}\n\n`, [id(A, 3), id(B, 6)]],
    ['lines that begin with # in a plain list', `# ours\n${A}\n#${B}\n# "\n${C}`, [id(A, 2), id(C, 5)]],
    ['a header', `id\n${A}\n`, [id(A, 2)]],
    ['a header in capitals with spaces', ` Machine Action ID ,host\n${A},h\n`, [id(A, 2)]],
    ['a header with underscores', `host;machine_action_id\nh;${A}\n`, [id(A, 2)]],
    ['a header with hyphens', `host\taction-id\nh\t${A}\n`, [id(A, 2)]],
    ['a quoted header', `"host","ActionId"\n"h","${A}"\n`, [id(A, 2)]],
    ['a comment column', `id,comment\n${A},why\n${B},\n${C}, "x" \n`, [id(A, 2, 'why'), id(B, 3), id(C, 4, '"x"')]],
    [
      'a priority column',
      `priority,id,Priority\n7,${A},x\n-0.5,${B},x\n+2.,${C},x\n`,
      [
        { ...id(A, 2), priority: 7 },
        { ...id(B, 3), priority: -0.5 },
        { ...id(C, 4), priority: 2 },
      ],
    ],
    ['a priority of nothing or 0', `id,priority\n${A},\n${B}, 0 \n${C},'-0\n`, [id(A, 2), id(B, 3), id(C, 4)]],
    [
      'a priority that is no number, which it says',
      `id,priority,comment\n${A},high,why\n${B},"1,5",\n${C},1e9,\n`,
      [
        { ...id(A, 2, 'why'), notPriority: 'high' },
        { ...id(B, 3), notPriority: '1,5' },
        { ...id(C, 4), notPriority: '1e9' },
      ],
    ],
    [
      'a quoted cell over several lines',
      `id,comment\n${A},"one\ntwo\n\nfour"\n${B},x\n`,
      [id(A, 2, 'one\ntwo\n\nfour'), id(B, 6, 'x')],
    ],
    ['a header over several lines', `"Device\nname",id\nh,${A}\n`, [id(A, 3)]],
    [
      'CRLF inside a quoted cell',
      `id,comment\r\n${A},"one\r\ntwo"\r\n${B},x\r\n`,
      [id(A, 2, 'one\ntwo'), id(B, 4, 'x')],
    ],
    ['#TYPE before the header', `#TYPE System.Object\n"id","x"\n"${A}","1"\n`, [id(A, 3)]],
    ['other lines with # before the header', `# export\n\n#x\nid,x\n${A},1\n`, [id(A, 5)]],
    ['a column named #', `#,id\n1,${A}\n`, [id(A, 2)]],
    ["Excel's sep= line", `sep=|\nid|x\n${A}|1\n`, [id(A, 3)]],
    ['empty columns at the end', `id,,\n${A},,\n${B},\n${C}\n`, [id(A, 2), id(B, 3), id(C, 4)]],
    ['rows of empty cells, which are nothing', `id,x\n,\n${A},1\n , \n`, [id(A, 3)]],
    ['a plain list with a delimiter at the end', `${A},\n${B},\n`, [id(A, 1), id(B, 2)]],
    ['a quote that stands for itself', `id,screen\n${A},5" display\n${B},"5"" display"\n`, [id(A, 2), id(B, 3)]],
  ])('readIds reads %s', async (_, content, rows) => {
    expect(await rowsOf(content)).toEqual(rows);
  });

  it.each<[string, string, unknown[]]>([
    ['an empty ID cell', `id,x\n,1\n${A},2\n`, [reject('not-an-id', 2, ',1'), id(A, 3)]],
    ['a word', `${A}\nnonsense\n${B}`, [id(A, 1), reject('not-an-id', 2, 'nonsense'), id(B, 3)]],
    ['a word in the first line', `nonsense\n${A}\n`, [reject('not-an-id', 1, 'nonsense'), id(A, 2)]],
    [
      'a GUID without hyphens',
      `${A}\n${B.replaceAll('-', '')}`,
      [id(A, 1), reject('not-an-id', 2, B.replaceAll('-', ''))],
    ],
    ['an open brace', `${A}\n{${B}`, [id(A, 1), reject('not-an-id', 2, `{${B}`)]],
    ['a device ID', `${A}\n${DEVICE}`, [id(A, 1), reject('not-an-id', 2, DEVICE)]],
    ['two IDs in a line of a plain list', `${A}\n${B},${C}\n`, [id(A, 1), reject('bad-row', 2, `${B},${C}`)]],
    ['a row with a cell too few', `id,x,y\n${A},1\n${B},1,2\n`, [reject('bad-row', 2, `${A},1`), id(B, 3)]],
    ['a row with a cell too many', `id,x\n${A},1,2\n${B},1\n`, [reject('bad-row', 2, `${A},1,2`), id(B, 3)]],
    ['a quote that ends too early', `id,x\n"${A}"z,1\n${B},1\n`, [reject('not-an-id', 2, `"${A}"z`), id(B, 3)]],
    [
      'a quote open to the next quote of its line',
      `id,x\n"${A},"1"\n"${B}","2"\n`,
      [reject('bad-row', 2, `"${A},"1"`), id(B, 3)],
    ],
  ])('readIds rejects %s with its line and goes on', async (_, content, rows) => {
    expect(await rowsOf(content)).toEqual(rows);
  });

  it('readIds keeps 100 characters of what it rejects', async () => {
    const rows = await rowsOf(`${A}\n${'x'.repeat(5000)}\n`);
    expect(rows[1]).toEqual(reject('not-an-id', 2, 'x'.repeat(100)));
  });

  it('readIds hands duplicates out each time: the ledger knows them', async () => {
    expect(await rowsOf(`${A}\n${A}\n`)).toEqual([id(A, 1), id(A, 2)]);
  });

  it.each<[string, string, string, unknown[]]>([
    ['by name', 'Ref', `id,ref\n${A},${B}\n`, [id(B, 2)]],
    ['by name, whatever the delimiter', 'ref', `host;ref\nh;${B}\n`, [id(B, 2)]],
    ['by its exact name before a similar one', 'Ref', `ref,Ref\n${A},${B}\n`, [id(B, 2)]],
    ['by number', '2', `x,y\n${A},${B}\n`, [id(B, 2)]],
    ['by number without a header', '2', `h,${A}\nh,${B}\n`, [id(A, 1), id(B, 2)]],
    ['by a name that is a number', '7', `6,7\n${A},${B}\n`, [id(B, 2)]],
  ])('readIds finds the column %s', async (_, column, content, rows) => {
    expect(await rowsOf(content, { column })).toEqual(rows);
  });

  it.each<[string, string | Uint8Array, { column?: string }, RegExp]>([
    ['nothing', '', {}, /^list\.csv is empty/],
    ['blank lines alone', '\n \r\n', {}, /^list\.csv is empty/],
    ['a byte order mark alone', Buffer.from([0xff, 0xfe]), {}, /^list\.csv is empty/],
    ['a header without rows', 'id,x\n', {}, /has a header and no rows/],
    [
      'a comment that is too long',
      `id,comment\n${A},x\n${B},${'y'.repeat(1025)}\n`,
      {},
      /^list\.csv, line 3: the comment is longer/,
    ],
    ['a comment with an escape', `id,comment\n${A},\u001b[2J\n`, {}, /line 2: the comment holds a control character/],
    ['comment lines after an empty start', `# x\n#${A}`, {}, /is empty/],
    [
      'columns without an ID among them',
      'Device,State\nh,on\n',
      {},
      /no column of action IDs; its first row has "Device", "State"/,
    ],
    ['several columns without a header', `h,${A}\n`, {}, /has 2 columns and no header line: .* --column 2/],
    [
      'several columns that may be it',
      `id,actionId\n${A},${B}\n`,
      {},
      /several columns .*\("id", "actionId"\).*--column/,
    ],
    ['two columns of the same name', `id,id\n${A},${B}\n`, {}, /several columns/],
    [
      'a column that is not there',
      `id,x\n${A},1\n`,
      { column: 'ref' },
      /no column named "ref"; its first row has "id", "x"/,
    ],
    ['a column twice', `ref,ref\n${A},1\n`, { column: 'ref' }, /2 columns named "ref": .* number .*\(1, 2\)/],
    ['a column number too high', `id,x\n${A},1\n`, { column: '3' }, /has 2 columns, so there is no column 3/],
    ['not a single ID', 'id\nx\ny\n', {}, /not a single action ID in column 1: an action ID is a GUID/],
    ['device IDs in a list', `${DEVICE}\n${DEVICE}\n`, {}, /device IDs \(forty hex digits\), not action IDs/],
    ['device IDs in a column', `id,x\n${DEVICE},1\n`, {}, /device IDs \(forty hex digits\), not action IDs/],
    ['a zero byte', `${A}\n${B}\0\n`, {}, /not text \(a zero byte in line 2\)/],
    [
      'bytes that are not UTF-8',
      Buffer.from([...Buffer.from(`${A}\n\ufffd\n`), 0xe9, 0x41]),
      {},
      /not valid UTF-8 text in line 3/,
    ],
    [
      'a cut UTF-8 character at the end',
      Buffer.from([...Buffer.from(`${A}\n`), 0xe2, 0x82]),
      {},
      /not valid UTF-8 text in line 2/,
    ],
    ['half a UTF-16 unit', Buffer.from([0xff, 0xfe, 0x41, 0, 0x41]), {}, /not valid UTF-16LE text in line 1/],
    ['UTF-16 without a mark', Buffer.from(A, 'utf16le'), {}, /not text \(a zero byte in line 1\)/],
    ['a compressed file', Buffer.from([0x1f, 0x8b, 8, 0]), {}, /compressed \(gzip\), not text: unpack it with gunzip/],
    [
      'IDs with a bullet each',
      `- ${A}\n- ${B}\n`,
      {},
      /but a GUID among other text in line 1: write the action IDs alone/,
    ],
    ['IDs on one line', `${A} ${B} ${A}\n`, {}, /but a GUID among other text in line 1/],
    ['a table of text', `| id | x |\n|----|---|\n| ${A} | y |\n`, {}, /but a GUID among other text in line 3/],
    ['a PDF', Buffer.from('%PDF-1.4\n%\xe2\xe3', 'latin1'), {}, /is a PDF, not text: get the list itself/],
    [
      'a page',
      Buffer.from(`\ufeff\n<!DOCTYPE html>\n<td>\n${A}\n</td>\n`),
      {},
      /is an HTML page, as of a sign-in or an error, and no list of action IDs: get the list itself/,
    ],
    ['a page without a beginning', Buffer.from(`<HTML lang="en">\n${A}\n`), {}, /is an HTML page/],
    ['XML', Buffer.from(`<?xml version="1.0"?>\n<Row>\n${A}\n</Row>\n`), {}, /is XML and no list of action IDs/],
    ['a workbook', Buffer.from('PK\x03\x04rest'), {}, /Excel workbook, not text: save the sheet as CSV/],
    ['a first line without end', 'x'.repeat(70_000), {}, /begins with a line of over 65536 characters/],
    ['a quote open to the end', `id,x\n${A},1\n${B},"2\nmore\n`, {}, /quote after line 2 that is never closed/],
    ['a quote open in the first row', `"id,x\n1,2\n`, {}, /quote in its first row that is never closed/],
    [
      'a row of over a million characters',
      `id,x\n${A},1\n${B},"${'y\n'.repeat(600_000)}`,
      {},
      /row of over 1000000 characters after line 2, or a quote that is never closed/,
    ],
    [
      'a quote that swallows rows',
      `id,x\n${A},"1\n${B},2\n${C},"3"\n`,
      {},
      /quote in line 2 that is still open in line 3/,
    ],
    [
      'a quote that swallows rows of a plain list',
      `"${A}\n${B}\n"${C}\n`,
      {},
      /quote in line 1 that is still open in line 2/,
    ],
    [
      'a header whose quote swallows rows',
      `id,"x\n${A},2"\n${C},3\n`,
      {},
      /quote in line 1 that is still open in line 2/,
    ],
    [
      'control characters in what it quotes',
      'Dev\u001b[31m\u202eice,"Sta\nte"\nh,on\n',
      {},
      /first row has "Dev \[31m ice", "Sta te"/,
    ],
  ])('readIds refuses %s in one sentence', async (_, content, options, message) => {
    const { error } = await readAll(content, options);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as UsageError).message).toMatch(message);
    expect((error as UsageError).message).not.toContain('\n');
    expect((error as UsageError).exitCode).toBe(2);
  });

  it.each<[string, string]>([
    ['when its rows are no longer taken', `id\n${A}\n${B}\n`],
    ['when it is refused', `x,y\n${A},${B}\n`],
  ])('readIds lets the source go %s', async (_, content) => {
    let released = false;
    async function* source() {
      try {
        for (let n = 0; n < 100_000; n += 1) yield Buffer.from(content);
      } finally {
        released = true;
      }
    }
    try {
      for await (const row of readIds(source(), { name: 'list.csv' })) if (row.kind === 'id') break;
    } catch (error) {
      expect(error).toBeInstanceOf(UsageError);
    }
    expect(released).toBe(true);
  });

  it('readIds sums up the raw bytes, byte order mark and all', async () => {
    const bytes = Buffer.from(`\ufeffid\r\n${A}\r\n`, 'utf16le');
    const { summary } = await readAll(bytes);
    expect(summary).toEqual({ bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
  });

  describe('files as other programs write them', () => {
    it.each<[string, unknown[]]>([
      ['powershell5-export-csv.csv', [id(A, 3), id(B, 4), id(C, 5)]],
      ['powershell5-export-csv-unicode.csv', [id(A, 3), id(B, 4), id(C, 5)]],
      ['powershell7-export-csv.csv', [id(A, 2), id(B, 3), id(C, 4)]],
      ['powershell5-redirect.txt', [id(A, 1), id(B, 2), id(C, 3)]],
      ['excel-unicode-text.txt', [id(A, 2, 'stop'), id(B, 3, 'two\nlines'), id(C, 5, 'stop')]],
      ['excel-csv-utf8-semicolon.csv', [id(A, 2, 'stop'), id(B, 3, 'two\nlines'), id(C, 5, 'stop')]],
      ['defender-portal.csv', [id(A, 2), id(B, 3), id(C, 5)]],
    ])('a file as another program writes it is read: %s', async (name, rows) => {
      const bytes = readFileSync(new URL(`fixtures/${name}`, import.meta.url));
      expect(await rowsOf(bytes)).toEqual(rows);
    });

    it('excel-csv-windows-1252.csv is refused, with the way to save it', async () => {
      const bytes = readFileSync(new URL('fixtures/excel-csv-windows-1252.csv', import.meta.url));
      const { error } = await readAll(bytes);
      expect((error as Error).message).toMatch(
        /not valid UTF-8 text in line 2: save it as UTF-8 \(in Excel: "CSV UTF-8"\)/,
      );
    });
  });
});

describe('a source that is another file', () => {
  async function readStream(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, column?: string) {
    async function* bytes() {
      yield* chunks;
    }
    let rejected = 0;
    let ids = 0;
    try {
      for await (const row of readIds(bytes(), { name: 'list.csv', column })) row.kind === 'id' ? ids++ : rejected++;
    } catch (error) {
      return { ids, rejected, error: error as Error };
    }
    return { ids, rejected, error: undefined };
  }

  function* endless(text: string): Generator<Uint8Array> {
    const chunk = Buffer.from(text.repeat(Math.ceil(16_384 / text.length)));
    for (;;) yield chunk;
  }

  it.each<[string, string, RegExp]>([
    ['words', 'y\n', /read to line 10000, holds not a single action ID/],
    ['device IDs', `${DEVICE}\n`, /device IDs/],
    ['rows with commas', 'a,b\nc,d\n', /no column of action IDs/],
    ['rows under a header', 'id,x\n', /holds not a single action ID in column 1/],
    ['blank lines', '\n', /nothing but blank lines/],
    ['comments', '# x\n', /nothing but blank lines and comments/],
    ['one line', 'x', /line of over 65536 characters/],
    ['zero bytes', '\0', /zero byte/],
  ])('a source that is another file is given up when it goes on for ever with %s', async (_, text, message) => {
    const { rejected, error } = await readStream(endless(text));
    expect(error).toBeInstanceOf(UsageError);
    expect(error?.message).toMatch(message);
    expect(rejected).toBeLessThanOrEqual(10_000);
  });

  it('a source that is another file is given up after ten thousand invalid rows, also when it begins with an ID', async () => {
    const { ids, rejected, error } = await readStream([Buffer.from(`${A}\n${'x\n'.repeat(50_000)}`)]);
    expect(error?.message).toMatch(
      /is not a list of action IDs: of the rows up to line 10001, 10000 hold none and 1 hold/,
    );
    expect([ids, rejected]).toEqual([1, 10_000]);
  });

  it('a source that is another file is read where invalid rows are many, but not ten times the IDs', async () => {
    const { ids, rejected, error } = await readStream([Buffer.from(`${A}\n${'x\n'.repeat(9)}`.repeat(3000))]);
    expect([error, ids, rejected]).toEqual([undefined, 3000, 27_000]);
  });
});

describe('several IDs in one row', () => {
  const device = 'machineId';
  it.each<[string, string, unknown[]]>([
    ['are taken by the column that a header names', `id,correlationId\n${A},${B}\n`, [id(A, 2)]],
    ['are taken with device IDs beside them', `${device};ActionId;tenant\n${DEVICE};${A};${B}\n`, [id(A, 2)]],
    ['may be the same one twice', `id,actionKey\n${A},${A}\n`, [id(A, 2)]],
    ['are named where the list has one column', `${A}\n${B}, ${C}\n`, [id(A, 1), reject('bad-row', 2, `${B}, ${C}`)]],
    ['are named with blanks between them', `${A}\n${B} ${C}\n`, [id(A, 1), reject('not-an-id', 2, `${B} ${C}`)]],
  ])('several IDs in one row %s', async (_, content, rows) => {
    expect(await rowsOf(content)).toEqual(rows);
  });

  it.each(['1', '2', '3', undefined])(
    'several IDs in one row without a header are refused, with or without --column %s',
    async (column) => {
      for (const content of [`${A}, ${B}, ${C}\n`, `${A};${B};${C}\n`, `${A}\t"${B}"\t{${C}}\n`]) {
        const { rows, error } = await readAll(content, { column });
        expect(rows).toEqual([]);
        expect(error).toBeInstanceOf(UsageError);
        expect(String(error)).toMatch(/3 IDs in its first row and no header line.*one action ID a line/);
      }
    },
  );

  it('several IDs in one row in a later row without a header are named, and nothing of the row is taken', async () => {
    const rows = await rowsOf(`h1,${A}\n${B},${C}\nh3,${DEVICE}\n`, { column: '2' });
    expect(rows).toEqual([id(A, 1), reject('bad-row', 2, `${B},${C}`), reject('not-an-id', 3, DEVICE)]);
  });

  it('several IDs in one row stand in another column than the one chosen, which is said', async () => {
    const { error } = await readAll(`h1,${A}\nh2,${B}\n`, { column: '1' });
    expect(String(error)).toMatch(/an action ID in column 2 of its first row and none in column 1/);
  });
});
