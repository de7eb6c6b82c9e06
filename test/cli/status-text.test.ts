import { describe, expect, test } from 'vitest';
import { statusText } from '../../src/cli/views/status-text.ts';
import { campaignStatus } from '../../src/report/facts/campaign-status.ts';
import { ledgerStatus, type RunStatus, runStatus } from '../../src/report/facts/run-status.ts';
import { T0 } from '../report/records.ts';
import { runStory } from '../report/stories.ts';
import { viewOf } from '../report/views.ts';

function run(name: string, more: Partial<RunStatus> = {}): RunStatus {
  const view = viewOf(runStory({ close: 'interrupted' }), `ledgers/${name}.jsonl`);
  return { ...runStatus(ledgerStatus(view, name, undefined), undefined, T0 + 60_000), ...more };
}

const board = (runs: RunStatus[]) => ({
  atMs: T0,
  runs,
  passedOver: ['ledgers/p.jsonl is a named pipe and no ledger'],
});

describe('the text of status', () => {
  test.each([80, 100])('fits %i columns, but for a command, which stays whole', (columns) => {
    const long = run('nightly-isolations-of-the-whole-company-20260302T220000Z');
    const text = statusText(board([run('incident'), long]), { columns, plain: true });
    for (const line of text.split('\n')) {
      if (!line.startsWith('  countermand ')) expect(line.length, line).toBeLessThanOrEqual(columns);
    }
    for (const { next } of [run('incident'), long]) expect(text).toContain(`\n  ${next}\n`);
    expect(text).toContain('passed over: ledgers/p.jsonl');
  });

  test('says why a run makes no calls, and until when', () => {
    const pause = { reason: 'out-of-reach', untilMs: T0 + 45_000 } as const;
    const text = statusText(board([run('incident', { state: 'running', next: null, pause, says: {} })]), {
      columns: 100,
      plain: true,
    });
    expect(text).toContain('Defender is out of reach: no calls before 2026-03-02 22:00:45');
  });

  test('shows what a run says beside its numbers, and no end of a plan that nothing is to be started of', () => {
    const forecast = { endsAtMs: T0 };
    const report = 'countermand report ledgers/over.jsonl --out report';
    const runs = [
      run('empty', { state: 'planned', next: null, forecast, says: { sentence: 'Nothing to cancel' } }),
      run('ready', { state: 'planned', next: 'countermand run ledgers/ready.jsonl', forecast, says: {} }),
      run('over', { state: 'finished', next: null, forecast: null, says: { command: report } }),
    ];
    const lines = statusText(board(runs), { columns: 80, plain: true }).split('\n');
    const below = (name: string) => lines.slice(lines.findIndex((line) => line.startsWith(`${name} `)));
    expect(below('empty')[0]).not.toMatch(/:\d\d$/);
    expect(below('ready')[0]).toMatch(/:\d\d$/);
    expect(below('empty')).toContain('  Nothing to cancel');
    expect(below('over')).toContain(`  ${report}`);
  });

  test.each([60, 100])(
    'shows above its runs what a campaign comes to, its head and what starts it, in %i columns',
    (columns) => {
      const runs = [run('stuck/a.com', { state: 'planned', needsReview: 2 })];
      const campaign = campaignStatus('stuck', { runs, atMs: T0 });
      const text = statusText({ ...board(runs), campaign }, { columns, plain: true });
      const flat = text.replaceAll('\n', ' ');
      expect(flat).toMatch(
        /campaign stuck: \d+ of \d+ actions done, 2 to review; the longest is over at 2026-03-02 22:01:00 UTC/,
      );
      expect(text).toContain(`\nhead ${campaign.head}\n  countermand campaign run stuck --head ${campaign.head}\n`);
      const lines = statusText({ ...board(runs), campaign }, { columns, plain: true }, 12)
        .trimEnd()
        .split('\n');
      expect(
        lines.reduce((sum, line) => sum + Math.ceil(line.length / columns) + (line === '' ? 1 : 0), 0),
      ).toBeLessThanOrEqual(12);
    },
  );

  test.each([14, 23, 39])('fits %i lines and counts what does not', (rows) => {
    const runs = Array.from({ length: 20 }, (_, i) => run(`run-${i}`));
    const text = statusText(board(runs), { columns: 80, plain: true }, rows);
    const lines = text.trimEnd().split('\n');
    const shown = lines.filter((line) => /^run-\d/.test(line)).length;
    expect(lines.length).toBeLessThanOrEqual(rows);
    expect(shown).toBeGreaterThan(0);
    expect(text).toContain(`… and ${20 - shown} more runs`);
  });

  test.each([
    [40, 9],
    [40, 23],
    [30, 5],
    [58, 9],
    [80, 9],
    [80, 23],
  ])(
    'in a terminal of %i columns and %i lines has no line that is broken within a word, and scrolls nothing away',
    (columns, rows) => {
      for (const n of [0, 1, 2, 12]) {
        const runs = Array.from({ length: n }, (_, i) => run(`nightly-isolations-${i}`));
        for (const notes of [0, 1, 30]) {
          const passedOver = Array.from(
            { length: notes },
            (_, i) => `ledgers/p${i}.jsonl is a named pipe and no ledger`,
          );
          const text = statusText({ atMs: T0, runs, passedOver }, { columns, plain: true }, rows);
          const lines = text.trimEnd().split('\n');
          const height = lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0);
          expect(height, text).toBeLessThanOrEqual(rows);
          const tenant = Math.max(columns, '00000000-0000-4000-8000-000000000000'.length);
          for (const line of lines)
            if (!line.startsWith('  countermand ')) expect(line.length, text).toBeLessThanOrEqual(tenant);
          if (n > 0) expect(text).toContain('\nnightly-isolations-');
          if (notes > 0 && rows > 5) expect(text).toMatch(/passed over/);
        }
      }
    },
  );

  test('has the numbers of a run in words where a terminal is too narrow for columns', () => {
    const text = statusText({ ...board([run('incident')]), passedOver: [] }, { columns: 40, plain: true }, 9);
    const words = text.replace(/\n {2}/g, ' ');
    expect(words).toMatch(/incident interrupted, \d+ of \d+ done, (\d+ to review, )?ends 2026-03-02 22:01 UTC/);
  });

  test('calls a ledger without a record empty, says what to do, and gives it no end', () => {
    const empty = runStatus(ledgerStatus(viewOf([]), 'new', undefined), undefined, T0 + 60_000);
    const lines = statusText({ ...board([empty]), passedOver: [] }, { columns: 80, plain: true })
      .trimEnd()
      .split('\n');
    expect(lines[0]).toContain('1 run: 1 empty');
    expect(lines.slice(-2)).toEqual([
      expect.stringMatching(/^new +empty +0 of 0 +-$/),
      '  Nothing was recorded in it: run its source again, or delete it',
    ]);
  });

  test('shows who works on a run, the unfinished before the finished, and foreign text with its escapes', () => {
    const holder = { pid: 7, host: 'host\u001b[31m', since: new Date(T0).toISOString() };
    const runs = [run('a', { state: 'finished', next: null }), run('b', { state: 'running', holder, next: null })];
    const text = statusText(board(runs), { columns: 80, plain: true });
    expect(text.indexOf('\nb ')).toBeLessThan(text.indexOf('\na '));
    expect(text).toContain('process 7 on host\\x1b[31m since 2026-03-02 22:00:00 UTC');
  });
});
