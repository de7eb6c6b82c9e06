import { isFailure, OUTCOME_NAMES, type Outcome } from '../outcomes.ts';
import { type Action, isOpen, type Settled } from './run-state.ts';

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
