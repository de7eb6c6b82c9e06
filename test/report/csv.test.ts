import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { csvText, failedCsv, outcomesCsv, planCsv, releaseCsv } from '../../src/report/csv.ts';
import { viewOf } from './books.ts';
import { guid, Script } from './records.ts';
import { EVERY_FATE, planStory, runStory } from './stories.ts';

type Row = Record<string, string>;

const view = viewOf(runStory());
const rowsOf = (pieces: Iterable<string>) =>
  parse([...pieces].join(''), { columns: true, bom: true }) as unknown as Row[];

describe('CSV', () => {
  test('begins with a byte order mark and ends every line with CRLF', () => {
    const text = [...outcomesCsv([view])].join('');
    expect(text.startsWith('\uFEFFid,outcome,')).toBe(true);
    expect(text.endsWith('\r\n')).toBe(true);
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
  });

  test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx', '=cmd|calc!A1'])(
    'neutralises a cell that begins like a formula: %j',
    (cell) => {
      const text = [...csvText([['a', (row: string) => row]], [cell])].join('');
      expect(parse(text, { bom: true })).toEqual([['a'], [`'${cell}`]]);
    },
  );

  test('leaves every other cell as it is, whatever it holds', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 5 }), (cells) => {
        const harmless = cells.map((cell) => `x${cell}`);
        const text = [...csvText([['a', (row: string) => row]], harmless)].join('');
        expect(parse(text, { bom: true })).toEqual([['a'], ...harmless.map((cell) => [cell])]);
      }),
    );
  });

  test('is the same whether it is made of few rows or of many', () => {
    const rows = Array.from({ length: 2500 }, (_, i) => i);
    const text = [...csvText([['n', (row: number) => row]], rows)].join('');
    expect(text).toBe(`\uFEFFn\r\n${rows.map((n) => `${n}\r\n`).join('')}`);
  });
});

describe('the list of outcomes', () => {
  const rows = rowsOf(outcomesCsv([view]));

  test('has a row for every action, in the order of admission', () => {
    expect(rows.map(({ id }) => id)).toEqual(EVERY_FATE.map((_, i) => guid(i + 1)));
    expect(rows.map(({ outcome }) => outcome)).toEqual(EVERY_FATE.map(({ outcome }) => outcome ?? 'open'));
  });

  test('has the columns that people were promised', () => {
    expect(Object.keys(rows[0] ?? {})).toEqual([
      'id',
      'outcome',
      'status',
      'type',
      'device',
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

  test('gives the answer of an action that failed', () => {
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
  test('names exactly those actions, the ID first, so that run takes it', () => {
    const rows = rowsOf(failedCsv([view]));
    const looks = ['ran-anyway', 'ran-anyway', 'not-found', 'forbidden', 'failed', 'failed', 'unconfirmed', 'unknown'];
    expect(rows.map(({ outcome }) => outcome)).toEqual(looks);
    expect(Object.keys(rows[0] ?? {})[0]).toBe('id');
    expect(Object.keys(rows[0] ?? {})).not.toContain('comment');
  });

  test('keeps the comments of the source where it had them', () => {
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
    since: view.book.actions.get(guid(3))?.screen?.created,
  });
});

test('the list of a plan gives each action its decision and the reason', () => {
  const { records, facts } = planStory();
  const rows = rowsOf(planCsv([viewOf(records)], facts));
  expect(rows).toHaveLength(EVERY_FATE.length);
  expect(rows.filter(({ decision }) => decision === 'excluded')).toMatchObject([{ reason: 'only type Isolate' }]);
  expect(rows.filter(({ decision }) => decision === 'cancel')).toHaveLength(12);
});
