import { isFinalStatus } from '../defender/entity.ts';
import type { Guards } from '../job/job.ts';
import { afterRestart, mayHaveEffect, type Next, seenTooLate } from './cancel-rules.ts';
import { decide } from './guards.ts';
import { type Settlement, settledBy } from './outcome-rules.ts';
import type { Screening } from './screening.ts';
import type { Task } from './task.ts';

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
  stamp: string;
  screening: Pick<Screening, 'on' | 'isFresh'>;
}

type Known = Pick<Task, 'action' | 'retried' | 'attempt' | 'timesPutBack' | 'found' | 'unseen'>;

/** What is to be done with an action now: what was begun goes on, and nothing is called on old knowledge. */
export function nextStep(task: Known, context: NextStepContext): NextStep {
  const { action, retried, timesPutBack } = task;
  const { last, outcome, screen, sent } = action;
  let { attempt } = task;
  if (!retried && timesPutBack === 0) {
    if (outcome?.outcome === 'unconfirmed') return { kind: 'work', next: { kind: 'confirm' } };
    if (outcome !== undefined) return { kind: 'leave' };
    if (last !== undefined) {
      const createdAtMs = screen?.created ? Date.parse(screen.created) : undefined;
      const next = afterRestart(last, { canRead: context.canRead, createdAtMs, sent });
      if (next.kind !== 'again') return { kind: 'work', next };
      attempt = next.attempt;
    }
  }
  return bySight(task, attempt, context);
}

/** The step of an action that is to be called unless what is known of it says otherwise. */
function bySight(task: Known, attempt: number, { guards, stamp, screening }: NextStepContext): NextStep {
  const { action, retried, found } = task;
  const { screen, sent } = action;
  if (found?.kind === 'found') {
    const settlement = settledBy(found.action, { accepted: false, stamp });
    if (settlement !== undefined && settlement.outcome !== 'already-final') return { kind: 'settle', settlement };
  }
  // A record of a lookup does not say whose cancel ended it: of what was called already, that is looked up anew.
  const whose = sent > 0 && screen !== undefined && isFinalStatus(screen.status);
  if (screening.on && found === undefined && (retried || whose || !screening.isFresh(task))) return { kind: 'look' };
  const { kind: decision, reason } = decide(screen, guards);
  // What an earlier session saw holds also where this one cannot look; but for what is tried again, where it is the past.
  if (!screening.on && retried && decision !== 'excluded') return { kind: 'work', next: { kind: 'again', attempt } };
  switch (decision) {
    case 'cancel':
    case 'unscreened':
      return { kind: 'work', next: { kind: 'again', attempt } };
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

/** Whether what a step rests on has become too old since the step was decided. */
export function isOutdated(
  step: NextStep,
  task: Pick<Task, 'action' | 'found' | 'unseen'>,
  screening: Pick<Screening, 'on' | 'isFresh'>,
): boolean {
  const restsOnSight = step.kind === 'settle' || (step.kind === 'work' && step.next.kind === 'again');
  return restsOnSight && screening.on && task.found === undefined && !screening.isFresh(task);
}

function excluded(reason: string | undefined, status: string | undefined): Settlement {
  return {
    outcome: 'excluded',
    ...(status === undefined ? {} : { status }),
    ...(reason === undefined ? {} : { detail: reason }),
  };
}
