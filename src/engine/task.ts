import type { Clock } from '../clock.ts';
import { isFinalStatus } from '../defender/entity.ts';
import type { Guards } from '../job/job.ts';
import type { Action, CancelCall, RunState } from '../ledger/state/run-state.ts';
import { afterRestart, mayHaveEffect, type Next, seenTooLate } from './cancel-rules.ts';
import { decide } from './guards.ts';
import type { Found } from './lookups.ts';
import { type Settlement, settledBy } from './outcome-rules.ts';
import type { Screening } from './screening.ts';

/** An accepted cancel whose end is not seen yet. Monotonic ms. */
export interface Confirming {
  sinceMs: number;
  /** Its next look. */
  dueMs: number;
  /** From that look to the one after it. */
  intervalMs: number;
}

/**
 * One action in work: all that its session knows of it beside what the ledger says. Made when the action is taken from the queue, and carried
 * through lookup, worker and confirmation, and through the queue again where its slot came too late.
 */
export class Task {
  readonly id: string;
  /** Tried again by the user (`--retry`): looked up first, then called as if it had never been. */
  readonly retried: boolean;
  /** Of its next cancel, or of the last one where that is not over. */
  attempt: number;
  /** When its last cancel was sent; monotonic ms. */
  lastSentAtMs: number;
  /**
   * The same of the last one that was given up without an answer, by us or with our process: unlike one whose connection broke, it
   * may still be somewhere.
   */
  onTheWayAtMs: number;
  /** When a session before this one looked it up after its last cancel; epoch ms, undefined where none did. */
  readonly seenAtMs: number | undefined;
  /** How often a slot came so late for it that what was known of it had become too old. */
  timesPutBack = 0;
  /** It was sent once more without a lookup. */
  sentBlind = false;
  /** What it was looked up as since it left the queue, which is more than the ledger keeps. */
  found: Found | undefined;
  /** Its lookups are answered by something other than Defender: it is called as if screening were off. */
  unseen = false;
  /** HTTP 403 to its cancel, until it is known whether that was about the action or about the token. */
  refusal: Settlement | undefined;
  confirming: Confirming | undefined;
  readonly #actions: RunState['actions'];

  constructor({ id, last, screen }: Action, actions: RunState['actions'], retried: boolean, clock: Clock) {
    this.id = id;
    this.retried = retried;
    this.attempt = retried ? 1 : (last?.attempt ?? 1);
    // A call of an earlier session that seems to come from the future (a clock was set back) counts as sent now.
    const sentAgoMs = last === undefined ? 0 : Math.max(0, clock.wallMs() - last.intentAtMs);
    this.lastSentAtMs = clock.monotonicMs() - sentAgoMs;
    this.onTheWayAtMs = mayBeOnTheWay(last) ? this.lastSentAtMs : Number.NEGATIVE_INFINITY;
    this.seenAtMs = screen !== undefined && screen.session > (last?.session ?? 0) ? screen.atMs : undefined;
    this.#actions = actions;
  }

  /** What the ledger says of it by now. */
  get action(): Action {
    const action = this.#actions.get(this.id);
    if (action === undefined) throw new Error(`the ledger has no action ${this.id}`);
    return action;
  }
}

function mayBeOnTheWay(last: CancelCall | undefined): boolean {
  return last !== undefined && (last.repliedAtMs === undefined || last.error === 'timeout');
}

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

type Known = Pick<Task, 'action' | 'retried' | 'attempt' | 'timesPutBack' | 'found' | 'unseen' | 'seenAtMs'>;

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
        settlement: mayHaveEffect(action, task.seenAtMs)
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
