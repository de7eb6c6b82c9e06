import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const TEST = new URL('./', import.meta.url);
const MAP = readFileSync(new URL('README.md', TEST), 'utf8');
const NAMED = [...MAP.matchAll(/`([^`\s]+)`/g)].map(([, name]) => name ?? '');

test('every file that the map of the tests names is there', () => {
  const files = NAMED.filter((name) => /^[\w./-]+\.(ts|mjs|md)$/.test(name));
  expect(files.length).toBeGreaterThan(90);
  const isThere = (name: string) => [TEST, new URL('../', TEST)].some((from) => existsSync(new URL(name, from)));
  expect(files.filter((name) => !isThere(name))).toEqual([]);
});

test('every folder of the tests is named in their map', () => {
  const folders = readdirSync(fileURLToPath(TEST), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `${name}/`);
  expect(folders.filter((name) => !NAMED.includes(name))).toEqual([]);
});
