import type { Clock } from '../clock.ts';
import type { Quota } from '../quota/quota.ts';
import { type Handler, notSent, type SlottedCall } from './call.ts';

/**
 * Takes a slot for each attempt and gives it back as what became of the call demands: held for a window after an answer,
 * longer without one, free at once when nothing was sent. A call whose slot lapsed before its send is left to the retry, which takes
 * another one without costing an attempt.
 */
export function withQuota(quota: Quota, clock: Clock, next: Handler<SlottedCall>): Handler {
  return async (call, signal) => {
    const wantedAtMs = clock.monotonicMs();
    const slot = await quota.take(call.route, signal);
    try {
      const slotWaitMs = Math.round(clock.monotonicMs() - wantedAtMs);
      const received =
        call.stillDue?.() === false ? notSent(call, 'not-due') : await next({ ...call, slot, slotWaitMs }, signal);
      if (received.sentAtMs === undefined) slot.release();
      else if (received.answered) slot.settle();
      else slot.settleUnanswered(received.sentAtMs);
      return received;
    } catch (error) {
      // A wait that was ended had sent nothing. Anything else ends the session, where holding the slot costs nothing.
      if (signal.aborted && error === signal.reason) slot.release();
      else slot.settleUnanswered(clock.monotonicMs());
      throw error;
    }
  };
}
