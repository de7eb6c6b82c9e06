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
  pause: undefined,
  etaMs: 43_000_000,
};

const PAUSE = {
  reason: 'throttled',
  elapsedMs: 240_000,
  leftMs: 61_200,
  givesUpInMs: 3_350_000,
  ownQuotaSpent: false,
} as const;
const AWAY = { ...PAUSE, reason: 'out-of-reach', leftMs: 300_000 } as const;

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
    const shown = await showProgress(() => ({ ...FACTS, done: ++done, pause: done === 2 ? PAUSE : undefined }), where);
    vi.advanceTimersByTime(29_999);
    expect(lines).toEqual([]);
    vi.advanceTimersByTime(60_001);
    expect(lines.map(([, message]) => message)).toEqual(['progress', 'progress', 'progress']);
    expect(lines[0]?.[0]).toMatchObject({ done: 1, total: 20_000, outcomes: FACTS.outcomes, etaMs: 43_000_000 });
    expect(lines[0]?.[0]).not.toHaveProperty('pause');
    expect(lines[1]?.[0]).toMatchObject({ done: 2, pause: PAUSE });
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
        { ...FACTS, pause: PAUSE },
        { ...FACTS, pause: AWAY },
      ]) {
        const line = progressLine(facts, { columns, paint: undefined });
        expect(line.length).toBeLessThan(columns);
        expect(line).toContain('1200/20000');
      }
    },
  );

  test('a pause is told in place of the time that is left: why, next try, whose quota, when it gives up, since when', () => {
    const line = (pause: ProgressFacts['pause']) =>
      progressLine({ ...FACTS, pause }, { columns: 160, paint: undefined });
    expect(line(PAUSE)).toContain(
      '  Defender asks to wait, next try in 62 s, quota not used up, gives up in 56 min, paused 4 min',
    );
    expect(line({ ...PAUSE, ownQuotaSpent: true })).toContain('s, quota used up');
    expect(line(AWAY)).toContain('  Defender is out of reach, next try in 300 s, gives up in 56 min, paused 4 min  ');
  });

  test('a pause of which not all fits says why and the next try all the time, and the rest in turns', () => {
    const at = (elapsedMs: number) =>
      progressLine(
        { ...FACTS, done: 12, total: 203, pause: { ...PAUSE, elapsedMs } },
        { columns: 80, paint: undefined },
      );
    const lines = [0, 2999, 3000, 6000, 9000].map(at);
    for (const line of lines) expect(line).toContain('12/203  Defender asks to wait, next try in 62 s, ');
    expect(lines.map((line) => /s, (quota|gives up|paused)/.exec(line)?.[1])).toEqual([
      'quota',
      'quota',
      'gives up',
      'paused',
      'quota',
    ]);
  });

  test.each([
    [0, 0, '--------'],
    [0, 10, '--------'],
    [5, 10, '####----'],
    [10, 10, '########'],
    [12, 10, '########'],
  ])('the bar of %i of %i is %s', (done, total, bar) => {
    const line = progressLine({ ...FACTS, done, total, confirming: 0 }, { columns: 80, paint: undefined });
    expect(line).toMatch(new RegExp(`^${bar}  ${done}/${total}  `));
  });

  test('what was accepted and not seen to end is a lighter part of the bar', () => {
    const line = (done: number, confirming: number) =>
      progressLine({ ...FACTS, done, total: 16, confirming }, { columns: 80, paint: undefined }).slice(0, 8);
    expect([line(4, 8), line(0, 16), line(15, 1), line(16, 0)]).toEqual([
      '##++++--',
      '++++++++',
      '########',
      '########',
    ]);
  });
});
