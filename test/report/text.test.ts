import { describe, expect, test } from 'vitest';
import type { PlanFacts } from '../../src/report/facts/plan-summary.ts';
import { summarise } from '../../src/report/facts/summary.ts';
import { summaryText } from '../../src/report/text.ts';
import { guid, RUN, T0 } from './records.ts';
import { EVERY_FATE, planStory, runStory } from './stories.ts';
import { viewOf } from './views.ts';

const nowMs = T0 + 86_400_000;
const plain = (columns: number) => ({ terminal: { columns, plain: true } });
const run = summarise([viewOf(runStory())], { nowMs });
const story = planStory();
const plan = summarise([viewOf(story.records)], { nowMs, plan: story.facts });
const merged = summarise(
  [viewOf(runStory(), 'a.jsonl'), viewOf(runStory({ from: 9, run: `9${RUN.slice(1)}`, sessions: 4 }), 'b.jsonl')],
  { nowMs },
);

describe('the text of a summary', () => {
  test.each([
    ['run', run],
    ['plan', plan],
    ['two ledgers', merged],
  ])('the text of a summary fits the terminal, commands apart: %s', (_, summary) => {
    for (const columns of [60, 80, 120]) {
      const lines = summaryText(summary, plain(columns)).split('\n');
      const wide = lines.filter((line) => [...line].length > columns && !line.startsWith('      countermand'));
      expect(wide).toEqual([]);
    }
  });

  test('the text of a summary is ASCII where it is plain, and where the names are', () => {
    const named = EVERY_FATE.map((fate) => ({ ...fate, computer: 'host' }));
    const text = summaryText(summarise([viewOf(runStory({ fates: named }))], { nowMs }), plain(80));
    expect(text).toMatch(/^[\n\x20-\x7e]+$/);
  });

  test('the text of a summary lets no name move the cursor or turn the reading order', () => {
    const hostile = EVERY_FATE.map((fate) => ({ ...fate, computer: 'a\u001B[2Jb\u202Ec' }));
    const planned = planStory(hostile);
    const text = summaryText(summarise([viewOf(planned.records)], { nowMs, plan: planned.facts }), plain(80));
    expect(text).toContain('a\\x1b[2Jb\\u202ec');
    expect(text).not.toContain('\u001B');
    expect(text).not.toContain('\u202E');
  });

  test('the text of a summary says what to do next, with the commands to paste', () => {
    const text = summaryText(run, plain(80));
    expect(text).toContain('      countermand verify ledgers/nightly.jsonl\n');
    expect(text).toContain('      countermand resume ledgers/nightly.jsonl --retry failed,forbidden\n');
    expect(text).toContain('2 isolations took effect');
    expect(text).toContain('Correct the 3 rejected lines of the source, and run it again\n');
  });

  test('the text of a summary lists the first rejected lines, and says where the others are', () => {
    const rejects = Array.from({ length: 9 }, (_, i) => ({
      line: 10 + i,
      reason: 'not-an-id' as const,
      text: `x${i}`,
      ledger: '',
    }));
    const rejected = { 'not-an-id': 9, 'bad-row': 0, duplicate: 3 };
    const text = summaryText({ ...run, rejects, rejected }, plain(80));
    expect(text).toMatch(
      / {2}14 {2}not-an-id {2}x4\nand 4 more rejected lines, listed on the page: plan or report --html FILE\n/,
    );
    // So many repeated ones came before that no other was kept.
    const late = summaryText({ ...run, rejects: [], rejected }, plain(120));
    expect(late).toContain('\n9 rejected lines, listed on the page: plan or report --html FILE\n');
    expect(
      summaryText({ ...run, rejects: rejects.slice(0, 5), rejected: { ...rejected, 'not-an-id': 5 } }, plain(80)),
    ).not.toContain('more rejected');
  });

  test('the text of a summary names the lists once they are written', () => {
    const text = summaryText(run, { ...plain(80), files: { failed: 'out/failed.csv', needsRelease: 'out/nr.csv' } });
    expect(text).toContain('out/failed.csv');
    expect(text).toContain('out/nr.csv');
  });

  test('the text of a summary tells how to go on after an interruption, the path quoted for a shell', () => {
    const view = viewOf(runStory({ close: 'interrupted' }), "ledgers/o'brien wave.jsonl");
    expect(summaryText(summarise([view], { nowMs }), plain(80))).toContain(
      "countermand resume 'ledgers/o'\\''brien wave.jsonl'",
    );
  });

  test('the text of a summary ends with what the exit code means when it is not 0', () => {
    const last = summaryText(run, plain(100)).trimEnd().split('\n\n').at(-1);
    expect(last).toMatch(/^Exit code 3: finished, but some/);
    // The verdict once more, where 24 rows show it.
    expect(last).toMatch(/\nFinished, and not all of it is final yet: \d+ of \d+ actions cancelled/);
    const done = summarise(
      [viewOf(runStory({ fates: EVERY_FATE.slice(0, 2) }).filter(({ kind }) => kind !== 'reject'))],
      {
        nowMs,
      },
    );
    expect(done.exitCode).toBe(0);
    expect(summaryText(done, plain(80))).not.toContain('Exit code');
    expect(summaryText(done, plain(80))).toContain('Done. Nothing needs attention');
  });

  test('the text of a summary of a plan gives decisions, reasons, the quarters and the command with its head', () => {
    const text = summaryText(plan, plain(80));
    expect(text).toContain('12 of 16 actions would be cancelled');
    expect(text).toContain('only type Isolate');
    expect(text).toMatch(/Left out +Actions +Why/);
    expect(text).toContain('75 % of 12');
    expect(text).toContain('countermand run ledgers/nightly.jsonl --head 00112233445566ff');
  });
});

test('a plan that looked nothing up does not call its actions left out', () => {
  const facts: PlanFacts = {
    decisions: new Map(EVERY_FATE.map((_, i) => [guid(1 + i), { kind: 'unscreened' }])),
    forecast: undefined,
  };
  const text = summaryText(summarise([viewOf(planStory().records)], { nowMs, plan: facts }), plain(80));
  expect(text).toMatch(/unscreened +16 +will be cancelled without a lookup/);
  expect(text).not.toContain('Left out');
});
