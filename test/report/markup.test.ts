import fc from 'fast-check';
import { parseHTML } from 'linkedom';
import { describe, expect, test } from 'vitest';
import { escapeHtml, html } from '../../src/report/html/markup.ts';

describe('markup', () => {
  test('markup escapes what is put in, and joins what is markup already', () => {
    const name = '<b onclick="x">&\'`';
    expect(html`<i title="${name}">${[name, html`<u>${1}</u>`, undefined, false]}</i>`.text).toBe(
      '<i title="&lt;b onclick=&quot;x&quot;&gt;&amp;&#39;&#96;">&lt;b onclick=&quot;x&quot;&gt;&amp;&#39;&#96;<u>1</u></i>',
    );
  });

  test('markup shows controls and marks that turn the reading order as the replacement character', () => {
    expect(escapeHtml('a\u202Egpj.exe\u0000\u001B[2J\u2066')).toBe('a\uFFFDgpj.exe\uFFFD\uFFFD[2J\uFFFD');
  });

  test('markup keeps names of any script', () => {
    expect(escapeHtml('מחשב 電腦 \u{1F4BB}')).toBe('מחשב 電腦 \u{1F4BB}');
  });

  test('markup makes one text node of any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii' }), fc.string(), (a, b) => {
        const { document } = parseHTML(html`<html><body><p title="${a}">${b}</p></body></html>`.text);
        expect(document.body.children.length).toBe(1);
        expect(document.querySelector('p')?.children.length).toBe(0);
        expect(document.querySelector('p')?.attributes.length).toBe(1);
      }),
    );
  });
});
