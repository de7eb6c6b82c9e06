import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { progressLine, showProgress } from '../../../src/cli/terminal/progress.ts';
import type { ProgressFacts } from '../../../src/run/progress-facts.ts';

const FACTS: ProgressFacts = {
  doing: undefined,
  done: 1200,
  total: 20_000,
  confirming: 40,
  outcomes: { cancelled: 1100, 'already-final': 90, failed: 10 },
  windows: [
    { calls: 100, perMs: 60_000, left: 12, freeAtMs: [] },
    { calls: 1500, perMs: 3_600_000, left: 300, freeAtMs: [] },
  ],
  pausedForMs: undefined,
  pauseReason: undefined,
  etaMs: 43_000_000,
};

describe('without a terminal', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('a line is logged every 30 s, until the end', async () => {
    const lines: unknown[][] = [];
    const log = { info: (...line: unknown[]) => lines.push(line) };
    // CI stands for any place where nobody watches.
    const where = { env: { CI: 'true' }, log } as unknown as Parameters<typeof showProgress>[1];
    let done = 0;
    const shown = await showProgress(
      () => ({ ...FACTS, done: ++done, pausedForMs: done === 2 ? 9000 : undefined }),
      where,
    );
    vi.advanceTimersByTime(29_999);
    expect(lines).toEqual([]);
    vi.advanceTimersByTime(60_001);
    expect(lines.map(([, message]) => message)).toEqual(['progress', 'progress', 'progress']);
    expect(lines[0]?.[0]).toMatchObject({ done: 1, total: 20_000, outcomes: FACTS.outcomes, etaMs: 43_000_000 });
    expect(lines[0]?.[0]).not.toHaveProperty('pausedForMs');
    expect(lines[1]?.[0]).toMatchObject({ done: 2, pausedForMs: 9000 });
    expect(lines[0]?.[0]).toHaveProperty('quotaLeft', [
      { left: 12, calls: 100, perMs: 60_000 },
      { left: 300, calls: 1500, perMs: 3_600_000 },
    ]);
    shown[Symbol.dispose]();
    vi.advanceTimersByTime(90_000);
    expect(lines).toHaveLength(3);
  });
});

describe('the line on a terminal', () => {
  test.each([40, 60, 80, 99, 100, 120, 200])(
    'the line on a terminal fits %i columns with one to spare, whatever is to be told',
    (columns) => {
      for (const facts of [
        FACTS,
        { ...FACTS, doing: 'looking up', outcomes: {} },
        { ...FACTS, pausedForMs: 61_200, pauseReason: 'throttled' as const },
        { ...FACTS, pausedForMs: 300_000, pauseReason: 'out-of-reach' as const },
      ]) {
        const line = progressLine(facts, { columns, paint: undefined });
        expect(line.length).toBeLessThan(columns);
        expect(line).toContain('1200/20000');
      }
    },
  );

  test('a pause is told in whole seconds, in place of the time that is left', () => {
    const facts = { ...FACTS, pausedForMs: 61_200, pauseReason: 'throttled' as const };
    const line = progressLine(facts, { columns: 120, paint: undefined });
    expect(line).toContain('  Defender asks to wait, 62 s  ');
    expect(line).not.toContain('left  ');
  });

  test.each([
    [0, 0, '--------'],
    [0, 10, '--------'],
    [5, 10, '####----'],
    [10, 10, '########'],
    [12, 10, '########'],
  ])('the bar of %i of %i is %s', (done, total, bar) => {
    const line = progressLine({ ...FACTS, done, total }, { columns: 80, paint: undefined });
    expect(line).toMatch(new RegExp(`^${bar}  ${done}/${total}  `));
  });
});
