import { isFinalStatus } from '../defender/status.ts';
import type { Guards } from '../job/job.ts';
import type { Action } from '../ledger/book.ts';
import { afterRestart, mayHaveEffect, type Next, seenTooLate } from './cancel-rule.ts';
import { decide } from './decide.ts';
import type { Found } from './lookups.ts';
import { settledBy, type Verdict } from './outcome-rules.ts';
import type { Screening } from './screening.ts';

/** What is to be done with an action now. */
export type Turn =
  /** To be called, or to go on where an earlier session was. */
  | { turn: 'work'; next: Next }
  | { turn: 'look' }
  | { turn: 'settle'; verdict: Verdict }
  /** Not for this session: `verify` or `--retry` takes it up. */
  | { turn: 'leave' };

export interface TurnContext {
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

/** Whose turn it is to do what: the order is source order, what was begun goes on, and nothing is called on old knowledge. */
export function turnOf(action: Action, screening: Pick<Screening, 'on' | 'isFresh'>, context: TurnContext): Turn {
  const { last, outcome, screen } = action;
  const { guards, retried, attempt, found } = context;
  if (!retried && attempt === undefined) {
    if (outcome?.outcome === 'unconfirmed') return { turn: 'work', next: { next: 'confirm' } };
    if (outcome !== undefined) return { turn: 'leave' };
    if (last !== undefined) {
      const createdAtMs = screen?.created ? Date.parse(screen.created) : undefined;
      const next = afterRestart(last, {
        canRead: context.canRead,
        createdAtMs,
        sent: action.sent,
      });
      if (next.next !== 'again') return { turn: 'work', next };
    }
  }
  const first = attempt ?? (retried ? 1 : restartAttempt(action, context));
  if (found?.kind === 'found') {
    const verdict = settledBy(found.action, { accepted: false, stamp: context.stamp });
    if (verdict !== undefined && verdict.outcome !== 'already-final') return { turn: 'settle', verdict };
  }
  // A record of a lookup does not say whose cancel ended it: of what was called already, that is looked up anew.
  const whose = action.sent > 0 && screen !== undefined && isFinalStatus(screen.status);
  if (screening.on && found === undefined && (retried || whose || !screening.isFresh(action))) return { turn: 'look' };
  const { decision, reason } = decide(screen, guards);
  // What an earlier session saw holds also where this one cannot look; but for what is tried again, where it is the past.
  if (!screening.on && retried && decision !== 'excluded') {
    return { turn: 'work', next: { next: 'again', attempt: first } };
  }
  switch (decision) {
    case 'cancel':
    case 'unscreened':
      return { turn: 'work', next: { next: 'again', attempt: first } };
    case 'already-final':
      return { turn: 'settle', verdict: { outcome: 'already-final', status: screen?.status ?? '' } };
    case 'excluded':
      return {
        turn: 'settle',
        // Tried again by the user, it shows no trace of that cancel.
        verdict:
          mayHaveEffect(action) && !retried
            ? seenTooLate(reason, screen?.status ?? '')
            : excluded(reason, screen?.status),
      };
    case 'not-found':
      return { turn: 'settle', verdict: { outcome: 'not-found', detail: 'Defender does not know it' } };
  }
}

function excluded(reason: string | undefined, status: string | undefined): Verdict {
  return {
    outcome: 'excluded',
    ...(status === undefined ? {} : { status }),
    ...(reason === undefined ? {} : { detail: reason }),
  };
}

function restartAttempt({ last, sent }: Action, { canRead }: TurnContext): number {
  if (last === undefined) return 1;
  const next = afterRestart(last, { canRead, createdAtMs: undefined, sent });
  return next.next === 'again' ? next.attempt : 1;
}
