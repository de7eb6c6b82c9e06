import PQueue from 'p-queue';
import { CountermandError } from '../errors.ts';
import { type Confirmer, makeConfirmer } from './confirmer.ts';
import { type FailureGuard, makeFailureGuard } from './failure-guard.ts';
import { type ForbiddenStreak, makeForbiddenStreak } from './forbidden-streak.ts';
import { type LookupBatcher, makeLookupBatcher } from './lookup-batcher.ts';
import { type NextStep, nextStep } from './next-step.ts';
import { type Settlement, stampOf } from './outcome-rules.ts';
import type { EngineParts } from './parts.ts';
import { makeScreening, type Screening } from './screening.ts';
import { closeReasonOf } from './session.ts';
import type { Task } from './task.ts';
import { makeWorkQueue, type WorkQueue } from './work-queue.ts';

/** What a session cancels with: the queue, the workers, and what they share. */
export interface Work {
  readonly parts: EngineParts;
  readonly queue: WorkQueue;
  readonly workers: PQueue;
  readonly screening: Screening;
  readonly batcher: LookupBatcher;
  readonly confirmer: Confirmer;
  readonly streak: ForbiddenStreak;
  readonly guard: FailureGuard;
  /** What is to be done with the task, by what is known of it now. */
  stepOf(task: Task): NextStep;
  /** Records an outcome. Throws a GuardError when it is one failure too many. */
  settle(task: Task, settlement: Settlement): Promise<void>;
  /** Ends all waits, and nothing new is begun. The first error stays. */
  fail(error: unknown): void;
  /** What {@link fail} was told first. */
  readonly failure: { error: unknown } | undefined;
}

/** `retry`: actions with a final outcome that are to be tried once more. */
export function makeWork(parts: EngineParts, retry: ReadonlySet<string>): Work {
  const { job, ledger, lookups, clock, stop } = parts;
  const { signal } = stop;
  const { state } = ledger;
  const stamp = stampOf(state.run);
  const workers = new PQueue({ concurrency: job.concurrency });
  const screening = makeScreening(parts);
  const guard = makeFailureGuard(job.guards.maxFailures, state);

  let failure: { error: unknown } | undefined;
  const fail = (error: unknown) => {
    failure ??= { error };
    stop.request({
      close: closeReasonOf(error) ?? 'interrupted',
      error: error instanceof CountermandError ? error : undefined,
    });
    workers.clear();
  };
  const settle = async ({ id, action: { sent } }: Task, settlement: Settlement) => {
    await ledger.outcome({ id, ...settlement, attempts: sent });
    if (sent > 0) guard.settled(settlement.outcome);
  };
  const stepOf = (task: Task) => nextStep(task, { guards: job.guards, canRead: lookups.canRead, stamp, screening });

  const { confirmForMs } = job;
  return {
    parts,
    queue: makeWorkQueue({ state, retry, clock, stepOf }),
    workers,
    screening,
    batcher: makeLookupBatcher(lookups, clock, signal),
    confirmer: makeConfirmer({ lookups, clock, signal, confirmForMs, stamp, settle, onError: fail }),
    streak: makeForbiddenStreak(parts, settle),
    guard,
    stepOf,
    settle,
    fail,
    get failure() {
      return failure;
    },
  };
}
