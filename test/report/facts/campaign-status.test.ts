import { expect, test } from 'vitest';
import { campaignHead } from '../../../src/ledger/campaign-head.ts';
import { campaignStatus } from '../../../src/report/facts/campaign-status.ts';
import { ledgerStatus, type RunStatus, runStatus } from '../../../src/report/facts/run-status.ts';
import { T0 } from '../records.ts';
import { EVERY_FATE, runStory } from '../stories.ts';
import { viewOf } from '../views.ts';

function run(name: string, more: Partial<RunStatus> = {}): RunStatus {
  const view = viewOf(runStory({ fates: EVERY_FATE, close: 'interrupted' }), name);
  return { ...runStatus(ledgerStatus(view, name, undefined), undefined, T0 + 60_000), ...more };
}

test('a campaign is the sums of its runs, over with the longest of them, and its head is that of the plans among them', () => {
  const planned = ['c/b.com', 'c/a.com'].map((name, n) => run(name, { state: 'planned', head: String(n).repeat(32) }));
  const late = run('c/late.com', { forecast: { endsAtMs: T0 + 120_000 } });
  const dead = run('c/dead.com', { state: 'dead-letter', forecast: null });
  const runs = [...planned, late, dead];
  const { head, sums, next } = campaignStatus('c', { runs, atMs: T0 }, ['--store', 'postgres://host/runs']);
  expect(head).toBe(campaignHead(planned));
  expect(next).toBe(`countermand campaign run c --head ${head} --store postgres://host/runs`);
  expect(sums).toMatchObject({ tenants: 4, endsAtMs: T0 + 120_000, totalMs: 240_000 });
  expect(sums.admitted).toBe(4 * late.admitted);
  expect(sums.needsReview).toBe(4 * late.needsReview);
  const counted = Object.values(sums.counts).reduce((sum, n) => sum + n, 0);
  const left = Object.values(sums.left).reduce((sum, n) => sum + n, 0);
  expect(counted + left).toBe(sums.admitted);
});

test('where nothing can be started there is no head and no command, and where nothing is left no end', () => {
  const over = run('c/a.com', { state: 'finished', forecast: null });
  expect(campaignStatus('c', { runs: [over], atMs: T0 })).toMatchObject({
    ...{ head: null, next: null },
    sums: { endsAtMs: null, totalMs: 0 },
  });
});
