import { decide } from '../engine/guards.ts';
import { thawJob } from '../job/resume-job.ts';
import { ASSUMED_ROUND_TRIP_MS, allFree } from '../quota/forecast.ts';
import { shareOf } from '../quota/windows.ts';
import { forecastFacts, type PlanFacts } from '../report/facts/plan-summary.ts';
import { isPlan, type LedgerView } from '../report/facts/view.ts';
import { callsFor } from './plan.ts';

/**
 * What a plan's ledger decides, for a report of it alone: the rules are the engine's, over what was looked up then; the forecast is for
 * windows that nothing else has touched. Undefined when not all of them are plans.
 */
export function planFactsOf(views: readonly LedgerView[]): PlanFacts | undefined {
  if (views.length === 0 || !views.every(isPlan)) return undefined;
  const decisions = new Map<string, ReturnType<typeof decide>>();
  for (const { state } of views) {
    const { guards } = thawJob(state.sessions.at(-1)?.opened.job);
    for (const { id, screen } of state.actions.values()) decisions.set(id, decide(screen, guards));
  }
  const last = views.at(-1)?.state;
  if (last === undefined) return undefined;
  const { quota, concurrency, order: asked, screen } = thawJob(last.sessions.at(-1)?.opened.job);
  const cancels = [...decisions.values()].filter((each) => each.kind === 'cancel' || each.kind === 'unscreened');
  // Only who may read has looked anything up, and goes on to look.
  const looksUp = [...last.actions.values()].some(({ screen }) => screen !== undefined);
  const input = {
    calls: callsFor(cancels.length, looksUp),
    windows: allFree(shareOf(quota.windows, quota.share)),
    concurrency,
    roundTripMs: ASSUMED_ROUND_TRIP_MS,
    nowMs: 0,
  };
  const isKept = screen !== 'never' && !views.some(({ trace }) => trace.devicesUnread);
  const order = { asked, by: isKept ? asked : 'source', cancels: cancels.length } as const;
  return { decisions, forecast: forecastFacts(input, last.lastAtMs, order) };
}
