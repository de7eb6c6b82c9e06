import type { ExitCode, StopSignal } from '../../exit-codes.ts';
import { OUTCOME_NAMES, type Outcome } from '../../ledger/outcomes.ts';
import { type CloseReason, NOT_FOUND_STATUS, type RejectReason, ROUTES, type Route } from '../../ledger/record.ts';
import { noCalls } from '../../ledger/state/calls.ts';
import { type LeftCounts, nothingLeft, whereIs } from '../../ledger/state/counts.ts';
import { type Action, isOpen } from '../../ledger/state/run-state.ts';
import type { Window } from '../../quota/quota.ts';
import { exitCodeOf, lookCount } from './headline.ts';
import { type JobFacts, jobFacts } from './job-facts.ts';
import {
  answersOf,
  durationOf,
  type LedgerSummary,
  ledgerSummary,
  type MinuteSummary,
  minutesOf,
  type PauseSummary,
  pausesOf,
  type SessionSummary,
  sessionsOf,
  unionMs,
} from './ledger-summary.ts';
import { type ForecastFacts, type PlanFacts, type PlanSummary, summarisePlan } from './plan-summary.ts';
import { mayNeedRelease } from './rows.ts';
import { sharedWindows, usageOf, type WindowUsage } from './usage.ts';
import { distinctRuns, type Holder, isPlan, type LedgerView, mergedActions, type TracedReject } from './view.ts';

/** Everything that a report shows, whatever its format. Times are epoch ms. */
export interface Summary {
  kind: 'plan' | 'run';
  generatedAtMs: number;
  ledgers: LedgerSummary[];
  admitted: number;
  /** Last outcome of each action. */
  counts: Record<Outcome, number>;
  /** Admitted without any outcome yet. */
  open: number;
  /** The open ones, by what is known of them. */
  openBy: LeftCounts;
  /** Without a final outcome: the open ones and those that a later lookup may settle. */
  left: number;
  needsLook: number;
  needsRelease: number;
  /** Actions that were called, or are to be, without anybody having seen their type. */
  unseen: number;
  rejected: Record<RejectReason, number>;
  /** The first rejected rows; `rejected` counts them all. */
  rejects: (TracedReject & { ledger: string })[];
  calls: Record<Route, number>;
  /** Answers by HTTP status, or by error, most frequent first. */
  answers: { answer: string; n: number }[];
  types: TypeSummary[];
  sessions: SessionSummary[];
  pauses: PauseSummary[];
  /** Time during which a pause held the calls back, overlaps counted once. */
  pausedMs: number;
  minutes: MinuteSummary[];
  /** That all calls went through together; none where there are no such. */
  windows: readonly Window[];
  /** Of those that are longer than a minute. */
  usage: readonly WindowUsage[];
  firstAtMs: number;
  lastAtMs: number;
  /** When the question was answered, or `--yes` given. */
  startedAtMs: number | undefined;
  startedBy: 'question' | 'yes' | undefined;
  /** Of the last session of each ledger, from its opening to its last record, added up. */
  durationMs: number;
  /** When it is over, if somebody goes on with it now; undefined where nothing is left, or nobody has reckoned. */
  forecast: Pick<ForecastFacts, 'calls' | 'startsAtMs' | 'endsAtMs'> | undefined;
  reason: CloseReason | undefined;
  /** Which signal interrupted it, where that is known: of the session that has just ended. */
  signal: StopSignal | undefined;
  /** Undefined while a run has not ended. */
  exitCode: ExitCode | undefined;
  plan: PlanSummary | undefined;
}

interface TypeSummary {
  /** Defender's type, or why there is none. */
  type: string;
  total: number;
  /** Last known status of its actions. */
  statuses: { status: string; n: number }[];
}

const NOT_LOOKED_UP = 'not looked up';
const NOT_KNOWN = 'not found in Defender';
const NOT_SHOWN = 'not shown by Defender';

export interface SummariseOptions {
  nowMs: number;
  /** Which signal interrupted the session that just ended, as the ledger does not keep it. */
  signal?: StopSignal | undefined;
  /** For a plan: what the engine decided, and the forecast. */
  plan?: PlanFacts | undefined;
  /** What a command line must say to come to the ledgers' store. @default nothing: files, or the environment names it */
  storeWords?: readonly string[] | undefined;
  /** For a run with work left. */
  forecast?: ForecastFacts | undefined;
  /** Who works on which ledger, by its path, null for nobody; left out where nobody has looked. */
  holders?: ReadonlyMap<string, Holder | null> | undefined;
}

/**
 * One summary of one ledger or several. An action in several is counted once, with its latest outcome; calls, rejected
 * rows, sessions and pauses are of all of them.
 */
export function summarise(given: readonly LedgerView[], options: SummariseOptions): Summary {
  const views = distinctRuns(given);
  const kind = options.plan !== undefined || views.every(isPlan) ? 'plan' : 'run';
  const counts = zeroCounts();
  const types = new Map<string, { total: number; statuses: Map<string, number> }>();
  let admitted = 0;
  let open = 0;
  const openBy = nothingLeft();
  let left = 0;
  let needsRelease = 0;
  let unseen = 0;
  const job = jobFacts(views.at(-1)?.state.sessions.at(-1)?.opened.job);
  for (const { action } of mergedActions(views)) {
    admitted++;
    if (isUnseen(action, job)) unseen++;
    if (action.outcome === undefined) {
      open++;
      openBy[whereIs(action)]++;
    } else counts[action.outcome.outcome]++;
    if (isOpen(action)) left++;
    if (mayNeedRelease(action, kind === 'plan')) needsRelease++;
    countType(types, action);
  }

  const rejected = { 'not-an-id': 0, 'bad-row': 0, duplicate: 0 };
  const calls = noCalls();
  for (const { state } of views) {
    for (const reason of Object.keys(rejected) as RejectReason[]) rejected[reason] += state.rejected[reason];
    for (const route of ROUTES) calls[route] += state.calls[route];
  }

  const plan =
    kind === 'plan' ? summarisePlan(views, options.plan ?? { decisions: undefined, forecast: undefined }) : undefined;
  if (plan?.needsRelease !== undefined) needsRelease = plan.needsRelease;
  const sessions = views.flatMap(sessionsOf).sort((a, b) => a.openedAtMs - b.openedAtMs);
  const pauses = views.flatMap((view) => pausesOf(view)).sort((a, b) => a.atMs - b.atMs);
  const started = views.map((view) => view.state.start).filter((start) => start !== undefined);
  const reason = lastReason(views, left);
  const ledgers = views.map((view) => ledgerSummary(view, options));
  const minutes = minutesOf(views);
  const windows = sharedWindows(ledgers);
  return {
    kind,
    generatedAtMs: options.nowMs,
    ledgers,
    admitted,
    counts,
    open,
    openBy,
    left,
    needsLook: lookCount(counts),
    needsRelease,
    unseen,
    rejected,
    rejects: views.flatMap((view) => view.trace.rejects.map((reject) => ({ ...reject, ledger: view.path }))),
    calls,
    answers: answersOf(views),
    types: [...types]
      .map(([type, { total, statuses }]) => ({
        type,
        total,
        statuses: [...statuses].map(([status, n]) => ({ status, n })).sort((a, b) => b.n - a.n),
      }))
      .sort((a, b) => b.total - a.total),
    sessions,
    pauses,
    pausedMs: unionMs(pauses),
    minutes,
    windows,
    usage: usageOf(windows, minutes),
    firstAtMs: Math.min(...views.map((view) => view.state.firstAtMs)),
    lastAtMs: Math.max(...views.map((view) => view.state.lastAtMs)),
    startedAtMs: started.length > 0 ? Math.min(...started.map((start) => start.atMs)) : undefined,
    startedBy: started.at(-1)?.by,
    durationMs: views.reduce((sum, view) => sum + durationOf(view), 0),
    forecast: plan?.forecast ?? options.forecast,
    reason,
    signal: options.signal,
    exitCode: exitCodeOf({
      reason,
      counts,
      rejected,
      needsRelease,
      signal: options.signal,
      notFound: plan?.notFound,
      overMaxActions: plan?.overMaxActions,
    }),
    plan,
  };
}

function zeroCounts(): Record<Outcome, number> {
  return Object.fromEntries(OUTCOME_NAMES.map((name) => [name, 0])) as Record<Outcome, number>;
}

/** Nothing says what it does, and it was called all the same, or will be. */
function isUnseen({ screen, sent, outcome }: Action, { looksUp }: JobFacts): boolean {
  if (screen !== undefined && (screen.type !== '' || screen.status === NOT_FOUND_STATUS)) return false;
  return sent > 0 || (outcome === undefined && (screen !== undefined || !looksUp));
}

function countType(types: Map<string, { total: number; statuses: Map<string, number> }>, action: Action): void {
  const type = typeOf(action);
  const status = action.outcome?.status ?? action.screen?.status ?? 'unknown';
  let entry = types.get(type);
  if (entry === undefined) {
    entry = { total: 0, statuses: new Map() };
    types.set(type, entry);
  }
  entry.total++;
  entry.statuses.set(status, (entry.statuses.get(status) ?? 0) + 1);
}

function typeOf({ screen }: Action): string {
  if (screen === undefined) return NOT_LOOKED_UP;
  if (screen.status === NOT_FOUND_STATUS) return NOT_KNOWN;
  return screen.type || NOT_SHOWN;
}

/** How the whole ended: as the ledger that ended last, unless that one is done and another still has work. */
function lastReason(views: readonly LedgerView[], left: number): CloseReason | undefined {
  const reasons = [...views]
    .sort((a, b) => b.state.lastAtMs - a.state.lastAtMs)
    .map((view) => view.state.sessions.at(-1)?.closed?.reason);
  if (views.length === 1) return reasons[0];
  if (left === 0 && reasons.every((reason) => reason !== 'planned')) return 'finished';
  // A ledger that never ended outranks those that did: the whole is not over.
  return reasons.includes(undefined) ? undefined : (reasons.find((reason) => reason !== 'finished') ?? 'finished');
}
