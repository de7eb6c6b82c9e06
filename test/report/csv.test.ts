import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cleanLine } from '../../src/clean.ts';
import { withoutApostrophes } from '../../src/intake/own-text.ts';
import { csvText, failedCsv, outcomesCsv, PIPED, planCsv, releaseCsv } from '../../src/report/csv.ts';
import { guid, Script } from './records.ts';
import { EVERY_FATE, planStory, runStory } from './stories.ts';
import { viewOf } from './views.ts';

type Row = Record<string, string>;

const view = viewOf(runStory());
const rowsOf = (pieces: Iterable<string>) =>
  parse([...pieces].join(''), { columns: true, bom: true }) as unknown as Row[];

describe('CSV', () => {
  test('CSV begins with a byte order mark and ends every line with CRLF', () => {
    const text = [...outcomesCsv([view])].join('');
    expect(text.startsWith('\uFEFFid,outcome,')).toBe(true);
    expect(text.endsWith('\r\n')).toBe(true);
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
  });

  const cellOf = (cell: string, as?: 'read again'): string => {
    const column =
      as === undefined ? (['a', (row: string) => row] as const) : (['a', (row: string) => row, as] as const);
    const rows = parse([...csvText([column], [cell])].join(''), { bom: true }) as string[][];
    expect(rows).toHaveLength(2);
    return rows[1]?.[0] ?? '';
  };

  test.each([
    '=1+1',
    '+1',
    '-1',
    '@SUM(A1)',
    '\tx',
    '\rx',
    '\t=1',
    "=cmd|'/c calc'!A1",
    '  =1',
    '" =1',
    "'=1",
    '\u00a0=1',
    '\uff1d1+1',
  ])('CSV neutralises a text that begins like a formula: %j', (cell) => {
    expect(cellOf(cell)).toBe(`'${cleanLine(cell)}`);
  });

  test('CSV shows what is invisible before a formula, which is none then', () => {
    expect(cellOf('\u200b=1+1')).toBe('\\u200b=1+1');
    expect(cellOf('\u202e=1+1')).toBe('\\u202e=1+1');
  });

  test('CSV neutralises what is a cell of its own where a spreadsheet cuts at semicolons', () => {
    expect(cellOf("x;=cmd|'/c calc'!A1;y")).toBe("x;'=cmd|'/c calc'!A1;y");
  });

  test('CSV keeps our own numbers as numbers', () => {
    expect([...csvText([['a', (row: number) => row]], [-5])].join('')).toBe('\uFEFFa\r\n-5\r\n');
  });

  test('CSV has one line for each row, and only what is read again keeps its line ends', () => {
    expect(cellOf('a\nb\r\nc\u2028d')).toBe('a\\nb\\r\\nc\\u2028d');
    expect(cellOf('a\r\n"b"\n=c', 'read again')).toBe('a\n"b"\n\'=c');
  });

  test('CSV comes without a byte order mark and with plain line ends for a pipe', () => {
    expect([...csvText([['a', (row: string) => row]], ['b'], PIPED)].join('')).toBe('a\nb\n');
  });

  test('CSV gives back a comment as it was, when the list is a source again', () => {
    const unit = fc.constantFrom('=', '+', '-', '@', "'", '"', ';', ' ', ',', '\n', 'a', '5', '\uff1d', 'ü');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 12 }), (text) => {
        const comment = text.trim();
        expect(withoutApostrophes(cellOf(comment, 'read again').trim())).toBe(comment);
      }),
      { numRuns: 2000 },
    );
  });

  test('CSV leaves every other cell as it is, but for what must not reach a terminal', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 5 }), (cells) => {
        const harmless = cells.map((cell) => `x${cell.replaceAll(';', '')}`);
        const text = [...csvText([['a', (row: string) => row]], harmless)].join('');
        expect(parse(text, { bom: true })).toEqual([['a'], ...harmless.map((cell) => [cleanLine(cell)])]);
      }),
    );
  });

  test('CSV is the same whether it is made of few rows or of many', () => {
    const rows = Array.from({ length: 2500 }, (_, i) => i);
    const text = [...csvText([['n', (row: number) => row]], rows)].join('');
    expect(text).toBe(`\uFEFFn\r\n${rows.map((n) => `${n}\r\n`).join('')}`);
  });
});

describe('the list of outcomes', () => {
  const rows = rowsOf(outcomesCsv([view]));

  test('the list of outcomes has a row for every action, in the order of admission', () => {
    expect(rows.map(({ id }) => id)).toEqual(EVERY_FATE.map((_, i) => guid(i + 1)));
    expect(rows.map(({ outcome }) => outcome)).toEqual(EVERY_FATE.map(({ outcome }) => outcome ?? 'open'));
  });

  test('the list of outcomes has the columns that people were promised', () => {
    expect(Object.keys(rows[0] ?? {})).toEqual([
      'id',
      'outcome',
      'status',
      'type',
      'device',
      'device ID',
      'requestor',
      'created',
      'attempts',
      'HTTP status',
      'code',
      'correlation',
      'first sent',
      'answered',
      'detail',
    ]);
  });

  test('the list of outcomes gives the answer of an action that failed', () => {
    expect(rows.find(({ code }) => code === 'BadRequest')).toMatchObject({
      outcome: 'failed',
      attempts: '1',
      'HTTP status': '400',
      correlation: 'corr-000c',
      detail: `'=cmd|calc!A1 "quoted"`,
      device: '<script>window.injected = 1</script>',
    });
  });
});

describe('the list of what needs a look', () => {
  test('the list of what needs a look names exactly those actions, the ID first, so that run takes it', () => {
    const rows = rowsOf(failedCsv([view]));
    const looks = ['ran-anyway', 'ran-anyway', 'not-found', 'forbidden', 'failed', 'failed', 'unconfirmed', 'unknown'];
    expect(rows.map(({ outcome }) => outcome)).toEqual(looks);
    expect(Object.keys(rows[0] ?? {})[0]).toBe('id');
    expect(Object.keys(rows[0] ?? {})).not.toContain('comment');
  });

  test('the list of what needs a look keeps the comments of the source where it had them', () => {
    const script = new Script().open().add('admit', { id: guid(1), line: 1, comment: 'INC-1, urgent' });
    script.add('start', { by: 'yes', count: 1 }).add('outcome', { id: guid(1), outcome: 'failed', attempts: 0 });
    expect(rowsOf(failedCsv([viewOf(script.records)]))).toMatchObject([{ id: guid(1), comment: 'INC-1, urgent' }]);
  });
});

test('the list of isolations that may need release names action, device and since when', () => {
  const rows = rowsOf(releaseCsv([view]));
  expect(rows).toHaveLength(2);
  expect(rows[0]).toEqual({
    'action ID': guid(3),
    'device ID': `${'a'.repeat(39)}3`,
    'device name': 'desktop-3.contoso.com',
    since: view.state.actions.get(guid(3))?.screen?.created,
  });
});

test('the list of a plan gives each action its decision and the reason', () => {
  const { records, facts } = planStory();
  const rows = rowsOf(planCsv([viewOf(records)], facts));
  expect(rows).toHaveLength(EVERY_FATE.length);
  expect(rows.filter(({ decision }) => decision === 'excluded')).toMatchObject([{ reason: 'only type Isolate' }]);
  expect(rows.filter(({ decision }) => decision === 'cancel')).toHaveLength(12);
});
