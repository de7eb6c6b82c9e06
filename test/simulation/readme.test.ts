import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { FAULTS, FLEET_FAULTS, LATE_FAULTS } from './faults.ts';
import { INVARIANTS } from './invariants.ts';
import { KNOWN_SEEDS, withoutLate } from './known-seeds.ts';
import { MUTANTS } from './mutants.ts';

const readme = readFileSync(new URL('./README.md', import.meta.url), 'utf8');

/** The cells of the rows below a header that begins with this cell. */
function rowsOf(header: string): string[][] {
  const lines = readme.split('\n');
  const at = lines.findIndex((line) => line.split('|')[1]?.trim() === header);
  expect(at, `a table headed ${header}`).toBeGreaterThanOrEqual(0);
  const after = lines.slice(at + 2);
  const end = after.findIndex((line) => !line.startsWith('|'));
  return after.slice(0, end < 0 ? undefined : end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

describe("the simulation's README", () => {
  test("the simulation's README lists every rule with its promise, and no other", () => {
    expect(rowsOf('rule')).toEqual(INVARIANTS.map(({ name, promise }) => [name, promise]));
  });

  test("the simulation's README lists every fault with what it does, and no other", () => {
    expect(rowsOf('fault')).toEqual(Object.entries(FAULTS).map(([name, { does }]) => [name, does]));
  });

  test("the simulation's README tells of every seed that failed", () => {
    const told = rowsOf('seed').map(([seed]) => Number(seed));
    expect(told).toEqual(
      Object.keys(KNOWN_SEEDS)
        .map(Number)
        .sort((a, b) => a - b),
    );
  });
});

describe('the tables of the simulation', () => {
  test('the tables of the simulation name each rule and each deliberate fault once', () => {
    for (const names of [INVARIANTS, MUTANTS].map((table) => table.map(({ name }) => name))) {
      expect(new Set(names).size).toBe(names.length);
    }
  });

  test('the tables of the simulation hold no rule that nothing asks', () => {
    for (const { name, check } of INVARIANTS) expect(Object.keys(check), name).not.toEqual([]);
  });

  test('the simulation runs a known seed as it was when it failed, without the faults that came later', () => {
    expect(withoutLate(140)).toEqual(LATE_FAULTS);
    expect(withoutLate(7000619)).toEqual(FLEET_FAULTS);
    expect(withoutLate(141)).toEqual([]);
    expect(LATE_FAULTS).toContain('lying-clocks');
    expect(LATE_FAULTS).not.toContain('kills');
  });
});
