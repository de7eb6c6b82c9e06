import { CountermandError } from '../errors.ts';
import { thawJob } from '../job/resume-job.ts';
import { releaseCsv } from '../report/csv.ts';
import type { Summary } from '../report/facts/summary.ts';
import type { LedgerView } from '../report/facts/view.ts';
import type { Context } from './console.ts';
import { claimReleaseList } from './outputs.ts';

/** `<ledger>.needs-release.csv`: written when there are any, and kept true when a later session finds none. Returns where they are. */
export async function writeReleases(
  { needsRelease }: Summary,
  view: LedgerView,
  context: Context,
): Promise<string | undefined> {
  try {
    const { source } = thawJob(view.state.sessions.at(-1)?.opened.job);
    const list = await claimReleaseList({ ledger: view.path, source }, context);
    if (list === undefined) return undefined;
    if (needsRelease === 0 && !(await list.isThere())) return undefined;
    await list.write(releaseCsv([view]));
    return needsRelease > 0 ? list.path : undefined;
  } catch (error) {
    // The run is over and its ledger whole: a list that can be made again must not hide what became of it.
    if (!(error instanceof CountermandError)) throw error;
    context.say(`warning: ${error.message}\n`);
    return undefined;
  }
}
