import { isFinalStatus } from '../defender/entity.ts';
import type { Guards } from '../job/job.ts';
import type { Action } from '../ledger/state/run-state.ts';
import { afterRestart, mayHaveEffect, type Next, seenTooLate } from './cancel-rules.ts';
import { decide } from './guards.ts';
import type { Found } from './lookups.ts';
import { type Settlement, settledBy } from './outcome-rules.ts';
import type { Screening } from './screening.ts';

/** What is to be done with an action now. */
export type NextStep =
  /** To be called, or to go on where an earlier session was. */
  | { kind: 'work'; next: Next }
  | { kind: 'look' }
  | { kind: 'settle'; settlement: Settlement }
  /** Not for this session: `verify` or `--retry` takes it up. */
  | { kind: 'leave' };

export interface NextStepContext {
  guards: Guards;
  canRead: boolean;
  /** Taken up by `--retry`: looked up first, then called as if it had never been. */
  retried: boolean;
  /** Back from a slot that came too late, with the attempt it is at. */
  attempt: number | undefined;
  /** The last lookup in this session, which shows more than the ledger keeps. */
  found: Found | undefined;
  stamp: string;
}

/** What is to be done with an action now: what was begun goes on, and nothing is called on old knowledge. */
export function nextStep(
  action: Action,
  screening: Pick<Screening, 'on' | 'isFresh'>,
  context: NextStepContext,
): NextStep {
  const { last, outcome, screen } = action;
  const { guards, retried, attempt, found } = context;
  if (!retried && attempt === undefined) {
    if (outcome?.outcome === 'unconfirmed') return { kind: 'work', next: { kind: 'confirm' } };
    if (outcome !== undefined) return { kind: 'leave' };
    if (last !== undefined) {
      const createdAtMs = screen?.created ? Date.parse(screen.created) : undefined;
      const next = afterRestart(last, {
        canRead: context.canRead,
        createdAtMs,
        sent: action.sent,
      });
      if (next.kind !== 'again') return { kind: 'work', next };
    }
  }
  const first = attempt ?? (retried ? 1 : restartAttempt(action, context));
  if (found?.kind === 'found') {
    const settlement = settledBy(found.action, { accepted: false, stamp: context.stamp });
    if (settlement !== undefined && settlement.outcome !== 'already-final') return { kind: 'settle', settlement };
  }
  // A record of a lookup does not say whose cancel ended it: of what was called already, that is looked up anew.
  const whose = action.sent > 0 && screen !== undefined && isFinalStatus(screen.status);
  if (screening.on && found === undefined && (retried || whose || !screening.isFresh(action))) return { kind: 'look' };
  const { kind: decision, reason } = decide(screen, guards);
  // What an earlier session saw holds also where this one cannot look; but for what is tried again, where it is the past.
  if (!screening.on && retried && decision !== 'excluded') {
    return { kind: 'work', next: { kind: 'again', attempt: first } };
  }
  switch (decision) {
    case 'cancel':
    case 'unscreened':
      return { kind: 'work', next: { kind: 'again', attempt: first } };
    case 'already-final':
      return { kind: 'settle', settlement: { outcome: 'already-final', status: screen?.status ?? '' } };
    case 'excluded':
      return {
        kind: 'settle',
        // Tried again by the user, it shows no trace of that cancel.
        settlement:
          mayHaveEffect(action) && !retried
            ? seenTooLate(reason, screen?.status ?? '')
            : excluded(reason, screen?.status),
      };
    case 'not-found':
      return { kind: 'settle', settlement: { outcome: 'not-found', detail: 'Defender does not know it' } };
  }
}

function excluded(reason: string | undefined, status: string | undefined): Settlement {
  return {
    outcome: 'excluded',
    ...(status === undefined ? {} : { status }),
    ...(reason === undefined ? {} : { detail: reason }),
  };
}

function restartAttempt({ last, sent }: Action, { canRead }: NextStepContext): number {
  if (last === undefined) return 1;
  const next = afterRestart(last, { canRead, createdAtMs: undefined, sent });
  return next.kind === 'again' ? next.attempt : 1;
}
