import { DECISIONS, type Decision, type DecisionCounts, noDecisions } from '../../ledger/decisions.ts';
import { NOT_FOUND_STATUS, type Order } from '../../ledger/record.ts';
import { type ForecastInput, type Reckoning, reckon } from '../../quota/forecast.ts';
import { jobFacts } from './job-facts.ts';
import { type ActionRow, actionRow, mayNeedRelease } from './rows.ts';
import { type LedgerView, mergedActions } from './view.ts';

export interface PlanDecision {
  kind: Decision;
  /** Which guard, which status; undefined where the decision says it all. */
  reason?: string | undefined;
}

/** When the calls would be made, under the quota that is left now. Times are epoch ms. */
export interface ForecastFacts {
  calls: number;
  startsAtMs: number;
  endsAtMs: number;
  /** When a quarter, a half, three quarters and all of the calls are answered. */
  quartersAtMs: readonly number[];
  /** Points of the curve, ascending: how many calls are answered by then. */
  curve: readonly { atMs: number; done: number }[];
  /** Undefined where it is not known how many of the calls are cancels. */
  order: OrderFacts | undefined;
}

/** What goes first, and how many actions are called when: in the first minute, in the rest of the first hour, and later. */
export interface OrderFacts {
  asked: Order;
  by: Order;
  firstMinute: number;
  firstHour: number;
  later: number;
}

/** What the engine and the quota say of a plan; the ledger holds what was looked up, not what was decided. */
export interface PlanFacts {
  decisions: ReadonlyMap<string, PlanDecision> | undefined;
  forecast: ForecastFacts | undefined;
  permissions?: { has: readonly string[]; lacks: readonly string[] } | undefined;
}

export interface PlanSummary {
  /** Undefined when nothing was handed in: a report of a plan's ledger alone. */
  decisions: DecisionCounts | undefined;
  /** Why actions are left out, most frequent first. */
  reasons: { decision: Decision; reason: string; n: number }[];
  cancelByType: { name: string; n: number }[];
  cancelByStatus: { name: string; n: number }[];
  overByStatus: { name: string; n: number }[];
  /** The ten that wait longest among those to be cancelled. */
  oldest: ActionRow[];
  /** The ten machines with most actions to be cancelled. */
  machines: { name: string; n: number }[];
  /** Isolations that had already succeeded, as looked up. */
  needsRelease: number;
  /** IDs that Defender does not know, as looked up. */
  notFound: number;
  forecast: ForecastFacts | undefined;
  /** The forecast's quarters; `part` is 0.25 to 1. */
  quarters: { part: number; atMs: number }[];
  permissions: { has: readonly string[]; lacks: readonly string[] } | undefined;
  overMaxActions: boolean;
}

const LISTED = 10;

export function summarisePlan(views: readonly LedgerView[], facts: PlanFacts): PlanSummary {
  const decisions = noDecisions();
  const reasons = new Map<string, { decision: Decision; reason: string; n: number }>();
  const byType = new Map<string, number>();
  const byStatus = new Map<string, number>();
  const over = new Map<string, number>();
  const machines = new Map<string, number>();
  let oldest: ActionRow[] = [];
  let admitted = 0;
  let needsRelease = 0;
  let notFound = 0;
  for (const merged of mergedActions(views)) {
    const { action } = merged;
    admitted++;
    const decided = facts.decisions?.get(action.id);
    if (action.screen?.status === NOT_FOUND_STATUS) notFound++;
    if (decided !== undefined) decisions[decided.kind]++;
    if (decided?.kind !== 'excluded' && mayNeedRelease(action, true)) needsRelease++;
    // Nothing more is known of those that were not looked up than that they would be called.
    if (decided === undefined || decided.kind === 'unscreened') continue;
    if (decided.kind === 'cancel') {
      bump(byType, action.screen?.type ?? 'unknown');
      bump(byStatus, action.screen?.status ?? 'unknown');
      bump(machines, action.screen?.computer ?? action.screen?.machineId ?? 'unknown');
      oldest = keepOldest(oldest, actionRow(merged));
      continue;
    }
    if (decided.kind === 'already-final') bump(over, action.screen?.status ?? 'unknown');
    const reason = decided.reason ?? DECISIONS[decided.kind].means;
    const key = `${decided.kind}\n${reason}`;
    const entry = reasons.get(key) ?? { decision: decided.kind, reason, n: 0 };
    entry.n++;
    reasons.set(key, entry);
  }
  const most = jobFacts(views.at(-1)?.state.sessions.at(-1)?.opened.job).maxActions;
  return {
    decisions: facts.decisions === undefined ? undefined : decisions,
    reasons: [...reasons.values()].sort((a, b) => b.n - a.n),
    cancelByType: ranked(byType),
    cancelByStatus: ranked(byStatus),
    overByStatus: ranked(over),
    oldest,
    machines: ranked(machines).slice(0, LISTED),
    needsRelease,
    notFound,
    forecast: facts.forecast,
    quarters: (facts.forecast?.quartersAtMs ?? []).map((atMs, i) => ({ part: (i + 1) / 4, atMs })),
    permissions: facts.permissions,
    overMaxActions: most !== undefined && admitted > most,
  };
}

function keepOldest(kept: ActionRow[], row: ActionRow): ActionRow[] {
  if (row.created === undefined) return kept;
  const last = kept.at(-1)?.created;
  if (kept.length === LISTED && last !== undefined && row.created >= last) return kept;
  return [...kept, row].sort((a, b) => ((a.created ?? '') < (b.created ?? '') ? -1 : 1)).slice(0, LISTED);
}

function bump(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function ranked(counts: ReadonlyMap<string, number>): { name: string; n: number }[] {
  return [...counts].map(([name, n]) => ({ name, n })).sort((a, b) => b.n - a.n);
}

/** Points of the curve: enough to see the bursts of a minute's and an hour's quota. */
const POINTS = 240;

/** The order of the calls, and how many of them are cancels. */
export interface OrderedCancels extends Pick<OrderFacts, 'asked' | 'by'> {
  cancels: number;
}

/** The forecast as reports show it: moments on the wall clock, and the curve between them. `nowWallMs` belongs to `input.nowMs`. */
export function forecastFacts(input: ForecastInput, nowWallMs: number, order?: OrderedCancels): ForecastFacts {
  const wall = (monotonicMs: number) => nowWallMs + monotonicMs - input.nowMs;
  const reckoning = reckon(input);
  const { forecast: whole, answeredAtMs } = reckoning;
  const startsAtMs = wall(whole.nextAtMs ?? input.nowMs);
  const points = Math.min(POINTS, input.calls);
  const curve = [{ atMs: startsAtMs, done: 0 }];
  for (let i = 1; i <= points; i++) {
    const done = Math.ceil((input.calls * i) / points);
    curve.push({ atMs: wall(answeredAtMs(done)), done });
  }
  return {
    calls: input.calls,
    startsAtMs,
    endsAtMs: wall(whole.doneAtMs),
    quartersAtMs: whole.quartersAtMs.map(wall),
    curve,
    order: order && orderFacts(input.calls, reckoning, order),
  };
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** Lookups go out between the cancels, evenly enough. Spans begin with the first call. */
function orderFacts(all: number, reckoning: Reckoning, { asked, by, cancels }: OrderedCancels): OrderFacts {
  const lookups = all - cancels;
  const cancelsWithin = (spanMs: number) => {
    const calls = callsWithin(all, reckoning, spanMs);
    return calls - Math.ceil((calls * lookups) / Math.max(1, all));
  };
  const [inMinute, inHour] = [cancelsWithin(MINUTE_MS), cancelsWithin(HOUR_MS)];
  return { asked, by, firstMinute: inMinute, firstHour: inHour - inMinute, later: cancels - inHour };
}

/** How many of all calls go out in the span that begins with the first one. */
function callsWithin(all: number, { forecast: { nextAtMs }, sentAtMs }: Reckoning, spanMs: number): number {
  if (nextAtMs === undefined) return 0;
  let [within, beyond] = [1, all + 1];
  while (beyond - within > 1) {
    const calls = Math.floor((within + beyond) / 2);
    if (sentAtMs(calls) - nextAtMs < spanMs) within = calls;
    else beyond = calls;
  }
  return within;
}
