import { OUTCOME_NAMES, type Outcome } from '../../../src/ledger/outcomes.ts';
import { outcomesCsv } from '../../../src/report/csv.ts';
import { summarise } from '../../../src/report/facts/summary.ts';
import { summaryDocument } from '../../../src/report/json.ts';
import type { LedgerEnd } from '../ledger-end.ts';
import type { Invariant } from './rule.ts';

/** What leaves a world for people to read. */
export const REPORT_RULES: readonly Invariant[] = [
  {
    name: 'reports',
    promise: 'Every report counts what the ledger says.',
    check: { end: wrongReport },
  },
  {
    name: 'secrets',
    promise: 'No token stands in a record or in a line of the log.',
    check: {
      end: ({ records, logs, secrets }) => {
        const text = `${records.map((record) => JSON.stringify(record)).join('\n')}\n${logs.join('\n')}`;
        return secrets.some((secret) => text.includes(secret.split('.')[1] ?? secret)) ? 'a token' : undefined;
      },
    },
  },
];

function wrongReport({ folded, view, nowMs }: LedgerEnd): string | undefined {
  const { admitted, outcomes, rejected, calls, closed } = folded;
  const summary = summarise([view], { nowMs });
  const counts = Object.fromEntries(OUTCOME_NAMES.map((name) => [name, 0])) as Record<Outcome, number>;
  for (const outcome of outcomes.values()) counts[outcome]++;
  const present = nonZero(counts);
  const rows = [...outcomesCsv([view])].join('').split('\r\n').slice(1);
  const byCsv: Record<string, number> = {};
  for (const row of rows) {
    const name = row.split(',')[1];
    if (name !== undefined && name !== '' && name in counts) byCsv[name] = (byCsv[name] ?? 0) + 1;
  }
  const rejections = Object.values(summary.rejected).reduce((sum, n) => sum + n, 0);
  const pairs: [what: string, is: unknown, wanted: unknown][] = [
    ['summary.counts', summary.counts, counts],
    ['summary.calls', nonZero(summary.calls), nonZero(calls)],
    ['summary.admitted', summary.admitted, admitted.size],
    ['summary.rejected', rejections, rejected],
    ['summary.open', summary.open, admitted.size - outcomes.size],
    ['document.counts', summaryDocument(summary).counts, present],
    ['close.counts', closed?.counts ?? present, present],
    ['csv', byCsv, present],
  ];
  const wrong = pairs.find(([, is, wanted]) => textOf(is) !== textOf(wanted));
  return wrong && `${wrong[0]} is ${textOf(wrong[1])} and the ledger says ${textOf(wrong[2])}`;
}

function nonZero(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, n]) => n > 0));
}

function textOf(value: unknown): string {
  return typeof value === 'object' && value !== null
    ? JSON.stringify(Object.entries(value).sort())
    : JSON.stringify(value);
}
