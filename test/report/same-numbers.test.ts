import { parse } from 'csv-parse/sync';
import { parseHTML } from 'linkedom';
import { describe, expect, test } from 'vitest';
import { DECISION_NAMES } from '../../src/ledger/decisions.ts';
import { OUTCOME_NAMES } from '../../src/ledger/outcomes.ts';
import { failedCsv, outcomesCsv, planCsv, releaseCsv } from '../../src/report/csv.ts';
import { summarise } from '../../src/report/facts/summary.ts';
import type { LedgerView } from '../../src/report/facts/view.ts';
import { htmlPage } from '../../src/report/html/page.ts';
import { summaryDocument } from '../../src/report/json.ts';
import { summaryText } from '../../src/report/text.ts';
import { RUN, T0 } from './records.ts';
import { EVERY_FATE, type Fate, planStory, runStory } from './stories.ts';
import { viewOf } from './views.ts';

const nowMs = T0 + 86_400_000;
const terminal = { columns: 80, plain: true };

/** Enough actions that numbers get their thousands' comma. */
const MANY: Fate[] = EVERY_FATE.flatMap((fate, i) => Array<Fate>(i === 0 ? 1500 : i + 3).fill(fate));

/** Numbers of the page by the name they carry. */
function numbersOf(page: string): Record<string, number> {
  const { document } = parseHTML(page);
  const found = [...document.querySelectorAll('[data-count]')] as {
    getAttribute(name: string): string;
    textContent: string;
  }[];
  return Object.fromEntries(found.map((each) => [each.getAttribute('data-count'), toNumber(each.textContent)]));
}

function toNumber(text: string): number {
  return Number(text.replaceAll(',', ''));
}

/** The table of the text whose head begins so: its first cells and the numbers beside them. */
function tableOf(text: string, head: string): Record<string, number> {
  const lines = text.split('\n');
  const from = lines.findIndex((line) => line.startsWith(head)) + 2;
  const rows = lines.slice(from, lines.indexOf('', from)).flatMap((line) => {
    const [, name, n] = /^([a-z-]+) +([\d,]+)/.exec(line) ?? [];
    return name === undefined || n === undefined ? [] : [[name, toNumber(n)] as const];
  });
  return Object.fromEntries(rows);
}

function csvRows(pieces: Iterable<string>): Record<string, string>[] {
  return parse([...pieces].join(''), { columns: true, bom: true }) as unknown as Record<string, string>[];
}

function tallied(rows: readonly Record<string, string>[], column: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const row of rows) counts[row[column] ?? ''] = (counts[row[column] ?? ''] ?? 0) + 1;
  return counts;
}

describe('every format shows the same numbers', () => {
  const other = runStory({ from: 700, run: `9${RUN.slice(1)}`, startAtMs: T0 + 3_600_000, close: 'interrupted' });
  test.each<[string, LedgerView[]]>([
    ['of a run', [viewOf(runStory({ fates: MANY }))]],
    ['of two ledgers that share actions', [viewOf(runStory({ fates: MANY }), 'a.jsonl'), viewOf(other, 'b.jsonl')]],
  ])('every format shows the same numbers %s', async (_, views) => {
    const summary = summarise(views, { nowMs });
    const counted = Object.fromEntries(
      OUTCOME_NAMES.filter((name) => summary.counts[name] > 0).map((name) => [name, summary.counts[name]]),
    );
    const withOpen = { ...counted, open: summary.open };

    const { counts, left, admitted } = summaryDocument(summary);
    expect(counts).toEqual(counted);
    const sum = (each: object) => Object.values(each).reduce((total: number, n: number) => total + n, 0);
    expect({ left: sum(left), all: sum(counts) + sum(left) }).toEqual({ left: summary.open, all: admitted });
    expect(tableOf(summaryText(summary, { terminal }), 'Outcome')).toEqual(withOpen);
    const rows = csvRows(outcomesCsv(views));
    expect(tallied(rows, 'outcome')).toEqual(withOpen);
    expect(csvRows(failedCsv(views))).toHaveLength(summary.needsLook);
    expect(csvRows(releaseCsv(views))).toHaveLength(summary.needsRelease);
    const { calls, rejected } = summaryDocument(summary);
    expect(numbersOf(await htmlPage(summary, views))).toEqual({
      ...withOpen,
      'needs-look': summary.needsLook,
      'needs-release': summary.needsRelease,
      'calls-cancel': calls.cancel,
      'calls-get': calls.get,
      'calls-list': calls.list,
      'rejected-not-an-id': rejected['not-an-id'],
      'rejected-bad-row': rejected['bad-row'],
      'rejected-duplicate': rejected.duplicate,
    });
    const text = summaryText(summary, { terminal }).replaceAll(',', '').replaceAll(/\s+/g, ' ');
    expect(text).toContain(`${calls.cancel} cancel ${calls.get} get ${calls.list} list`);
    expect(text).toContain(`rejected: ${rejected['not-an-id']} not-an-id ${rejected['bad-row']} bad-row`);
    expect(text).toContain(`${summary.needsRelease} isolations may need release`);
  });

  test('every format shows the same numbers of a plan', async () => {
    const { records, facts } = planStory(MANY);
    const views = [viewOf(records)];
    const summary = summarise(views, { nowMs, plan: facts });
    const document = summaryDocument(summary);
    const decided = Object.fromEntries(
      DECISION_NAMES.filter((name) => (document.decisions?.[name] ?? 0) > 0).map((name) => [
        name,
        document.decisions?.[name],
      ]),
    );
    expect(tableOf(summaryText(summary, { terminal }), 'Decision')).toEqual(decided);
    expect(tallied(csvRows(planCsv(views, facts)), 'decision')).toEqual(decided);
    expect(csvRows(releaseCsv(views, facts))).toHaveLength(document.needsRelease);
    const shown = numbersOf(await htmlPage(summary, views, { plan: facts }));
    const { by, firstMinute, firstHour, later } = document.forecast?.order ?? {};
    const when = { 'first-minute': firstMinute, 'first-hour': firstHour, later };
    expect(shown).toMatchObject({ ...decided, 'needs-release': document.needsRelease, ...when });
    const text = summaryText(summary, { terminal }).replaceAll(',', '').replaceAll(/\s+/g, ' ');
    expect(text).toContain(`first minute ${firstMinute} in the rest of the first hour ${firstHour} later ${later}`);
    expect({ by, text }).toEqual({ by: 'last-seen', text: expect.stringContaining('Order last-seen') });
  });
});
