import { expect, test } from 'vitest';
import { nextTurnMs, readRecurrence } from '../../src/fleet/cron.ts';

/** The turns after a moment. */
function turnsAfter(cron: string, tz: string, from: string, count: number): string[] {
  const turns: string[] = [];
  let atMs = Date.parse(from);
  while (turns.length < count) {
    atMs = nextTurnMs({ cron, tz }, atMs);
    turns.push(new Date(atMs).toISOString().slice(0, 16));
  }
  return turns;
}

test('a turn in the hour that summer time leaves out comes an hour later, and one in the hour that it repeats comes once', () => {
  const zurich = (from: string) => turnsAfter('30 2 * * *', 'Europe/Zurich', from, 3);
  expect(zurich('2026-03-28T00:00Z')).toEqual(['2026-03-28T01:30', '2026-03-29T01:30', '2026-03-30T00:30']);
  expect(zurich('2026-10-24T00:00Z')).toEqual(['2026-10-24T00:30', '2026-10-25T00:30', '2026-10-26T01:30']);
});

test('fields are read as everywhere, and with single blanks between them', () => {
  expect(readRecurrence(' 0  2 * * mon-fri ', 'UTC')).toEqual({ cron: '0 2 * * mon-fri', tz: 'UTC' });
  expect(turnsAfter('0 2 * * mon-fri', 'UTC', '2026-03-28T12:00Z', 2)).toEqual([
    '2026-03-30T02:00',
    '2026-03-31T02:00',
  ]);
});

test.each([
  ['a field is missing', '0 2 * *'],
  ['there are seconds', '0 0 2 * * *'],
  ['it is a word', '@daily'],
  ['it is a rule of a calendar', 'FREQ=DAILY'],
  ['a minute is left to chance', 'H 2 * * *'],
  ['an hour is none', '0 25 * * *'],
  ['there is no such day', '0 0 31 2 *'],
  ['it is empty', ' '],
])('where %s, --cron is refused with how it is written', (_what, cron) => {
  expect(() => readRecurrence(cron, 'UTC')).toThrow(/^--cron must be five fields, .* such as '0 2 \* \* \*'/);
});

test.each([
  ['europe/zurch', ': did you mean Europe/Zurich?'],
  ['local', ''],
  ['+02:00', ''],
])('the time zone %s is refused with the name that was meant', (tz, meant) => {
  expect(() => readRecurrence('0 2 * * *', tz)).toThrow(
    `--tz must be a time zone such as Europe/Zurich or UTC, not "${tz}"${meant}`,
  );
});
