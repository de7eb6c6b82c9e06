import { UsageError } from '../errors.ts';
import { commandLine } from '../report/facts/next-steps.ts';
import { summarise } from '../report/facts/summary.ts';
import { isPlan } from '../report/facts/view.ts';
import type { Context } from '../run/console.ts';
import { factsBeside } from '../run/plan-facts.ts';
import { readWhatStands } from '../run/read-view.ts';
import type { CampaignEntry, NetworkStore } from '../store/network-store.ts';
import { type PlanSums, planSums } from './plan-sums.ts';
import type { RunQueue } from './queue.ts';
import type { Standing } from './standing.ts';

/**
 * How far a run of a campaign is. `planned`: it can be started. `stopped`: it was started, has work left, and nobody goes on with it. `over`: it is
 * finished. `left-out`: somebody has to look at it first.
 */
export type Stage =
  | { kind: 'planning' }
  | { kind: 'planned'; sums: PlanSums }
  | { kind: 'under-way' }
  | { kind: 'stopped' }
  | { kind: 'over' }
  | { kind: 'left-out'; reason: string };

export type CampaignRun = CampaignEntry & { stage: Stage };

/** What the queue alone tells of a run whose ledger ends with `head`; `unread` where only its ledger does. */
export function stageInQueue(
  standing: Standing | undefined,
  { head }: Pick<CampaignEntry, 'head'>,
): Stage | { kind: 'unread' } {
  switch (standing?.kind) {
    case 'waiting':
    case 'at-work':
      return { kind: standing.submission.step === 'plan' ? 'planning' : 'under-way' };
    case 'dead-letter':
      return { kind: 'left-out', reason: `dead letter, exit ${standing.exitCode}: ${standing.reason}` };
    case 'ended': {
      const { plan, submission, exitCode } = standing;
      // Written to since, it is not what the worker made.
      if (plan?.head === head) return { kind: 'planned', sums: plan };
      const isOver = submission.step !== 'plan' && (exitCode === 0 || exitCode === 3);
      return { kind: isOver ? 'over' : 'unread' };
    }
    case undefined:
      return { kind: 'unread' };
  }
}

/**
 * The runs of a campaign, by name. A ledger is read only where the queue does not tell: what it remembers of an end is a week old at most. Throws a
 * UsageError where there is no such campaign.
 */
export async function readCampaignRuns(
  name: string,
  queue: Pick<RunQueue, 'standings'>,
  context: Pick<Context, 'clock' | 'log' | 'storeWords'> & { store: NetworkStore },
): Promise<CampaignRun[]> {
  const { store, storeWords } = context;
  const entries = await store.campaign(name);
  if (entries.length === 0) {
    throw new UsageError(
      `There is no campaign ${name} in the store: ${commandLine('status', ...storeWords)} shows what is.`,
    );
  }
  const standings = await queue.standings(entries.map((entry) => entry.name));
  const byRun = new Map(standings.map((standing) => [standing.submission.run, standing]));
  const runs: CampaignRun[] = [];
  for (const entry of entries) {
    const known = stageInQueue(byRun.get(entry.name), entry);
    runs.push({ ...entry, stage: known.kind === 'unread' ? await stageInLedger(entry.name, context) : known });
  }
  return runs;
}

async function stageInLedger(
  name: string,
  context: Pick<Context, 'clock' | 'log' | 'storeWords'> & { store: NetworkStore },
): Promise<Stage> {
  const view = await readWhatStands(context.store, name);
  const { intact, fault, state } = view;
  if (!intact) return { kind: 'left-out', reason: `its ledger is damaged at line ${fault?.line ?? 1}` };
  if (isPlan(view)) {
    const nowMs = context.clock.wallMs();
    const summary = summarise([view], { nowMs, ...(await factsBeside([view], context)) });
    return { kind: 'planned', sums: planSums(summary, view) };
  }
  if (state.start === undefined) return { kind: 'left-out', reason: 'it was not planned to its end' };
  return { kind: state.sessions.at(-1)?.closed?.reason === 'finished' ? 'over' : 'stopped' };
}
