import { describe, expect, test } from 'vitest';
import { callBack, reportTerminal, terminalOf } from '../../../src/cli/terminal/terminal.ts';

describe('a stream', () => {
  const tty = { isTTY: true, columns: 90 };

  test.each([
    ['a pipe', { isTTY: false }, {}, { isTerminal: false, columns: 80, colour: false }],
    ['a terminal', tty, {}, { isTerminal: true, columns: 90, colour: true }],
    [
      'one that was never told its size',
      { isTTY: true, columns: 0 },
      {},
      { isTerminal: true, columns: 80, colour: true },
    ],
    ['NO_COLOR', tty, { NO_COLOR: '1' }, { isTerminal: true, columns: 90, colour: false }],
    ['CI', tty, { CI: 'true' }, { isTerminal: false, columns: 90, colour: false }],
    ['a dumb terminal', tty, { TERM: 'dumb' }, { isTerminal: false, columns: 90, colour: false }],
    ['empty variables', tty, { NO_COLOR: '', CI: '' }, { isTerminal: true, columns: 90, colour: true }],
  ])('a stream is taken for what it is: %s', (_, stream, env, expected) => {
    expect(terminalOf(stream, env)).toEqual(expected);
  });

  test.each([
    ['a pipe', { isTTY: false }, { columns: 80, plain: true }],
    ['a terminal', tty, { columns: 90, plain: false }],
    ['a wide one, so that lines stay readable', { isTTY: true, columns: 400 }, { columns: 100, plain: false }],
    ['a narrow one', { isTTY: true, columns: 20 }, { columns: 40, plain: false }],
  ])('a stream is given a report that fits: %s', (_, stream, expected) => {
    expect(reportTerminal(stream, {})).toEqual(expected);
  });
});

describe('somebody who waited', () => {
  const tty = { isTTY: true, columns: 90 };
  const called = (tookMs: number, stream: { isTTY: boolean }, env: Record<string, string>) =>
    callBack('countermand run: exit 3', tookMs, terminalOf(stream, env), env);

  test('somebody who waited for longer than a minute is called back by title and bell', () => {
    expect(called(60_000, tty, { TERM: 'xterm-256color' })).toBe('\u001b]0;countermand run: exit 3\u0007\u0007');
    expect(called(60_000, tty, { TERM: 'linux' })).toBe('\u0007');
  });

  test.each([
    ['after less than a minute', 59_999, tty, { TERM: 'xterm' }],
    ['in a pipe', 90_000, { isTTY: false }, { TERM: 'xterm' }],
    ['in CI', 90_000, tty, { TERM: 'xterm', CI: 'true' }],
    ['at a dumb terminal', 90_000, tty, { TERM: 'dumb' }],
  ])('somebody who waited is not called %s', (_, tookMs, stream, env) => {
    expect(called(tookMs, stream, env as unknown as Record<string, string>)).toBe('');
  });
});
