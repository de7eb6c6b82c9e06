import { z } from 'zod';
import { thawJob } from '../job/resume-job.ts';
import { toCallCount } from '../ledger/decisions.ts';
import type { Summary } from '../report/facts/summary.ts';
import type { LedgerView } from '../report/facts/view.ts';

const count = z.int().min(0);
const atMs = z.number();

/** What a plan comes to. It stands beside the run in the queue, so that whoever asks about a campaign reads no ledger. */
export const planSumsSchema = z.object({
  /** Of the ledger, once the plan was made. */
  head: z.string(),
  /** Its last record, epoch ms by the clock of who made it. */
  madeAtMs: atMs,
  /** It may be started for so long. */
  maxAgeMs: z.number(),
  admitted: count,
  toCancel: count,
  /** Of those to cancel, most frequent first. */
  types: z.array(z.object({ name: z.string(), n: count })),
  /** When the oldest of them was created, ISO; null where that is not known. */
  oldest: z.string().nullable(),
  notFound: count,
  /** To be called although nobody has seen what they do. */
  unseen: count,
  /** Lines of the source without an action ID. */
  rejected: count,
  /** Isolations that took effect, which no cancel undoes. */
  needsRelease: count,
  calls: count,
  /** From its start to its end, under the quota that was left then. */
  takesMs: z.number(),
});

export type PlanSums = z.output<typeof planSumsSchema>;

/** Of a plan that came to its end; `summary` is of it alone, with what was decided. */
export function planSums(summary: Summary, { state, head }: Pick<LedgerView, 'state' | 'head'>): PlanSums {
  const { plan, admitted, unseen, rejected, needsRelease, generatedAtMs } = summary;
  const types = [...(plan?.cancelByType ?? [])];
  const notLookedUp = plan?.decisions?.unscreened ?? 0;
  if (notLookedUp > 0) types.push({ name: 'not looked up', n: notLookedUp });
  return {
    head,
    madeAtMs: state.lastAtMs,
    maxAgeMs: thawJob(state.sessions.at(-1)?.opened.job).planMaxAgeMs,
    admitted,
    toCancel: plan?.decisions === undefined ? admitted : toCallCount(plan.decisions),
    types,
    oldest: plan?.oldest[0]?.created ?? null,
    notFound: plan?.notFound ?? 0,
    unseen,
    rejected: rejected['not-an-id'] + rejected['bad-row'],
    needsRelease,
    calls: plan?.forecast?.calls ?? 0,
    takesMs: Math.max(0, (plan?.forecast?.endsAtMs ?? generatedAtMs) - generatedAtMs),
  };
}

/** What the plans of a campaign come to together. */
export interface CampaignSums
  extends Pick<PlanSums, 'admitted' | 'toCancel' | 'types' | 'oldest' | 'notFound' | 'unseen' | 'rejected' | 'calls'> {
  plans: number;
  needsRelease: number;
  /** Of the one that takes longest: each tenant has a quota of its own. */
  longestMs: number;
  /** One after the other. */
  totalMs: number;
}

export function addUp(plans: readonly PlanSums[]): CampaignSums {
  const sum = (number: (plan: PlanSums) => number) => plans.reduce((total, plan) => total + number(plan), 0);
  const types = new Map<string, number>();
  for (const { name, n } of plans.flatMap((plan) => plan.types)) types.set(name, (types.get(name) ?? 0) + n);
  const created = plans.flatMap(({ oldest }) => oldest ?? []).sort((a, b) => Date.parse(a) - Date.parse(b));
  return {
    plans: plans.length,
    admitted: sum((plan) => plan.admitted),
    toCancel: sum((plan) => plan.toCancel),
    types: [...types].map(([name, n]) => ({ name, n })).sort((a, b) => b.n - a.n),
    oldest: created[0] ?? null,
    notFound: sum((plan) => plan.notFound),
    unseen: sum((plan) => plan.unseen),
    rejected: sum((plan) => plan.rejected),
    needsRelease: sum((plan) => plan.needsRelease),
    calls: sum((plan) => plan.calls),
    longestMs: Math.max(0, ...plans.map((plan) => plan.takesMs)),
    totalMs: sum((plan) => plan.takesMs),
  };
}
