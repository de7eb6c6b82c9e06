import { campaignHead } from '../../ledger/campaign-head.ts';
import { OUTCOME_NAMES, type Outcome } from '../../ledger/outcomes.ts';
import { type LeftCounts, nothingLeft } from '../../ledger/state/counts.ts';
import { commandLine } from './next-steps.ts';
import type { RunStatus } from './run-status.ts';

/** A campaign as `status` shows it, above its runs. */
export interface CampaignStatus {
  name: string;
  /** Over the heads of its plans; null where none can be started. */
  head: string | null;
  sums: {
    tenants: number;
    admitted: number;
    counts: Record<Outcome, number>;
    left: LeftCounts;
    needsReview: number;
    /** When the longest of its runs is over, epoch ms; null where nothing is left. */
    endsAtMs: number | null;
    /** What is left of all of them, one after the other. */
    totalMs: number;
  };
  /** The command that starts its plans, ready to paste; null without one. */
  next: string | null;
}

/** `runs` are all of it as they stand at `atMs`; `storeWords` as of a summary. */
export function campaignStatus(
  name: string,
  { runs, atMs }: { runs: readonly RunStatus[]; atMs: number },
  storeWords: readonly string[] = [],
): CampaignStatus {
  const head = campaignHead(runs.filter(({ state }) => state === 'planned'));
  const counts = Object.fromEntries(OUTCOME_NAMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>;
  const left = nothingLeft();
  let admitted = 0;
  let needsReview = 0;
  const restsMs: number[] = [];
  for (const run of runs) {
    admitted += run.admitted;
    needsReview += run.needsReview;
    for (const outcome of OUTCOME_NAMES) counts[outcome] += run.counts[outcome];
    for (const where of Object.keys(left) as (keyof LeftCounts)[]) left[where] += run.left[where];
    if (run.forecast !== null) restsMs.push(Math.max(0, run.forecast.endsAtMs - atMs));
  }
  return {
    name,
    head,
    sums: {
      ...{ tenants: runs.length, admitted, counts, left, needsReview },
      endsAtMs: restsMs.length === 0 ? null : atMs + Math.max(...restsMs),
      totalMs: Math.round(restsMs.reduce((sum, restMs) => sum + restMs, 0)),
    },
    next: head === null ? null : commandLine('campaign', 'run', name, '--head', head, ...storeWords),
  };
}
