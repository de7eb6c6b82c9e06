import { decide } from '../engine/guards.ts';
import { CountermandError } from '../errors.ts';
import { thawJob } from '../job/resume-job.ts';
import type { Order } from '../ledger/record.ts';
import type { PlanFacts } from '../report/facts/plan-summary.ts';
import type { SummariseOptions } from '../report/facts/summary.ts';
import { type Holder, isPlan, type LedgerView } from '../report/facts/view.ts';
import type { Machine } from './machine.ts';
import { forecastOf } from './run-forecast.ts';

/** What a summary of ledgers says beside what stands in them, as it is at this moment: who works on them, when they are over, and what plans decide. */
export async function factsBeside(
  views: readonly LedgerView[],
  machine: Pick<Machine, 'store' | 'clock' | 'log'>,
): Promise<Pick<SummariseOptions, 'plan' | 'forecast' | 'holders'>> {
  const holders = new Map<string, Holder | null>();
  for (const { path } of views) {
    try {
      holders.set(path, (await machine.store.holder(path)) ?? null);
    } catch (error) {
      // Where it may not be looked at, nothing is said of it.
      if (!(error instanceof CountermandError)) throw error;
    }
  }
  const isHeld = [...holders.values()].some((holder) => holder !== null);
  const plans = decisionsOf(views);
  const forecast = await forecastOf(views, machine, { isHeld, order: plans?.order });
  const plan = plans && { decisions: plans.decisions, forecast };
  return { plan, forecast, holders };
}

/** What plans decide, by the engine's rules over what was looked up then. Undefined when not all of them are plans. */
export function decisionsOf(
  views: readonly LedgerView[],
): { decisions: NonNullable<PlanFacts['decisions']>; order: { asked: Order; by: Order } } | undefined {
  const last = views.at(-1)?.state;
  if (last === undefined || !views.every(isPlan)) return undefined;
  const decisions = new Map<string, ReturnType<typeof decide>>();
  for (const { state } of views) {
    const { guards } = thawJob(state.sessions.at(-1)?.opened.job);
    for (const { id, screen } of state.actions.values()) decisions.set(id, decide(screen, guards));
  }
  const { order: asked, screen } = thawJob(last.sessions.at(-1)?.opened.job);
  const isKept = screen !== 'never' && !views.some(({ trace }) => trace.devicesUnread);
  return { decisions, order: { asked, by: isKept ? asked : 'source' } };
}
