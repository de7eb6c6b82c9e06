import { outcomesCsv, planCsv } from '../report/csv.ts';
import type { PlanFacts } from '../report/plan-summary.ts';
import { writePrivate } from '../report/private-file.ts';
import type { Summary } from '../report/summary.ts';
import type { LedgerView } from '../report/view.ts';
import type { Args } from './command.ts';
import type { CliContext } from './context.ts';
import { placeFor } from './place-for.ts';

/** Where `--html` and `--csv` go, absolute; undefined where they were not asked for. */
export interface FilePlaces {
  html: string | undefined;
  csv: string | undefined;
}

/** Throws a UsageError for a place that would overwrite a ledger or one of `kept`, before anything is done. */
export async function filePlaces(args: Args, cwd: string, kept: readonly string[]): Promise<FilePlaces> {
  const place = async (name: string) =>
    args[name] === undefined ? undefined : placeFor(`--${name}`, String(args[name]), cwd, kept);
  return { csv: await place('csv'), html: await place('html') };
}

/** A plan or a run as a page and as rows, one an action. */
export async function writePageAndRows(
  { html, csv }: FilePlaces,
  { views, summary, plan }: { views: readonly LedgerView[]; summary: Summary; plan: PlanFacts | undefined },
  say: CliContext['say'],
): Promise<void> {
  if (html !== undefined) {
    const { htmlPage } = await import('../report/html/page.ts');
    await writePrivate(html, [await htmlPage(summary, views, { plan })]);
    say(`Wrote ${html}\n`);
  }
  if (csv !== undefined) {
    await writePrivate(csv, plan === undefined ? outcomesCsv(views) : planCsv(views, plan));
    say(`Wrote ${csv}\n`);
  }
}
