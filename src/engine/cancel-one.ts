import { backoffMs } from '../defender/retry-rule.ts';
import { UNANSWERED_MS } from '../quota/call-times.ts';
import type { Work } from './cancel-all.ts';
import { afterCancel, afterLookup, type Doubt, isLastLook, type Next } from './cancel-rules.ts';
import { stampOf } from './outcome-rules.ts';
import type { Task } from './task.ts';

/** A lost answer may be one that is still being worked on. */
const LOOK_AFTER_MS = 5000;
/** Between two tries at an action that Defender has shown us and does not find yet. */
const YOUNG_WAIT_MS = 10_000;

/**
 * So often an action is put back and screened again because its slot came late. Where slots are further apart than what is known stays fresh,
 * it would otherwise be looked up for ever and never called.
 */
const PUT_BACK_AT_MOST = 2;

type CancelParts = Pick<Work, 'parts' | 'screening' | 'batcher' | 'confirmer' | 'streak' | 'settle'>;

/**
 * Takes one action from its first step to its outcome, or to the confirmer: `done`. All rules are in cancel-rules; this only does what they
 * say. `put-back`: what was known of it had become too old when its slot came. Rejects with the stop signal's reason when a wait
 * is ended: the action stays open.
 */
export async function cancelOne(work: CancelParts, task: Task, first: Next): Promise<'done' | 'put-back'> {
  const { clock, stop } = work.parts;
  let next = first;
  for (;;) {
    switch (next.kind) {
      case 'again':
        task.attempt = next.attempt;
        next = await sendCancel(work, task);
        break;
      case 'look-up':
        next = await lookUp(work, task, next.doubt);
        break;
      case 'wait-for-it':
        await clock.sleep(YOUNG_WAIT_MS, { signal: stop.signal });
        next = { kind: 'again', attempt: task.attempt };
        break;
      case 'confirm':
        work.confirmer.add(task);
        return 'done';
      case 'settle':
        await work.settle(task, next.settlement);
        return 'done';
      case 'forbidden':
        await work.streak.forbidden(task, next.settlement);
        return 'done';
      case 'put-back':
        stop.signal.throwIfAborted();
        task.timesPutBack++;
        return 'put-back';
    }
  }
}

/** Sends its cancel, and says what follows the answer. */
async function sendCancel({ parts, screening, streak }: CancelParts, task: Task): Promise<Next> {
  const { defender, ledger, job, lookups, clock, stop } = parts;
  const { id } = task;
  const comment = stampOf(ledger.state.run) + (task.action.comment ?? job.comment ?? '');
  const mayBeOld = task.timesPutBack >= PUT_BACK_AT_MOST;
  const stillDue = () => !stop.signal.aborted && (!screening.on || mayBeOld || screening.isFresh(task));
  const received = await defender.cancel({ id, comment, attempt: task.attempt, stillDue }, stop.signal);
  const { answer, costsAttempt } = received;
  task.attempt = received.attempt;
  task.lastSentAtMs = received.sentAtMs ?? task.lastSentAtMs;
  if (answer.kind === 'lost' && answer.error === 'timeout') task.onTheWayAtMs = task.lastSentAtMs;
  const { last, screen, sent } = task.action;
  const next = afterCancel(answer, {
    attempt: task.attempt,
    costsAttempt,
    canRead: lookups.canRead,
    askedAtMs: last?.intentAtMs ?? clock.wallMs(),
    createdAtMs: screen?.created ? Date.parse(screen.created) : undefined,
    sent,
    blind: task.sentBlind,
    earlier: false,
  });
  if (answer.kind === 'action' || (answer.kind === 'error' && answer.http !== 403)) await streak.broken();
  return next;
}

/** Looks it up because it is in doubt, and says what follows. */
async function lookUp({ parts, batcher }: CancelParts, task: Task, doubt: Doubt): Promise<Next> {
  const { ledger, job, lookups, clock, random, stop } = parts;
  const { id, attempt, lastSentAtMs, onTheWayAtMs } = task;
  // What settles an action for good waits until a request that was given up can no longer arrive.
  const lastMs = isLastLook(doubt, attempt) ? onTheWayAtMs + UNANSWERED_MS : 0;
  // Without permission to read, what is answered is settled by its answer, and a wait would tell no more.
  const tellsMore = lookups.canRead || doubt.kind === 'lost';
  const found = await batcher.ask(id, tellsMore ? Math.max(lastSentAtMs + LOOK_AFTER_MS, lastMs) : 0);
  const after = afterLookup(found, doubt, {
    attempt,
    stamp: stampOf(ledger.state.run),
    guards: job.guards,
    blind: task.sentBlind,
    sent: task.action.sent,
  });
  if (after.kind !== 'again' && after.kind !== 'blind-again') return after;
  if (after.kind === 'blind-again') task.sentBlind = true;
  const waitMs = after.attempt > attempt ? backoffMs({ attempt, retryAfterMs: undefined, random }) : 0;
  await clock.sleep(waitMs, { signal: stop.signal });
  return { kind: 'again', attempt: after.attempt };
}
