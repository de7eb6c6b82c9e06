import { isFailure, OUTCOME_NAMES, type Outcome } from '../outcomes.ts';
import { type Action, isAccepted, isOpen, type RunState, type Settled } from './run-state.ts';

/** An action as the state of a run holds it and changes it; whoever else has it only reads. */
export interface HeldAction extends Mutable<Action> {
  /** The number of the last reading of the source that named it. */
  named: number;
  /** How it counts for `--max-failures`. A call that is made again changes nothing until it is answered. */
  tallied: 'not-called' | 'called' | 'failed';
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** How many actions stand where. */
export class Counts {
  /** Actions by their last outcome. */
  readonly byOutcome: Record<Outcome, number> = noOutcomes();
  /** Actions without a final outcome. */
  left = 0;
  readonly tally = { called: 0, failures: 0 };

  /** A new action, which is open. */
  admitted(): void {
    this.left++;
  }

  /** Its cancel was accepted. */
  accepted(action: HeldAction): void {
    if (action.tallied === 'not-called') this.#tally(action, 'called');
  }

  settled(action: HeldAction, outcome: Settled): void {
    this.put(action, outcome);
    if (action.sent > 0) this.#tally(action, isFailure(outcome.outcome) ? 'failed' : 'called');
  }

  /** Gives the action this outcome, or none again, as an action that is being called or was not called after all has it. */
  put(action: HeldAction, outcome: Settled | undefined): void {
    const wasOpen = isOpen(action);
    if (action.outcome !== undefined) this.byOutcome[action.outcome.outcome]--;
    if (outcome !== undefined) this.byOutcome[outcome.outcome]++;
    action.outcome = outcome;
    this.left += Number(isOpen(action)) - Number(wasOpen);
  }

  #tally(action: HeldAction, how: 'called' | 'failed'): void {
    this.tally.called += Number(action.tallied === 'not-called');
    this.tally.failures += Number(how === 'failed') - Number(action.tallied === 'failed');
    action.tallied = how;
  }
}

function noOutcomes(): Record<Outcome, number> {
  return Object.fromEntries(OUTCOME_NAMES.map((name) => [name, 0])) as Record<Outcome, number>;
}

/** Admitted actions without any outcome, by what is known of them. With the counts of the outcomes they are all that was admitted. */
export interface LeftCounts {
  /** The cancel was accepted, and its end was not seen yet. */
  accepted: number;
  /** Sent, and no answer that can be relied on: to be looked up before anything is sent again. */
  inDoubt: number;
  /** Answered, and to be tried again. */
  again: number;
  /** No cancel was sent. */
  notCalled: number;
}

export function nothingLeft(): LeftCounts {
  return { accepted: 0, inDoubt: 0, again: 0, notCalled: 0 };
}

const LEFT_WORDS: Readonly<Record<keyof LeftCounts, string>> = {
  accepted: 'accepted',
  inDoubt: 'in doubt',
  again: 'again',
  notCalled: 'not called',
};

/** `accepted 64, not called 1,300`: those of which there are any. */
export function leftWords(left: Readonly<LeftCounts>, say: (n: number) => string = String): string {
  const names = Object.keys(LEFT_WORDS) as (keyof LeftCounts)[];
  return names.flatMap((name) => (left[name] === 0 ? [] : [`${LEFT_WORDS[name]} ${say(left[name])}`])).join(', ');
}

export function leftCounts(state: Pick<RunState, 'left'>): LeftCounts {
  const counts = nothingLeft();
  for (const action of state.left()) if (action.outcome === undefined) counts[whereIs(action)]++;
  return counts;
}

/** Of an action without an outcome. */
export function whereIs(action: Action): keyof LeftCounts {
  const { last } = action;
  if (last === undefined) return 'notCalled';
  if (isAccepted(action)) return 'accepted';
  // A refusal (400) says that it may be over, and not how it ended.
  return last.http === undefined || last.error !== undefined || last.http === 400 ? 'inDoubt' : 'again';
}
