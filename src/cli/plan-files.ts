import { resolve } from 'node:path';
import { planCsv } from '../report/csv.ts';
import type { PlanFacts } from '../report/plan-summary.ts';
import { writePrivate } from '../report/private-file.ts';
import type { CliContext } from './context.ts';
import type { Finished } from './finish.ts';

/** The plan as files, where they were asked for. */
export async function writePlanFiles(
  { summary, view }: Finished,
  facts: PlanFacts,
  { html, csv }: { html: unknown; csv: unknown },
  { cwd, say }: CliContext,
): Promise<void> {
  if (html !== undefined) {
    const { htmlPage } = await import('../report/html/page.ts');
    const path = resolve(cwd, String(html));
    await writePrivate(path, [await htmlPage(summary, [view], { plan: facts })]);
    say(`Wrote ${path}\n`);
  }
  if (csv !== undefined) {
    const path = resolve(cwd, String(csv));
    await writePrivate(path, planCsv([view], facts));
    say(`Wrote ${path}\n`);
  }
}
