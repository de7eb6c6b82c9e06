import { decide } from '../engine/guards.ts';
import type { Guards } from '../job/job.ts';
import { isToCall } from '../ledger/decisions.ts';
import { OUTCOME_NAMES } from '../ledger/outcomes.ts';
import { isAccepted, type RunState } from '../ledger/state/run-state.ts';
import { ASSUMED_ROUND_TRIP_MS, allFree, forecast } from '../quota/forecast.ts';
import type { WindowLeft } from '../quota/quota.ts';
import { shareOf } from '../quota/windows.ts';
import type { RunParts } from './assemble.ts';

export interface ProgressFacts {
  /** What is being done, where it is not the cancelling itself. */
  doing: string | undefined;
  done: number;
  total: number;
  /** Accepted, and their end not seen yet. */
  confirming: number;
  /** Counts above 0 by outcome. */
  outcomes: Record<string, number>;
  windows: readonly WindowLeft[];
  /** While the gate is closed. */
  pause: PauseFacts | undefined;
  etaMs: number | undefined;
}

/** Why nothing is sent just now, and how long that may be. */
export interface PauseFacts {
  reason: 'throttled' | 'out-of-reach';
  /** Since the gate was closed. */
  elapsedMs: number;
  /** Until the next try. */
  leftMs: number;
  /** Until patience with Defender is at its end. */
  givesUpInMs: number;
  /** Whether a window of our own has no call left: else a 429 is somebody else's doing. */
  ownQuotaSpent: boolean;
}

export function pauseFacts(
  { gate, clock, job }: Pick<RunParts, 'gate' | 'clock' | 'job'>,
  windows: readonly WindowLeft[],
): PauseFacts | undefined {
  const { pause, closedAtMs, lastSuccessMs } = gate;
  const nowMs = clock.monotonicMs();
  if (pause === undefined) return undefined;
  return {
    reason: pause.reason,
    elapsedMs: nowMs - (closedAtMs ?? nowMs),
    leftMs: Math.max(0, pause.untilMs - nowMs),
    givesUpInMs: Math.max(0, lastSuccessMs + job.patienceMs - nowMs),
    ownQuotaSpent: windows.some(({ left }) => left === 0),
  };
}

/** In longer lists those that wait to be confirmed are too few to change what is shown, and many to go through for each picture. */
const COUNTED_ONE_BY_ONE = 20_000;

export function factsOf({ ledger, quota, gate, clock, job }: RunParts): ProgressFacts {
  const { state } = ledger;
  const counts = state.counts();
  const total = state.actions.size;
  const { toCall, confirming } = workIn(state, job.guards);
  return {
    doing: undefined,
    done: Object.values(counts).reduce((sum, n) => sum + n, 0),
    total,
    confirming,
    outcomes: Object.fromEntries(OUTCOME_NAMES.filter((name) => counts[name] > 0).map((name) => [name, counts[name]])),
    // Before anybody has signed in, nothing is known to be taken.
    ...waits(
      { windows: quota?.left() ?? allFree(shareOf(job.quota.windows, job.quota.share)), gate, clock, job },
      toCall,
      job.concurrency,
    ),
  };
}

/** What quota and gate leave, and how long so many calls will take. */
export function waits(
  { windows, gate, clock, job }: Pick<RunParts, 'gate' | 'clock' | 'job'> & { windows: readonly WindowLeft[] },
  calls: number,
  concurrency: number,
): Pick<ProgressFacts, 'windows' | 'pause' | 'etaMs'> {
  const nowMs = clock.monotonicMs();
  const notBeforeMs = gate.pause?.untilMs;
  const { doneAtMs } = forecast({
    calls,
    windows,
    concurrency,
    roundTripMs: ASSUMED_ROUND_TRIP_MS,
    nowMs,
    notBeforeMs,
  });
  return {
    windows,
    pause: pauseFacts({ gate, clock, job }, windows),
    etaMs: calls === 0 ? undefined : doneAtMs - nowMs,
  };
}

/** What still costs a call, and what was accepted and waits for its end. What is known to be over, or kept out, costs none. */
export function workIn(state: RunState, guards: Guards): { toCall: number; confirming: number } {
  if (state.actions.size > COUNTED_ONE_BY_ONE) {
    const { unconfirmed, unknown } = state.counts();
    return { toCall: Math.max(0, state.leftCount - unconfirmed - unknown), confirming: 0 };
  }
  let toCall = 0;
  let confirming = 0;
  for (const action of state.left()) {
    if (action.outcome !== undefined) continue;
    if (isAccepted(action)) confirming++;
    else if (action.last !== undefined || isToCall(decide(action.screen, guards).kind)) toCall++;
  }
  return { toCall, confirming };
}
