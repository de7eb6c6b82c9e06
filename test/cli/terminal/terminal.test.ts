import { describe, expect, test } from 'vitest';
import { reportTerminal, terminalOf } from '../../../src/cli/terminal/terminal.ts';

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
