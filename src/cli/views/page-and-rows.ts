import { outcomesCsv, planCsv } from '../../report/csv.ts';
import type { PlanFacts } from '../../report/facts/plan-summary.ts';
import type { Summary } from '../../report/facts/summary.ts';
import type { LedgerView } from '../../report/facts/view.ts';
import { plural } from '../../report/format.ts';
import type { Context } from '../../run/console.ts';
import type { FilePlaces } from '../flags/file-flags.ts';

/** A plan or a run as a page and as rows, one an action. */
export async function writePageAndRows(
  { html, csv }: FilePlaces,
  { views, summary, plan }: { views: readonly LedgerView[]; summary: Summary; plan: PlanFacts | undefined },
  say: Context['say'],
): Promise<void> {
  if (html !== undefined) {
    const { htmlPage } = await import('../../report/html/page.ts');
    await html.write([await htmlPage(summary, views, { plan })]);
    say(`Wrote ${html.path}\n`);
  }
  if (csv !== undefined) {
    await csv.write(plan === undefined ? outcomesCsv(views) : planCsv(views, plan));
    const { 'not-an-id': noIds, 'bad-row': badRows } = summary.rejected;
    const left = noIds + badRows === 0 ? '' : `, without the ${plural(noIds + badRows, 'rejected line')} of the source`;
    say(`Wrote ${csv.path}${left}\n`);
  }
}
