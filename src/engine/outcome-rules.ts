import { canonicalStatus, hasCompletedCommand, isFinalStatus, type MachineAction } from '../defender/entity.ts';
import type { OutcomeFields } from '../ledger/record.ts';

/** An outcome without the action that it is of. */
export type Settlement = Pick<OutcomeFields, 'outcome' | 'status' | 'detail'>;

/**
 * What became of an action, by what Defender shows of it now. Undefined while it is open; a status that nobody knows is
 * open. `accepted`: our cancel was answered with 200. Our stamp in the cancellation comment says the same of a cancel
 * whose answer was lost.
 */
export function settledBy(
  action: MachineAction,
  { accepted, stamp }: { accepted: boolean; stamp: string },
): Settlement | undefined {
  const status = canonicalStatus(action.status);
  if (!isFinalStatus(status)) return undefined;
  if (!accepted && !isOurs(action, stamp)) return { outcome: 'already-final', status };
  if (status === 'Cancelled') {
    return hasCompletedCommand(action)
      ? { outcome: 'ran-anyway', status, detail: 'a command of it had completed before the cancel took hold' }
      : { outcome: 'cancelled', status };
  }
  return { outcome: status === 'Succeeded' ? 'ran-anyway' : 'ended-otherwise', status };
}

/** What an accepting answer says by itself, for tokens that may not read: only `Cancelled` says enough. */
export function settledByAnswer(action: MachineAction): Settlement {
  const status = canonicalStatus(action.status);
  if (status !== 'Cancelled') {
    return { outcome: 'unconfirmed', status, detail: 'accepted; without permission to read its end was not seen' };
  }
  return hasCompletedCommand(action)
    ? { outcome: 'ran-anyway', status, detail: 'by its answer: a command of it had completed' }
    : { outcome: 'cancelled', status, detail: 'by its answer' };
}

/** What every comment of a run begins with, so that a cancel whose answer was lost can be told to be ours. */
export function stampOf(run: string): string {
  return `[countermand ${run.slice(0, 8)}] `;
}

export function isOurs(action: MachineAction, stamp: string): boolean {
  return action.cancellationComment?.startsWith(stamp) ?? false;
}
