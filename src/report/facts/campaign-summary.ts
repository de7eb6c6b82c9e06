import { OUTCOME_NAMES, type Outcome } from '../../ledger/outcomes.ts';
import { type RejectReason, ROUTES, type Route } from '../../ledger/record.ts';
import { noCalls } from '../../ledger/state/calls.ts';
import { type LeftCounts, nothingLeft } from '../../ledger/state/counts.ts';
import { headlineOf, type Tone } from './headline.ts';
import type { Summary } from './summary.ts';

/** A run of a campaign of which nothing can be reported. */
export interface UnreadRun {
  name: string;
  tenant: string;
  reason: string;
}

/** Everything that the report of a campaign shows: its runs, each as in a report of its own, and what they come to together. */
export interface CampaignSummary {
  name: string;
  generatedAtMs: number;
  /** Of one ledger each, by name. */
  runs: readonly Summary[];
  unread: readonly UnreadRun[];
  tone: Tone;
  /** In a few words. */
  title: string;
  admitted: number;
  counts: Record<Outcome, number>;
  openBy: LeftCounts;
  rejected: Record<RejectReason, number>;
  calls: Record<Route, number>;
  needsLook: number;
  needsRelease: number;
}

/** The worst first. */
const TONES: readonly Tone[] = ['bad', 'attention', 'open', 'good'];

const TITLES: Readonly<Record<Tone, string>> = {
  bad: 'Some runs were stopped or are damaged',
  attention: 'Some runs need attention',
  open: 'Not all of it is over',
  good: 'Done. Nothing needs attention',
};

export function campaignSummary(
  name: string,
  { runs, unread }: Pick<CampaignSummary, 'runs' | 'unread'>,
  generatedAtMs: number,
): CampaignSummary {
  const counts = Object.fromEntries(OUTCOME_NAMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>;
  const rejected = { 'not-an-id': 0, 'bad-row': 0, duplicate: 0 };
  const openBy = nothingLeft();
  const calls = noCalls();
  for (const run of runs) {
    for (const outcome of OUTCOME_NAMES) counts[outcome] += run.counts[outcome];
    for (const reason of Object.keys(rejected) as RejectReason[]) rejected[reason] += run.rejected[reason];
    for (const where of Object.keys(openBy) as (keyof LeftCounts)[]) openBy[where] += run.openBy[where];
    for (const route of ROUTES) calls[route] += run.calls[route];
  }
  const sum = (number: (run: Summary) => number) => runs.reduce((total, run) => total + number(run), 0);
  const found = runs.map((run) => toneOf(run));
  const tone = TONES.find((each) => found.includes(each) || (each === 'bad' && unread.length > 0)) ?? 'good';
  return {
    ...{ name, generatedAtMs, runs, unread, tone, title: TITLES[tone], counts, openBy, rejected, calls },
    admitted: sum((run) => run.admitted),
    needsLook: sum((run) => run.needsLook),
    needsRelease: sum((run) => run.needsRelease),
  };
}

/** A plan that is ready is good for a plan, and of a campaign it is what is still to be done. */
function toneOf(run: Summary): Tone {
  const { tone } = headlineOf(run);
  return run.kind === 'plan' && tone === 'good' ? 'open' : tone;
}
