import { OUTCOME_NAMES } from '../ledger/outcomes.ts';
import type { RunState } from '../ledger/state/run-state.ts';
import { forecast } from '../quota/forecast.ts';
import type { WindowLeft } from '../quota/quota.ts';
import type { RunParts } from './assemble.ts';
import { forecastInput, untouched, type WorkLeft, workLeft } from './run-forecast.ts';

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

/** A long list is gone through again only after so many times as long as that took: it is drawn five times a second. */
const REST = 50;

/** How far a run is, each time it is asked. */
export function factsReader(parts: RunParts): () => ProgressFacts {
  const { ledger, job, clock } = parts;
  let work: WorkLeft | undefined;
  let goodUntilMs = 0;
  return () => {
    const startMs = clock.monotonicMs();
    if (work === undefined || startMs >= goodUntilMs) {
      work = workLeft(ledger.state, job);
      const nowMs = clock.monotonicMs();
      goodUntilMs = nowMs + REST * (nowMs - startMs);
    }
    return factsOf(parts, work);
  };
}

function factsOf({ ledger, quota, gate, clock, job }: RunParts, work: WorkLeft): ProgressFacts {
  const { state } = ledger;
  const counts = state.counts();
  const total = state.actions.size;
  return {
    doing: undefined,
    done: Object.values(counts).reduce((sum, n) => sum + n, 0),
    total,
    confirming: work.confirming,
    outcomes: Object.fromEntries(OUTCOME_NAMES.filter((name) => counts[name] > 0).map((name) => [name, counts[name]])),
    ...waits({ windows: quota?.left() ?? untouched(job.quota), gate, clock, job }, work, state),
  };
}

/** What quota and gate leave, and how long that work will take. */
export function waits(
  { windows, gate, clock, job }: Pick<RunParts, 'gate' | 'clock' | 'job'> & { windows: readonly WindowLeft[] },
  work: Pick<WorkLeft, 'calls' | 'settlesMs'>,
  pace: Pick<RunState, 'roundTripMs'>,
): Pick<ProgressFacts, 'windows' | 'pause' | 'etaMs'> {
  const nowMs = clock.monotonicMs();
  const quotaNow = { windows, nowMs, notBeforeMs: gate.pause?.untilMs };
  const { doneAtMs } = forecast(forecastInput(work, pace, job, quotaNow));
  return {
    windows,
    pause: pauseFacts({ gate, clock, job }, windows),
    etaMs: work.calls === 0 ? undefined : doneAtMs - nowMs,
  };
}
