import { backoffMs } from '../defender/backoff.ts';
import type { Action } from '../ledger/state/run-state.ts';
import { UNANSWERED_MS } from '../quota/call-times.ts';
import { afterCancel, afterLookup, isLastLook, type Next } from './cancel-rules.ts';
import type { Confirmer } from './confirmer.ts';
import type { ForbiddenStreak } from './forbidden-streak.ts';
import type { LookupBatcher } from './lookup-batcher.ts';
import { type Settlement, stampOf } from './outcome-rules.ts';
import type { EngineParts } from './parts.ts';
import type { Screening } from './screening.ts';

/** A lost answer may be one that is still being worked on. */
const LOOK_AFTER_MS = 5000;
/** Between two tries at an action that Defender has shown us and does not find yet. */
const YOUNG_WAIT_MS = 10_000;

export interface CancelHelpers {
  screening: Screening;
  batcher: LookupBatcher;
  confirmer: Confirmer;
  streak: ForbiddenStreak;
  accepted(id: string): void;
  settle(id: string, settlement: Settlement): Promise<void>;
}

/**
 * So often an action is put back and screened again because its slot came late. Where slots are further apart than what is known stays fresh,
 * it would otherwise be looked up for ever and never called.
 */
const PUT_BACK_AT_MOST = 2;

/** `put-back`: what was known of it had become too old when its slot came; it is to be screened again and called from that attempt on. */
export type Worked = { done: true } | { done: false; attempt: number };

/**
 * Takes one action from `begin` to its outcome, or to the confirmer. All rules are in cancel-rule; this only does what they say.
 * Rejects with the stop signal's reason when a wait is ended: the action stays open.
 */
export async function cancelOne(
  parts: EngineParts,
  { screening, batcher, confirmer, streak, accepted, settle }: CancelHelpers,
  action: Action,
  begin: { next: Next; attempt: number; lastSentMs: number; timesPutBack: number },
): Promise<Worked> {
  const { defender, ledger, job, lookups, clock, random, stop } = parts;
  const { id } = action;
  const stamp = stampOf(ledger.state.run);
  const comment = stamp + (action.comment ?? job.comment ?? '');
  const mayBeOld = begin.timesPutBack >= PUT_BACK_AT_MOST;
  const stillDue = () => !stop.signal.aborted && (!screening.on || mayBeOld || screening.isFresh(action));
  const created = action.screen?.created;
  const createdAtMs = created ? Date.parse(created) : undefined;

  let { next, attempt, lastSentMs } = begin;
  let onTheWayMs = mayBeOnTheWay(action.last) ? lastSentMs : Number.NEGATIVE_INFINITY;
  // What settles an action for good waits until a request that was given up can no longer arrive.
  const lookAtMs = (isLast: boolean) => Math.max(lastSentMs + LOOK_AFTER_MS, isLast ? onTheWayMs + UNANSWERED_MS : 0);
  let blind = false;
  for (;;) {
    switch (next.kind) {
      case 'again': {
        const received = await defender.cancel({ id, comment, attempt: next.attempt, stillDue }, stop.signal);
        attempt = received.attempt;
        lastSentMs = received.sentAtMs ?? lastSentMs;
        const { answer, costsAttempt } = received;
        if (answer.kind === 'lost' && answer.error === 'timeout') onTheWayMs = lastSentMs;
        next = afterCancel(answer, {
          attempt,
          costsAttempt,
          canRead: lookups.canRead,
          askedAtMs: action.last?.intentAtMs ?? clock.wallMs(),
          createdAtMs,
          sent: action.sent,
          earlier: false,
        });
        if (answer.kind === 'action' || (answer.kind === 'error' && answer.http !== 403)) await streak.broken();
        break;
      }
      case 'look-up': {
        const after = afterLookup(await batcher.ask(id, lookAtMs(isLastLook(next.doubt, attempt))), next.doubt, {
          attempt,
          stamp,
          guards: job.guards,
          blind,
          sent: action.sent,
        });
        if (after.kind === 'again' || after.kind === 'blind-again') {
          if (after.kind === 'blind-again') blind = true;
          const waitMs = after.attempt > attempt ? backoffMs({ attempt, retryAfterMs: undefined, random }) : 0;
          await clock.sleep(waitMs, { signal: stop.signal });
          next = { kind: 'again', attempt: after.attempt };
        } else next = after;
        break;
      }
      case 'wait-for-it':
        await clock.sleep(YOUNG_WAIT_MS, { signal: stop.signal });
        next = { kind: 'again', attempt };
        break;
      case 'confirm':
        accepted(id);
        confirmer.add(id);
        return { done: true };
      case 'settle':
        if (next.settlement.outcome === 'cancelled' || next.settlement.outcome === 'unconfirmed') accepted(id);
        await settle(id, next.settlement);
        return { done: true };
      case 'forbidden':
        await streak.forbidden(id, next.settlement);
        return { done: true };
      case 'put-back':
        stop.signal.throwIfAborted();
        return { done: false, attempt };
    }
  }
}

/** Given up without an answer, by us or with our process: unlike one whose connection broke, it may still be somewhere. */
function mayBeOnTheWay(last: Action['last']): boolean {
  return last !== undefined && (last.repliedAtMs === undefined || last.error === 'timeout');
}
