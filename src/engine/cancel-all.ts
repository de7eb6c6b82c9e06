import PQueue from 'p-queue';
import { LOOKUP_SIZE } from '../defender/routes.ts';
import { CountermandError, GuardError } from '../errors.ts';
import { unseenTypes } from '../job/unseen-types.ts';
import type { Action } from '../ledger/state/run-state.ts';
import { cancelOne } from './cancel-one.ts';
import type { Next } from './cancel-rules.ts';
import { makeConfirmer } from './confirmer.ts';
import { makeFailureGuard } from './failure-guard.ts';
import { makeForbiddenStreak } from './forbidden-streak.ts';
import { refuseUnseen } from './guards.ts';
import { makeLookupBatcher } from './lookup-batcher.ts';
import type { Found } from './lookups.ts';
import { type NextStep, nextStep } from './next-step.ts';
import { type Settlement, stampOf } from './outcome-rules.ts';
import type { EngineParts } from './parts.ts';
import { countDecisions } from './screen-all.ts';
import { makeScreening, refuseUnread } from './screening.ts';
import { closeReasonOf } from './session.ts';
import { makeWorkQueue, type Task } from './work-queue.ts';

export interface CancelAllOptions {
  /** Actions with a final outcome that are to be tried once more. */
  retry?: ReadonlySet<string> | undefined;
  /** Shows what became of the first N (`--first`) and says whether the rest is to be called. */
  goOn(first: readonly Action[]): Promise<boolean>;
}

/** Tasks taken from the queue at a time, at most, when none of them needs a lookup. */
const CHUNK = 1000;

/**
 * Takes every open action of the ledger to an outcome. Actions come in source order, a hundred screened just ahead of the workers,
 * which take them through slot, call and answer; accepted ones are confirmed alongside. Resolves when all is done and
 * confirmed. Rejects with what stopped it, or the stop signal's reason, once everything in flight has ended.
 */
export async function cancelAll(parts: EngineParts, options: CancelAllOptions): Promise<void> {
  const { job, ledger, lookups, clock, stop } = parts;
  const { state } = ledger;
  const { signal } = stop;
  const stamp = stampOf(state.run);
  const retry = options.retry ?? new Set<string>();
  const workers = new PQueue({ concurrency: job.concurrency });
  const queue = makeWorkQueue(state, retry);
  const screening = makeScreening(parts);
  const guard = makeFailureGuard(job.guards.maxFailures, state);

  const timesPutBack = new Map<string, number>();

  let failure: { error: unknown } | undefined;
  /** The first error stays; it ends all waits, and nothing new is begun. */
  const fail = (error: unknown) => {
    failure ??= { error };
    stop.request({
      close: closeReasonOf(error) ?? 'interrupted',
      error: error instanceof CountermandError ? error : undefined,
    });
    workers.clear();
  };

  /** Nothing is left to be called: a guard against more of the same has nothing to stop any more. */
  let allCalled = false;
  const settle = async (id: string, settlement: Settlement) => {
    const calls = state.actions.get(id)?.sent ?? 0;
    await ledger.outcome({ id, ...settlement, attempts: calls });
    if (calls > 0) guard.settled(id, settlement.outcome);
  };
  const streak = makeForbiddenStreak(parts, async (id, settlement) => {
    if (allCalled) await ledger.outcome({ id, ...settlement, attempts: state.actions.get(id)?.sent ?? 0 });
    else await settle(id, settlement);
  });
  const confirmer = makeConfirmer({
    lookups,
    clock,
    signal,
    confirmForMs: job.confirmForMs,
    stamp,
    settle,
    onError: fail,
  });
  const batcher = makeLookupBatcher(lookups, clock, signal);
  const helpers = { screening, batcher, confirmer, streak, accepted: guard.accepted, settle };

  /** Hands an action to a worker as soon as one is near. */
  async function begin(action: Action, next: Next): Promise<void> {
    const attempt = next.kind === 'again' ? next.attempt : (action.last?.attempt ?? 1);
    // A call of an earlier session that seems to come from the future (a clock was set back) counts as sent now.
    const sentAgoMs = action.last === undefined ? 0 : Math.max(0, clock.wallMs() - action.last.intentAtMs);
    const lastSentMs = clock.monotonicMs() - sentAgoMs;
    const work = async () => {
      const times = timesPutBack.get(action.id) ?? 0;
      const worked = await cancelOne(parts, helpers, action, { next, attempt, lastSentMs, timesPutBack: times });
      if (worked.done) return;
      timesPutBack.set(action.id, times + 1);
      queue.putBack(action, worked.attempt);
    };
    workers.add(work).catch(fail);
    await workers.onSizeLessThan(job.concurrency);
  }

  const stepOf = ({ action, attempt }: Task, shown: ReadonlyMap<string, Found>): NextStep =>
    nextStep(action, screening, {
      guards: job.guards,
      canRead: lookups.canRead,
      retried: retry.has(action.id),
      attempt,
      found: shown.get(action.id),
      stamp,
    });

  /** What needs a lookup is looked up together, then each task takes its next step. Returns how many more were begun. */
  async function serve(tasks: readonly Task[], most: number): Promise<number> {
    const nothing = new Map<string, Found>();
    const toLook = tasks.filter((task) => stepOf(task, nothing).kind === 'look').map(({ action }) => action);
    const shown = toLook.length === 0 ? nothing : await screening.look(toLook, signal);
    const settling: Promise<void>[] = [];
    const later: Task[] = [];
    let begun = 0;
    try {
      for (const task of tasks) {
        signal.throwIfAborted();
        const step = stepOf(task, shown);
        if (step.kind === 'settle') {
          const settled = settle(task.action.id, step.settlement);
          // Nobody waits for it before the end of the loop, which may be an hour away.
          settled.catch(fail);
          settling.push(settled);
        }
        // What was known at the start of this loop has become too old since.
        if (step.kind === 'look') {
          if (task.attempt === undefined) later.push(task);
          else queue.putBack(task.action, task.attempt);
        }
        if (step.kind !== 'work') continue;
        const isNew = task.attempt === undefined && step.next.kind === 'again';
        if (isNew && begun >= most) {
          later.push(task);
          continue;
        }
        if (isNew) begun++;
        await begin(task.action, step.next);
      }
    } finally {
      // Together, so that they share their syncs.
      await Promise.all(settling);
    }
    queue.holdOver(later);
    return begun;
  }

  /** Feeds the workers until the queue is empty, or `most` actions were begun and have ended. */
  async function feed(most: number): Promise<void> {
    let begun = 0;
    for (;;) {
      const enough = (taken: readonly Task[]) => {
        const last = taken.at(-1);
        if (last !== undefined && stepOf(last, new Map()).kind === 'look') looks++;
        return taken.length >= CHUNK || looks >= LOOKUP_SIZE;
      };
      let looks = 0;
      const tasks = begun < most ? queue.take(enough) : queue.takeBegun(enough);
      if (tasks.length > 0) {
        begun += await serve(tasks, most - begun);
        continue;
      }
      await workers.onIdle();
      signal.throwIfAborted();
      if (!queue.hasBegun) return;
    }
  }

  /** Until every action that was begun has its outcome. */
  async function finish(): Promise<void> {
    await streak.broken();
    await confirmer.drain();
    signal.throwIfAborted();
  }

  async function cancelFirstBatch(first: number): Promise<void> {
    if (calledOf(state).length > first) return;
    await feed(first - calledOf(state).length);
    await finish();
    const called = calledOf(state);
    if (queue.isEmpty || (await options.goOn(called))) return;
    throw new GuardError(
      `stopped after the first ${called.length} (--first): look at what became of them, then resume to cancel the rest ` +
        '(with --first 0 to go on without this check)',
    );
  }

  try {
    refuseUnseen(job);
    refuseUnread(parts);
    const { unseen } = countDecisions(parts);
    if (unseen > 0) parts.log.warn(unseenTypes(unseen));
    if (job.guards.first) await cancelFirstBatch(job.guards.first);
    await feed(Number.POSITIVE_INFINITY);
    allCalled = true;
    await finish();
  } catch (error) {
    fail(error);
  }
  await workers.onIdle();
  await confirmer.ended();
  if (failure !== undefined) throw failure.error;
}

function calledOf(state: EngineParts['ledger']['state']): Action[] {
  return [...state.actions.values()].filter(({ sent }) => sent > 0);
}
