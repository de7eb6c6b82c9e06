import { type Decision, decide } from '../../engine/decide.ts';
import type { Guards } from '../../job/job.ts';
import { OUTCOME_NAMES } from '../../ledger/outcomes.ts';
import { isAccepted, type RunState } from '../../ledger/state/run-state.ts';
import { ASSUMED_ROUND_TRIP_MS, forecast } from '../../quota/forecast.ts';
import type { RunParts } from '../../run/assemble.ts';
import type { CliContext } from '../context.ts';
import { type ProgressFacts, progressLine, WIDEST_BAR } from './progress-line.ts';
import { stderrLine } from './stderr-line.ts';

/** Every so often on a terminal, and in a log. */
const TERMINAL_MS = 200;
const LOG_MS = 30_000;
/** In longer lists those that wait to be confirmed are too few to change what is shown, and many to go through for each picture. */
const COUNTED_ONE_BY_ONE = 20_000;

/**
 * Shows how far the run is: a bar on a terminal, else a log line every 30 s. All that is shown is read from ledger, quota and gate at that
 * moment; nothing is counted here. Disposing of it removes the bar.
 */
export function showProgress(parts: RunParts, context: CliContext): Promise<Disposable> {
  return showFacts(() => factsOf(parts), context);
}

/** Shows what `read` tells, each time anew. */
export async function showFacts(read: () => ProgressFacts, context: CliContext): Promise<Disposable> {
  const terminal = process.stderr.isTTY === true && !context.env['CI'] && context.env['TERM'] !== 'dumb';
  return terminal ? showBar(read, context) : logProgress(read, context);
}

async function showBar(read: () => ProgressFacts, { env }: CliContext): Promise<Disposable> {
  const { default: progress } = await import('cli-progress');
  const { default: yoctocolors } = await import('yoctocolors');
  const plain = Boolean(env['NO_COLOR']);
  const paint = plain ? undefined : yoctocolors;
  let facts = read();
  const bar = new progress.SingleBar({
    stream: stderrLine.stream(),
    hideCursor: true,
    clearOnComplete: true,
    linewrap: null,
    fps: 1000 / TERMINAL_MS,
    barsize: WIDEST_BAR,
    gracefulExit: false,
    format: (options, params) =>
      progressLine(facts, {
        columns: process.stderr.columns || 80,
        bar: (width) => progress.Format.BarFormat(params.progress, { ...options, barsize: width }),
        paint,
      }),
    barCompleteChar: plain ? '#' : '█',
    barIncompleteChar: plain ? '-' : '░',
  });
  // Begun anew each time it is drawn again: the bar returns to where it began.
  const line = stderrLine.show({
    draw: () => bar.start(Math.max(1, facts.total), facts.done),
    clear: () => bar.stop(),
  });
  const timer = setInterval(() => {
    facts = read();
    bar.update(facts.done);
  }, TERMINAL_MS).unref();
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      line[Symbol.dispose]();
    },
  };
}

function logProgress(read: () => ProgressFacts, { log }: CliContext): Disposable {
  const timer = setInterval(() => {
    const { doing, done, total, outcomes, windows, pausedForMs, etaMs } = read();
    log.info(
      {
        ...(doing === undefined ? {} : { doing }),
        done,
        total,
        outcomes,
        quotaLeft: windows.map(({ left, calls, perMs }) => ({ left, calls, perMs })),
        ...(pausedForMs === undefined ? {} : { pausedForMs }),
        ...(etaMs === undefined ? {} : { etaMs: Math.round(etaMs) }),
      },
      'progress',
    );
  }, LOG_MS).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

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
    ...waits({ quota, gate, clock }, toCall, job.concurrency),
  };
}

/** What quota and gate leave, and how long so many calls will take. */
export function waits(
  { quota, gate, clock }: Pick<RunParts, 'quota' | 'gate' | 'clock'>,
  calls: number,
  concurrency: number,
): Pick<ProgressFacts, 'windows' | 'pausedForMs' | 'pauseReason' | 'etaMs'> {
  const windows = quota.left();
  const nowMs = clock.monotonicMs();
  const { pause } = gate;
  const notBeforeMs = pause?.untilMs;
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
    pausedForMs: pause === undefined ? undefined : Math.max(0, pause.untilMs - nowMs),
    pauseReason: pause?.reason,
    etaMs: calls === 0 ? undefined : doneAtMs - nowMs,
  };
}

/** What still costs a call, and what was accepted and waits for its end. What is known to be over, or kept out, costs none. */
function workIn(state: RunState, guards: Guards): { toCall: number; confirming: number } {
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

function isToCall(decision: Decision): boolean {
  return decision === 'cancel' || decision === 'unscreened';
}
