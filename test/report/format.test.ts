import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatShare, formatTime, plural, wrap } from '../../src/report/format.ts';
import { textTable } from '../../src/report/table.ts';

describe('numbers and times', () => {
  test.each([
    [0, 0, '0 %'],
    [0, 10, '0 %'],
    [10, 10, '100 %'],
    [99_999, 100_000, '99.9 %'],
    [19_960, 20_000, '99.8 %'],
    [1, 100_000, '<0.1 %'],
    [1, 16, '6.3 %'],
    [2, 3, '67 %'],
  ])('%i of %i is %s: never all or nothing for what is only nearly so', (part, whole, text) => {
    expect(formatShare(part, whole)).toBe(text);
  });

  test('counts are grouped, and one is one', () => {
    expect(plural(1, 'action')).toBe('1 action');
    expect(plural(1500, 'action')).toBe('1,500 actions');
  });

  test('times are UTC wherever the machine stands', () => {
    expect(formatTime(Date.parse('2026-03-02T22:00:05.900+05:00'))).toBe('2026-03-02 17:00:05 UTC');
  });
});

describe('lines on a terminal', () => {
  test('lines on a terminal are wrapped at blanks and lose no word', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1 }),
        fc.integer({ min: 12, max: 80 }),
        (words, columns) => {
          const lines = wrap(words.join(' '), columns);
          expect(lines.join(' ')).toBe(words.join(' '));
          for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
        },
      ),
    );
  });

  test('lines on a terminal keep a number and its unit together', () => {
    expect(wrap('15,000 calls in 10 s and 6.3 % more', 19)).toEqual(['15,000 calls in', '10 s and 6.3 % more']);
  });

  test.each([
    ['Pending 33, Succeeded 9, Cancelled 3', 34, ['Pending 33, Succeeded 9,', 'Cancelled 3']],
    ['left: accepted 67, not called 1,174; and on', 30, ['left: accepted 67, not', 'called 1,174; and on']],
    ['Failed 1', 4, ['Failed 1']],
  ])('lines on a terminal keep a name and how many there are of it together: %s', (text, columns, lines) => {
    expect(wrap(text, columns)).toEqual(lines);
    const cell = wrap(text, columns).join(`\n${' '.repeat(6)}`);
    const heads = [{ head: 'Type' }, { head: 'Status' }];
    expect(textTable(heads, [['a', text]], { columns: columns + 8, plain: true })).toContain(`\na     ${cell}`);
  });

  test('lines on a terminal of a table keep every word of a cell that is too long for them', () => {
    const means = 'refused for another reason than permission, or all of its attempts were used up';
    const text = textTable([{ head: 'Name' }, { head: 'Meaning' }], [['failed', means]], { columns: 40, plain: true });
    const lines = text.split('\n');
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(40);
    expect(
      lines
        .slice(2)
        .map((line) => line.slice(8))
        .join(' '),
    ).toBe(means);
  });
});
