import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { MUTANTS } from './mutants.ts';

const PLACES = MUTANTS.flatMap(({ name, patches }) => patches.map((patch) => [name, patch] as const));

test.each(PLACES)('the deliberate fault "%s" has its place in the compiled program, once', (_name, { file, find }) => {
  const text = readFileSync(new URL(`../../build/${file.replace(/^src\//, '')}`, import.meta.url), 'utf8');
  expect(text.split(find)).toHaveLength(2);
});
