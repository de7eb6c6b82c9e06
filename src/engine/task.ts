import type { Clock } from '../clock.ts';
import type { Action, CancelCall, RunState } from '../ledger/state/run-state.ts';
import type { Found } from './lookups.ts';
import type { Settlement } from './outcome-rules.ts';

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

  constructor({ id, last }: Action, actions: RunState['actions'], retried: boolean, clock: Clock) {
    this.id = id;
    this.retried = retried;
    this.attempt = retried ? 1 : (last?.attempt ?? 1);
    // A call of an earlier session that seems to come from the future (a clock was set back) counts as sent now.
    const sentAgoMs = last === undefined ? 0 : Math.max(0, clock.wallMs() - last.intentAtMs);
    this.lastSentAtMs = clock.monotonicMs() - sentAgoMs;
    this.onTheWayAtMs = mayBeOnTheWay(last) ? this.lastSentAtMs : Number.NEGATIVE_INFINITY;
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
