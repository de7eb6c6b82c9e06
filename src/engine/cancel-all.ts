import { GuardError } from '../errors.ts';
import { unseenTypes } from '../job/unseen-types.ts';
import type { Action, RunState } from '../ledger/state/run-state.ts';
import { feed } from './feed.ts';
import { refuseUnseen } from './guards.ts';
import type { EngineParts } from './parts.ts';
import { countDecisions } from './screen-all.ts';
import { refuseUnread } from './screening.ts';
import { makeWork, type Work } from './work.ts';

export interface CancelAllOptions {
  /** Actions with a final outcome that are to be tried once more. */
  retry?: ReadonlySet<string> | undefined;
  /** Shows what became of the first N (`--first`) and says whether the rest is to be called. */
  goOn(first: readonly Action[]): Promise<boolean>;
}

/**
 * Takes every open action of the ledger to an outcome. Actions come in source order, a hundred screened just ahead of the workers,
 * which take them through slot, call and answer; accepted ones are confirmed alongside. Resolves when all is done and
 * confirmed. Rejects with what stopped it, or the stop signal's reason, once everything in flight has ended.
 */
export async function cancelAll(parts: EngineParts, { retry = new Set(), goOn }: CancelAllOptions): Promise<void> {
  const { job, log } = parts;
  const work = makeWork(parts, retry);
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
