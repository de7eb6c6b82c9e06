import type { SessionEnd } from '../engine/session.ts';
import { UsageError } from '../errors.ts';
import type { ExitCode } from '../exit-codes.ts';
import { windowsForNext } from '../quota/past-calls.ts';
import type { WindowLeft } from '../quota/quota.ts';
import type { PlanFacts } from '../report/facts/plan-summary.ts';
import { type Summary, summarise } from '../report/facts/summary.ts';
import type { LedgerView } from '../report/facts/view.ts';
import { jsonText } from '../report/json.ts';
import { summaryText } from '../report/text.ts';
import { styled } from '../styled.ts';
import { type Context, sayError } from './console.ts';
import { writeReleases } from './release-list.ts';
import { forecastOf } from './run-forecast.ts';

export interface Finished {
  summary: Summary;
  view: LedgerView;
  exitCode: ExitCode;
}

export interface FinishOptions {
  /** The ledger as the session has left it. */
  view: LedgerView;
  end: SessionEnd;
  json: boolean;
  plan?: PlanFacts | undefined;
  /** What the session has left of the quota; undefined where it did not come to have one. */
  left?: readonly WindowLeft[] | undefined;
}

/**
 * Ends a command that wrote to a ledger: the summary, from what stands in the ledger, on stdout; what stopped it on stderr; the list of
 * isolations that may need release beside the ledger. Returns the exit code.
 */
export async function finish(options: FinishOptions, context: Context): Promise<Finished> {
  const { view, end, json, plan, left } = options;
  const { out, say, clock, terminal, storeWords } = context;
  const ledger = view.path;
  const given = left && windowsForNext(left);
  const forecast = plan?.forecast ?? (await forecastOf([view], context, { given }));
  const nowMs = clock.wallMs();
  const summary = summarise([view], { nowMs, signal: end.signal, plan, forecast, storeWords });
  const needsReleaseFile = plan === undefined ? await writeReleases(summary, view, context) : undefined;
  // What stopped it counts more than what the counts would say.
  const exitCode: ExitCode = end.error?.exitCode ?? summary.exitCode ?? 1;
  if (json) out(styled(jsonText({ ...summary, exitCode })));
  // What was refused or not confirmed did nothing: the sentence that says so is all there is to say.
  else if (!(end.error instanceof UsageError))
    out(styled(`\n${summaryText({ ...summary, exitCode }, { terminal, files: { needsRelease: needsReleaseFile } })}`));
  if (end.error !== undefined) sayError(say, end.error);
  const { counts, needsRelease } = summary;
  const [about] = summary.ledgers;
  const log = context.log.child({ job: about?.job.name, run: about?.run, session: summary.sessions.at(-1)?.session });
  log.info({ ledger, reason: end.reason, counts, needsRelease, exitCode }, 'ended');
  return { summary, view, exitCode };
}
