import { setMaxListeners } from 'node:events';
import type { Clock } from '../clock.ts';
import type { Defender } from '../defender/client.ts';
import { describeDuration } from '../duration.ts';
import {
  ClockError,
  CountermandError,
  DiskError,
  GuardError,
  LockedError,
  RefusedError,
  WorkLeftError,
} from '../errors.ts';
import type { StopSignal } from '../exit-codes.ts';
import { remedyFor, troubleInWords } from '../fs-errors.ts';
import type { Job } from '../job/job.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { CloseReason } from '../ledger/record.ts';
import type { Logger } from '../log.ts';
import type { Gate } from '../quota/gate/gate.ts';
import { keepAlive } from '../quota/keep-alive.ts';
import type { Lookups } from './lookups.ts';

/** How a session ended. `error` is what is said to the user; undefined when there is nothing to say but the counts. */
export interface SessionEnd {
  reason: CloseReason;
  error: CountermandError | undefined;
  signal: StopReason['signal'];
}

/** What a session needs before it has signed in. */
export type SessionParts = Pick<EngineParts, 'job' | 'ledger' | 'gate' | 'clock' | 'stop' | 'log'>;

/**
 * Does the work of one session and closes its ledger with the reason why it ended: what `work` resolves to, the stop's, or
 * the error's. Errors that must not or cannot be written down (a lost lock, a disk that fails, a bug) are thrown, with the ledger as a kill would
 * leave it.
 */
export async function inSession(parts: SessionParts, work: () => Promise<CloseReason>): Promise<SessionEnd> {
  const { ledger, stop, log } = parts;
  using _alive = keepAlive();
  using _watch = watch(parts);
  const admitted = ledger.state.actions.size;
  // A number of none would say that there is nothing to do, before anything was read.
  log.info({ ledger: ledger.name, ...(admitted > 0 && { admitted }) }, 'started');
  try {
    let end: SessionEnd;
    try {
      end = { reason: await work(), error: undefined, signal: undefined };
    } catch (error) {
      end = endOf(shortageOf(error), stop.reason, stop.signal.reason, ledger.state.start !== undefined);
    }
    await ledger.close(end.reason);
    return end;
  } catch (error) {
    // Whoever makes the summary logs the end; of a session without one this is all that is logged.
    const exitCode = error instanceof CountermandError ? error.exitCode : 1;
    log.info({ ledger: ledger.name, counts: ledger.state.counts(), exitCode }, 'ended');
    throw error;
  }
}

/** Where the machine runs out of files or memory in the middle of the work, the rest is for another session. */
function shortageOf(error: unknown): unknown {
  const remedy = remedyFor(error);
  if (remedy === undefined) return error;
  const why = troubleInWords(error as Error);
  return new WorkLeftError(`${why}: nothing more was sent; ${remedy} to resume`, { cause: error });
}

function endOf(error: unknown, stopped: StopReason | undefined, abort: unknown, started: boolean): SessionEnd {
  if (stopped !== undefined && error === abort) {
    return { reason: stopped.close, error: stopped.error, signal: stopped.signal };
  }
  const reason = closeReasonOf(error);
  if (reason === undefined || !(error instanceof CountermandError)) throw error;
  // Nothing was sent on bad input or a declined question: what is there is a plan.
  const unstarted = reason === 'interrupted' && !started;
  return { reason: unstarted ? 'planned' : reason, error, signal: undefined };
}

/** Stops the session at its deadline, or when patience with Defender is at its end. */
function watch({ job, gate, clock, stop }: SessionParts): Disposable {
  const ended = new AbortController();
  const quietly = (watching: Promise<void>) => watching.catch(() => {});
  const { maxDurationMs } = job.guards;
  if (maxDurationMs !== undefined) {
    void quietly(
      clock.sleep(maxDurationMs, { signal: ended.signal, ref: false }).then(() =>
        stop.request({
          close: 'deadline',
          error: new WorkLeftError(
            `stopped at the deadline (--max-duration ${describeDuration(maxDurationMs)}) with work left; run again to go on`,
          ),
        }),
      ),
    );
  }
  void quietly(
    (async () => {
      for (;;) {
        const leftMs = gate.lastSuccessMs + job.patienceMs - clock.monotonicMs();
        if (leftMs <= 0) break;
        await clock.sleep(leftMs, { signal: ended.signal, ref: false });
      }
      stop.request({
        close: 'unreachable',
        error: new WorkLeftError(
          `no call to Defender succeeded for ${describeDuration(job.patienceMs)} (--patience); nothing is lost, run again to go on`,
        ),
      });
    })(),
  );
  return { [Symbol.dispose]: () => ended.abort() };
}

/** Throws a GuardError when more was admitted than `--max-actions` allows. */
export function refuseTooMany({ guards }: Job, admitted: number): void {
  if (guards.maxActions === undefined || admitted <= guards.maxActions) return;
  throw new GuardError(
    `${admitted} actions were admitted, more than --max-actions ${guards.maxActions}: nothing was started; check the list, or raise ` +
      'the limit',
  );
}

/** Why a session ends before its work does. The waits of a session are ended with one of these as their reason. */
export interface StopReason {
  close: CloseReason;
  /** What is said to the user, and the exit code; undefined for a signal. */
  error: CountermandError | undefined;
  signal: StopSignal | undefined;
}

/** The one switch that ends a session: new work stops and waits end at once, what is sent is still awaited. */
export interface Stop {
  /** Aborts with an AbortError once stopped. */
  readonly signal: AbortSignal;
  readonly reason: StopReason | undefined;
  /** The first reason stays. */
  request(reason: Partial<StopReason> & Pick<StopReason, 'close'>): void;
}

export function makeStop(): Stop {
  const controller = new AbortController();
  // Every call in flight and every wait listens to it.
  setMaxListeners(0, controller.signal);
  let given: StopReason | undefined;
  return {
    signal: controller.signal,
    get reason() {
      return given;
    },
    request: ({ close, error, signal }) => {
      if (given !== undefined) return;
      given = { close, error, signal };
      controller.abort();
    },
  };
}

/** How a session closes its ledger after an error; undefined when it must not or cannot write to it any more. */
export function closeReasonOf(error: unknown): CloseReason | undefined {
  if (error instanceof LockedError || error instanceof DiskError || error instanceof ClockError) return undefined;
  if (error instanceof GuardError) return 'halted';
  if (error instanceof RefusedError) return 'refused';
  if (error instanceof WorkLeftError) return 'unreachable';
  // A bug leaves the ledger as a kill would: what was in flight is looked up by the next session.
  return error instanceof CountermandError ? 'interrupted' : undefined;
}

/** What the engine is handed; it builds none of it. */
export interface EngineParts {
  job: Job;
  ledger: Ledger;
  defender: Defender;
  gate: Gate;
  lookups: Lookups;
  stop: Stop;
  clock: Clock;
  random: () => number;
  log: Logger;
  /**
   * Whether a token's own words still permit cancelling; undefined when they do not say (an opaque token).
   * Asked after five refusals in a row, with a renewed token.
   */
  permits(token: string): boolean | undefined;
}
