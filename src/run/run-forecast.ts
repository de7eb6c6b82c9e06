import { LOOKUP_SIZE } from '../defender/routes.ts';
import { FIRST_LOOK_MS } from '../engine/confirmer.ts';
import { decide } from '../engine/guards.ts';
import type { Job } from '../job/job.ts';
import { thawJob } from '../job/resume-job.ts';
import { isToCall } from '../ledger/decisions.ts';
import type { PauseReason } from '../ledger/record.ts';
import { isAccepted, type RunState } from '../ledger/state/run-state.ts';
import { silentLog } from '../log.ts';
import { ASSUMED_ROUND_TRIP_MS, allFree, type ForecastInput } from '../quota/forecast.ts';
import type { WindowLeft } from '../quota/quota.ts';
import { shareOf } from '../quota/windows.ts';
import { type ForecastFacts, forecastFacts, type OrderedCancels } from '../report/facts/plan-summary.ts';
import { isOver, type LedgerView } from '../report/facts/view.ts';
import type { Machine } from './machine.ts';

/*
 * When a run is over: plan, question, progress, the summary at the end, report, `status` and the metrics all say what is reckoned here, from what the
 * ledger says is left and what the calls so far leave of the quota.
 */

/** What a run still asks of Defender. */
export interface WorkLeft {
  /** Actions that will be called, as far as is known. What is known to be over, or kept out, costs no call. */
  toCall: number;
  /** Accepted, and their end not seen yet. */
  confirming: number;
  /** Cancels, the lookups before them and those that confirm them. */
  calls: number;
  /** How long an accepted cancel is left alone before it is looked up; undefined where nobody looks. */
  settlesMs: number | undefined;
}

/** `without`: not to be called after all, though the ledger does not say so yet. */
export function workLeft(state: RunState, job: Job, without: ReadonlySet<string> = new Set()): WorkLeft {
  let toCall = 0;
  let confirming = 0;
  for (const action of state.left()) {
    if (action.outcome !== undefined || without.has(action.id)) continue;
    if (isAccepted(action)) confirming++;
    else if (action.last !== undefined || isToCall(decide(action.screen, job.guards).kind)) toCall++;
  }
  // Who called and never looked may not look.
  const mayLook = state.calls.list + state.calls.get > 0 || state.calls.cancel === 0;
  const looksFirst = mayLook && job.screen !== 'never' && toCall > 0;
  const confirms = mayLook && job.confirmForMs > 0 && toCall + confirming > 0;
  const batches = (n: number) => Math.ceil(n / LOOKUP_SIZE);
  return {
    toCall,
    confirming,
    calls: toCall + (looksFirst ? batches(toCall) : 0) + (confirms ? batches(toCall + confirming) : 0),
    settlesMs: confirms ? FIRST_LOOK_MS : undefined,
  };
}

/** The quota as a session finds it, on the monotonic clock. */
export interface QuotaNow {
  windows: readonly WindowLeft[];
  nowMs: number;
  /** The end of a pause, if the gate is closed. */
  notBeforeMs?: number | undefined;
}

/** What the forecast of a run goes by. */
export function forecastInput(
  { calls, settlesMs }: Pick<WorkLeft, 'calls' | 'settlesMs'>,
  { roundTripMs = ASSUMED_ROUND_TRIP_MS }: Pick<RunState, 'roundTripMs'>,
  { concurrency }: Pick<Job, 'concurrency'>,
  quota: QuotaNow,
): ForecastInput {
  return { calls, settlesMs, roundTripMs, concurrency, ...quota };
}

/** Before anybody has signed in, nothing is known to be taken. */
export function untouched({ windows, share }: Job['quota']): WindowLeft[] {
  return allFree(shareOf(windows, share));
}

type LookingMachine = Pick<Machine, 'store' | 'clock' | 'log'>;

/** What the ledgers beside this one leave of its quota now. Where they cannot be looked at, it counts as untouched: a forecast stops nothing. */
export async function quotaBeside(
  name: string,
  { sessions }: Pick<RunState, 'sessions'>,
  { store, log }: LookingMachine,
): Promise<readonly WindowLeft[]> {
  const opened = sessions.at(-1)?.opened;
  if (opened === undefined) return [];
  const { tenant, client, api, job } = opened;
  const { quota } = thawJob(job);
  try {
    // What is wrong with a neighbour is told by whoever sends.
    return await store.quotaLeft({ tenant, client, api }, quota, { name, log: silentLog });
  } catch (error) {
    log.debug({ err: error }, 'what is left of the quota is not known');
    return untouched(quota);
  }
}

/**
 * When what is left of these runs is over, if somebody goes on with it now; undefined where nothing is. Several go one after the other, under the quota of
 * the last. `given`: what is left of that, where it is known. `isHeld`: somebody works on it, and so keeps to its pause.
 */
export async function forecastOf(
  views: readonly LedgerView[],
  machine: LookingMachine,
  { given, isHeld = false, order }: ForecastOptions = {},
): Promise<ForecastFacts | undefined> {
  const unfinished = views.filter((view) => !isOver(view));
  const last = unfinished.at(-1);
  if (last === undefined) return undefined;
  const { state, path } = last;
  const works = unfinished.map((view) => workLeft(view.state, jobOf(view.state)));
  const sum = (number: (work: WorkLeft) => number) => works.reduce((all, work) => all + number(work), 0);
  const toCall = sum((work) => work.toCall);
  const work: WorkLeft = {
    toCall,
    confirming: sum((each) => each.confirming),
    calls: sum(({ calls }) => calls),
    settlesMs: works.find(({ settlesMs }) => settlesMs !== undefined)?.settlesMs,
  };
  const windows = given ?? (await quotaBeside(path, state, machine));
  const [nowMs, wallMs] = [machine.clock.monotonicMs(), machine.clock.wallMs()];
  const notBeforeMs = isHeld ? pausedUntilMs(state, nowMs - wallMs) : undefined;
  const input = forecastInput(work, state, jobOf(state), { windows, nowMs, notBeforeMs });
  return forecastFacts(input, wallMs, order && { ...order, cancels: toCall });
}

interface ForecastOptions {
  given?: readonly WindowLeft[] | undefined;
  isHeld?: boolean | undefined;
  order?: Pick<OrderedCancels, 'asked' | 'by'> | undefined;
}

/** The end of the pause of a session that has not ended; `aheadMs`: our monotonic clock minus the wall's. */
export function pausedUntilMs(
  { sessions, pauses }: Pick<RunState, 'sessions' | 'pauses'>,
  aheadMs: number,
): number | undefined {
  const pause = lastPause({ sessions, pauses });
  return pause && pause.untilMs + aheadMs;
}

/** The last pause of a session that has not ended; epoch ms. */
export function lastPause({
  sessions,
  pauses,
}: Pick<RunState, 'sessions' | 'pauses'>): { reason: PauseReason; untilMs: number } | undefined {
  const last = sessions.at(-1);
  if (last?.closed !== undefined) return undefined;
  const pause = pauses.findLast(({ session }) => session === last?.number);
  return pause && { reason: pause.reason, untilMs: Date.parse(pause.until) };
}

function jobOf({ sessions }: RunState): Job {
  return thawJob(sessions.at(-1)?.opened.job);
}
