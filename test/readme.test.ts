import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { expect, test } from 'vitest';
import { EXIT_CODES } from '../src/exit-codes.ts';
import { CREDENTIAL_ORDER } from '../src/identity/find-credential.ts';
import type { Setting } from '../src/job/setting.ts';
import { SETTING_NAMES, SETTINGS } from '../src/job/settings.ts';
import { OUTCOMES } from '../src/ledger/outcomes.ts';

const textOf = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const readme = textOf('README.md');

/** The first cells of the table rows below a header that begins with this cell. */
function rowsOf(header: string, page = readme): string[][] {
  const lines = page.split('\n');
  const at = lines.findIndex((line) => line.startsWith(`| ${header} |`));
  expect(at, `a table headed ${header}`).toBeGreaterThanOrEqual(0);
  const rows: string[][] = [];
  for (const line of lines.slice(at + 2)) {
    if (!line.startsWith('|')) break;
    rows.push(
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  }
  return rows;
}

test('the README opens with the two lines that a newcomer needs', () => {
  const block = /```sh\n([^`]*)```/.exec(readme)?.[1] ?? '';
  expect(block.split('\n').map((line) => line.replace(/ +#.*/, ''))).toEqual([
    'npm ci && npm run demo',
    'npm ci && npm test',
    '',
  ]);
});

test('the table of settings in docs/settings.md is the one in the code', () => {
  const shown = (value: string | undefined) => (value === undefined ? '–' : `\`${value}\``);
  const expected = SETTING_NAMES.map((name) => {
    const { flag, job, default: standard, description }: Setting = SETTINGS[name];
    return [`\`--${flag}\``, shown(job), shown(standard), description];
  });
  expect(rowsOf('flag', textOf('docs/settings.md'))).toEqual(expected);
});

test('the table of exit codes in docs/operations.md is the one in the code', () => {
  const expected = Object.entries(EXIT_CODES).map(([code, { means, scheduler }]) => [code, means, scheduler]);
  expect(rowsOf('exit | means', textOf('docs/operations.md'))).toEqual(expected);
});

test.each(['docs/operations.md', 'docs/design.md'])('the table of outcomes in %s is the one in the code', (path) => {
  const yes = (is: boolean) => (is ? 'yes' : '');
  const expected = Object.entries(OUTCOMES).map(([name, { means, final, needsLook, failure, retryable, good }]) => [
    `\`${name}\``,
    means,
    final ? 'yes' : 'no',
    ...[needsLook, failure, retryable, good].map(yes),
  ]);
  const rows = rowsOf('outcome | means', textOf(path));
  expect(rows).toEqual(expected);
});

test('docs/sign-in.md names the credential kinds in the order in which they are looked for', () => {
  const page = textOf('docs/sign-in.md');
  const kinds = CREDENTIAL_ORDER.map(({ kind }) => `\`${kind}\``);
  const places = kinds.map((kind) => page.indexOf(kind));
  expect(places.every((place) => place >= 0)).toBe(true);
  expect(rowsOf('kind', page).map(([kind]) => kind)).toEqual(kinds);
});

test('the README is short, and every link in it and in the pages of docs/ leads somewhere', () => {
  expect(readme.split('\n').length).toBeLessThan(200);
  const pages = ['README.md', ...readdirSync(new URL('../docs', import.meta.url)).map((name) => `docs/${name}`)];
  for (const path of pages.filter((name) => name.endsWith('.md'))) {
    const text = textOf(path).replaceAll(/```[^`]*```|`[^`\n]*`/g, '');
    for (const [, target = '', anchor] of text.matchAll(/\]\(([^)#:\s]*)(?:#([^)\s]+))?\)/g)) {
      const at = target === '' ? path : posix.join(posix.dirname(path), target);
      expect(existsSync(new URL(`../${at}`, import.meta.url)), `${path} links to ${at}`).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(textOf(at)), `${path} links to ${at}`).toContain(anchor);
    }
  }
});

function anchorsOf(page: string): string[] {
  const heads = [...page.matchAll(/^#+ (.*)$/gm)].map(([, head = '']) => head);
  return heads.map((head) =>
    head
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} -]/gu, '')
      .replaceAll(' ', '-'),
  );
}
