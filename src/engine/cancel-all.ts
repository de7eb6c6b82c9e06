import PQueue from 'p-queue';
import { CountermandError, GuardError } from '../errors.ts';
import { unseenTypes } from '../job/known-names.ts';
import type { Action, RunState } from '../ledger/state/run-state.ts';
import { cancelOne } from './cancel-one.ts';
import type { Next } from './cancel-rules.ts';
import { type Confirmer, makeConfirmer } from './confirmer.ts';
import { type FailureGuard, type ForbiddenStreak, makeFailureGuard, makeForbiddenStreak } from './failure-guard.ts';
import { refuseUnseen } from './guards.ts';
import { type LookupBatcher, makeLookupBatcher } from './lookup-batcher.ts';
import type { CallOrder } from './order.ts';
import { type Settlement, stampOf } from './outcome-rules.ts';
import { countDecisions } from './screen-all.ts';
import { makeScreening, refuseUnread, type Screening } from './screening.ts';
import { closeReasonOf, type EngineParts } from './session.ts';
import { isOutdated, type NextStep, nextStep, type Task } from './task.ts';
import { makeWorkQueue, type Taken, type WorkQueue } from './work-queue.ts';

export interface CancelAllOptions {
  /** Actions with a final outcome that are to be tried once more. */
  retry?: ReadonlySet<string> | undefined;
  /** Who is called first. @default as the ledger has them */
  order?: CallOrder | undefined;
  /** Shows what became of the first N (`--first`) and says whether the rest is to be called. */
  goOn(first: readonly Action[]): Promise<boolean>;
}

/**
 * Takes every open action of the ledger to an outcome. Actions come in the order that was chosen, a hundred screened just ahead of the workers,
 * which take them through slot, call and answer; accepted ones are confirmed alongside. Resolves when all is done and
 * confirmed. Rejects with what stopped it, or the stop signal's reason, once everything in flight has ended.
 */
export async function cancelAll(
  parts: EngineParts,
  { retry = new Set(), order, goOn }: CancelAllOptions,
): Promise<void> {
  const { job, log } = parts;
  const work = makeWork(parts, retry, order);
  try {
    refuseUnseen(job);
    refuseUnread(parts);
    const { unseen } = countDecisions(parts);
    if (unseen > 0) log.warn(unseenTypes(unseen));
    if (job.guards.first) await cancelFirstBatch(work, job.guards.first, goOn);
    await feed(work, Number.POSITIVE_INFINITY);
    // All is called: a guard against more of the same refusals has nothing to stop any more.
    if (work.streak.isHolding) work.guard.disarm();
    await finish(work);
  } catch (error) {
    work.fail(error);
  }
  await work.workers.onIdle();
  await work.confirmer.ended();
  if (work.failure !== undefined) throw work.failure.error;
}

async function cancelFirstBatch(work: Work, first: number, goOn: CancelAllOptions['goOn']): Promise<void> {
  const { state } = work.parts.ledger;
  const before = calledOf(state).length;
  if (before > first) return;
  await feed(work, first - before);
  await finish(work);
  const called = calledOf(state);
  if (work.queue.isEmpty || (await goOn(called))) return;
  throw new GuardError(
    `stopped after the first ${called.length} (--first): look at what became of them, then resume to cancel the rest ` +
      '(with --first 0 to go on without this check)',
  );
}

/** Until every action that was begun has its outcome. */
async function finish({ streak, confirmer, parts }: Work): Promise<void> {
  await streak.broken();
  await confirmer.drain();
  parts.stop.signal.throwIfAborted();
}

function calledOf({ actions }: RunState): Action[] {
  return [...actions.values()].filter(({ sent }) => sent > 0);
}

/** Feeds the workers until the queue is empty, or `most` actions were begun and have ended. Rejects with the stop signal's reason. */
async function feed(work: Work, most: number): Promise<void> {
  const { queue, workers, parts } = work;
  let begun = 0;
  for (;;) {
    const taken = begun < most ? queue.take() : queue.takeBegun();
    if (taken.length > 0) {
      begun += await serve(work, taken, most - begun);
      continue;
    }
    await workers.onIdle();
    parts.stop.signal.throwIfAborted();
    if (!queue.hasBegun) return;
  }
}

/** What needs a lookup is looked up together, then each task takes its next step. Returns how many more were begun, `most` at most. */
async function serve(work: Work, taken: readonly Taken[], most: number): Promise<number> {
  const { screening, queue, settle, fail } = work;
  const { signal } = work.parts.stop;
  const unknown = taken.filter(({ step }) => step.kind === 'look').map(({ task }) => task);
  if (unknown.length > 0) await screening.look(unknown, signal);
  const settling: Promise<void>[] = [];
  const later: Task[] = [];
  let begun = 0;
  try {
    for (const { task, step: asTaken } of taken) {
      signal.throwIfAborted();
      const step = asTaken.kind === 'look' ? work.stepOf(task) : asTaken;
      if (isOutdated(step, task, screening)) {
        later.push(task);
      } else if (step.kind === 'settle') {
        const settled = settle(task, step.settlement);
        // Nobody waits for it before the end of the loop, which may be an hour away.
        settled.catch(fail);
        settling.push(settled);
      } else if (step.kind === 'work') {
        const isNew = task.timesPutBack === 0 && step.next.kind === 'again';
        if (isNew && (begun >= most || queue.hasPutBack)) {
          later.push(task);
          continue;
        }
        await begin(work, task, step.next);
        if (isNew) begun++;
      }
    }
  } finally {
    // Together, so that they share their syncs.
    await Promise.all(settling);
  }
  queue.holdOver(later);
  return begun;
}

/** Hands a task to a worker as soon as one is near. */
async function begin(work: Work, task: Task, next: Next): Promise<void> {
  const { workers, queue, fail, parts } = work;
  const cancelling = workers.add(async () => {
    if ((await cancelOne(work, task, next)) === 'put-back') queue.putBack(task);
  });
  cancelling.catch(fail);
  await workers.onSizeLessThan(parts.job.concurrency);
}

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
export function makeWork(parts: EngineParts, retry: ReadonlySet<string>, order?: CallOrder): Work {
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
    queue: makeWorkQueue({ state, retry, clock, order, stepOf }),
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
