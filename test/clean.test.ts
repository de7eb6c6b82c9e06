import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cleanDeep, cleanJson, cleanLine, cleanOwn } from '../src/clean.ts';
import { dangerousIn } from './support/dangerous.ts';

const hostile = fc.constantFrom(
  ...[
    '\u001b[1A\u001b[2K',
    '\u009b2J',
    '\u0007',
    '\u202e',
    '\u2028',
    '\r',
    '\n',
    '\t',
    '\u0000',
    '\u007f',
    '\u200d',
    '\ufe0f',
  ],
  ...[
    '\u001b]8;;http://x\u0007',
    '\u001b]0;title\u001b\\',
    '\u001bPq\u001b\\',
    '\ud800',
    '\udfff',
    '\u{e0041}',
    '\u00ad',
    '\u2066',
  ],
);
const anyText = fc
  .array(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), hostile))
  .map((parts) => parts.join(''));

describe('cleaned text', () => {
  test('cleaned text holds no character that drives a terminal, ends a line, turns the reading order or cannot be seen', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(dangerousIn(cleanLine(text))).toEqual([]);
      }),
      { numRuns: 3000 },
    );
  });

  test('cleaned text is not changed by cleaning it again', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const once = cleanLine(text);
        expect(cleanLine(once)).toBe(once);
        expect(cleanOwn(once)).toBe(once);
        expect(cleanJson(once)).toBe(once);
      }),
      { numRuns: 3000 },
    );
  });

  test.each([
    'Zoë Müller-Groß, Łódź, crème brûlée',
    '電腦-01 コンピュータ 컴퓨터',
    'מחשב حاسوب नेटवर्क',
    '👩‍💻 👨‍👩‍👧‍👦 🏳️‍🌈 ❤️ 👍🏽 1️⃣ 🧑🏿‍🚀 ✈️',
    '100 % <ok> "quoted" `x` \\x1b',
  ])('cleaned text keeps ordinary text: %s', (text) => {
    expect(cleanLine(text)).toBe(text);
    expect(cleanJson(text)).toBe(text);
  });

  test('cleaned text shows what was there as an escape', () => {
    expect(cleanLine('a\u001b[2K\rb\nc\td\u202ee\u{e0041}\ud800f')).toBe(
      'a\\x1b[2K\\rb\\nc d\\u202ee\\u{e0041}\\ud800f',
    );
  });

  test('cleaned text keeps a joiner inside an emoji only: anywhere else it hides', () => {
    expect(cleanLine('PC\u200d1 x\ufe0f 👩\u200d')).toBe('PC\\u200d1 x\\ufe0f 👩\\u200d');
  });

  test('cleaned text as JSON is the same value, in harmless characters', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const json = JSON.stringify({ [text]: [text] }, undefined, 2);
        const clean = cleanJson(json);
        expect(JSON.parse(clean)).toEqual(JSON.parse(json));
        expect(dangerousIn(clean, ['\n'])).toEqual([]);
      }),
    );
  });

  test('cleaned text of our own keeps lines, colour and weight, and nothing else that a terminal obeys', () => {
    const own = '\u001b[1m\u001b[33mhead\u001b[39m\u001b[22m\nline\n';
    expect(cleanOwn(own)).toBe(own);
    expect(cleanOwn('a\u001b[1Ab\u001b[2Kc\u001b]0;x\u0007\r')).toBe('a\\x1b[1Ab\\x1b[2Kc\\x1b]0;x\\x07\\r');
  });

  test('cleaned text of plain data is cleaned in every text of it, and nothing else is changed', () => {
    expect(cleanDeep({ a: ['\u001b', 1, null], b: { c: '\n' }, d: undefined })).toEqual({
      a: ['\\x1b', 1, null],
      b: { c: '\\n' },
      d: undefined,
    });
  });
});
