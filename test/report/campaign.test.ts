import { parse } from 'csv-parse/sync';
import { describe, expect, test } from 'vitest';
import { campaignRows, campaignText, tenantsCsv } from '../../src/report/campaign.ts';
import { campaignSummary } from '../../src/report/facts/campaign-summary.ts';
import { type Summary, summarise } from '../../src/report/facts/summary.ts';
import { campaignPage } from '../../src/report/html/campaign-page.ts';
import { campaignDocument, summaryDocument } from '../../src/report/json.ts';
import { T0 } from './records.ts';
import { EVERY_FATE, planStory, runStory } from './stories.ts';
import { viewOf } from './views.ts';

const nowMs = T0 + 86_400_000;
const cancelled = { outcome: 'cancelled' } as const;

function summary(name: string, how: Parameters<typeof runStory>[0] = {}): Summary {
  return summarise([viewOf(runStory({ run: name, ...how }).filter(isNoReject), `c/${name}`)], { nowMs });
}

/** A story has faults in its input, which are to be looked at. */
function isNoReject({ kind }: { kind: string }): boolean {
  return kind !== 'reject';
}

const done = summary('done.com', { fates: [cancelled, cancelled] });
const looks = summary('looks.com', { fates: EVERY_FATE });
const { records, facts } = planStory([cancelled]);
const planned = summarise([viewOf(records.filter(isNoReject), 'c/planned.com')], { nowMs, plan: facts });
const unread = { name: 'c/<b>.com', tenant: '<b>.com', reason: 'line 1 does not fit' };
const campaign = campaignSummary('c', { runs: [done, looks, planned], unread: [unread] }, nowMs);

describe('the report of a campaign', () => {
  test('adds up what the reports of its runs say, and has each of them', () => {
    const document = campaignDocument(campaign);
    expect(document.runs).toEqual([done, looks, planned].map(summaryDocument));
    for (const key of ['admitted', 'needsRelease'] as const) {
      expect(document[key]).toBe(done[key] + looks[key] + planned[key]);
    }
    expect(document.counts.cancelled).toBe(done.counts.cancelled + looks.counts.cancelled);
    const outcomes = Object.values(document.counts).reduce((sum, n) => sum + n, 0);
    const left = Object.values(document.left).reduce((sum, n) => sum + n, 0);
    expect(outcomes + left).toBe(document.admitted);
  });

  test.each([
    ['bad', [done, looks], [unread]],
    ['attention', [done, looks, planned], []],
    ['open', [done, planned], []],
    ['good', [done], []],
  ] as const)('is %s as the worst of its runs', (tone, runs, damaged) => {
    expect(campaignSummary('c', { runs, unread: damaged }, nowMs).tone).toBe(tone);
  });

  test('has a row for each tenant, those that cannot be read too, by name', () => {
    const rows: Record<string, string>[] = parse([...tenantsCsv(campaign)].join(''), { columns: true, bom: true });
    expect(rows.map(({ run }) => run)).toEqual(['c/<b>.com', 'c/done.com', 'c/looks.com', 'c/planned.com']);
    expect(rows[0]).toMatchObject({ tenant: '<b>.com', state: 'line 1 does not fit', actions: '', head: '' });
    expect(rows[1]).toMatchObject({ actions: '2', cancelled: '2', open: '0', head: done.ledgers[0]?.head });
    expect(campaignRows(campaign)).toHaveLength(4);
  });

  test.each([80, 120])('fits %i columns', (columns) => {
    const text = campaignText(campaign, { columns, plain: true });
    for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(columns);
    expect(text).toContain('Campaign c, 4 tenants.');
    expect(text).toContain('\ndone.com');
  });

  test('is a page that runs nothing of what it shows, and leads to the reports beside it', () => {
    const page = campaignPage(campaign, (run) => (run === 'c/done.com' ? 'done.com/report.html' : undefined));
    expect(page).toContain('<a href="done.com/report.html">');
    expect(page.match(/<a href="(?!#)/g)).toHaveLength(1);
    expect(page).not.toContain('<b>');
    expect(page).toContain(`content="default-src 'none'; style-src 'sha256-`);
  });
});
