import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cleanLine } from '../src/clean.ts';
import { makeRedact } from '../src/redact.ts';

const SECRET = 'Xy8~Q/abc+def"ghi=jkl m.no';
const redact = makeRedact(() => [SECRET, 'short', 'sixsix']);

const base64 = (text: string) => Buffer.from(text, 'utf8').toString('base64');

describe('a known secret', () => {
  test.each([
    ['as it is', SECRET],
    ['in a URL', encodeURIComponent(SECRET)],
    ['in a form', encodeURIComponent(SECRET).replaceAll('%20', '+')],
    ['in a URL with small hex digits', encodeURIComponent(SECRET).replaceAll(/%../g, (code) => code.toLowerCase())],
    ['in JSON', JSON.stringify(SECRET).slice(1, -1)],
  ])('a known secret is taken out %s', (_, spelt) => {
    expect(redact(`before ${spelt} after ${spelt}`)).toBe('before [secret] after [secret]');
  });

  test.each(['', 'u', 'us', 'usr', 'user'])(
    'a known secret is taken out of base64 behind %j, whatever its place in the group',
    (before) => {
      const shown = redact(`Basic ${base64(`${before}:${SECRET}:`)}`);
      expect(shown).toContain('[secret]');
      expect(Buffer.from(shown.replace(/.*\[secret\]/, ''), 'base64').toString()).not.toContain(SECRET.slice(-3));
    },
  );

  test('a known secret is taken out where a text was cut within it, from 16 characters on', () => {
    expect(redact(`line 1: ${SECRET.slice(0, 20)}…`)).toBe('line 1: [secret]…');
    expect(redact(`line 1: ${SECRET.slice(0, 10)}`)).toBe(`line 1: ${SECRET.slice(0, 10)}`);
  });

  test('a known secret is left alone when it is shorter than 6 characters: ordinary text would be spoilt', () => {
    expect(redact('a short word, sixsix')).toBe('a short word, [secret]');
  });

  test('a known secret is known from the moment on at which it was learnt', () => {
    let values: readonly string[] = [];
    const later = makeRedact(() => values);
    expect(later('token-of-today')).toBe('token-of-today');
    values = ['token-of-today'];
    expect(later('token-of-today')).toBe('[secret]');
  });

  test('a known secret is in no text that leaves, and text without one is not changed', () => {
    const secret = fc.string({ minLength: 6, maxLength: 60 });
    fc.assert(
      fc.property(
        fc.array(secret, { minLength: 1, maxLength: 5 }),
        fc.array(fc.string(), { maxLength: 6 }),
        (secrets, texts) => {
          const take = makeRedact(() => secrets);
          const shown = take(texts.join(secrets[0]));
          // What is put in its place is made of letters too.
          const rest = shown.replaceAll('[secret]', '\n');
          for (const value of secrets) expect(rest).not.toContain(value);
          const all = texts.join('');
          if (!secrets.some((value) => take(all) !== all || all.includes(value))) expect(take(all)).toBe(all);
        },
      ),
    );
    expect(redact(cleanLine('Zoë 👩‍💻 nothing'))).toBe('Zoë 👩‍💻 nothing');
  });
});
