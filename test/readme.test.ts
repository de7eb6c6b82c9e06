import { readFileSync } from 'node:fs';
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

test('the README’s table of settings is the one in the code', () => {
  const shown = (value: string | undefined) => (value === undefined ? '–' : `\`${value}\``);
  const expected = SETTING_NAMES.map((name) => {
    const { flag, job, default: standard, description }: Setting = SETTINGS[name];
    return [`\`--${flag}\``, shown(job), shown(standard), description];
  });
  expect(rowsOf('flag')).toEqual(expected);
});

test('the README’s table of exit codes is the one in the code', () => {
  const expected = Object.entries(EXIT_CODES).map(([code, { means, scheduler }]) => [code, means, scheduler]);
  expect(rowsOf('exit')).toEqual(expected);
});

test.each(['README.md', 'docs/design.md'])('the table of outcomes in %s is the one in the code', (path) => {
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

test('the README names the credential kinds in the order in which they are looked for', () => {
  const kinds = CREDENTIAL_ORDER.map(({ kind }) => `\`${kind}\``);
  const places = kinds.map((kind) => readme.indexOf(kind));
  expect(places.every((place) => place >= 0)).toBe(true);
  expect(rowsOf('kind').map(([kind]) => kind)).toEqual(kinds);
});
