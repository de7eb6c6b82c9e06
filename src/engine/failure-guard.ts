import { GuardError } from '../errors.ts';
import type { Guards } from '../job/job.ts';
import { OUTCOMES, type Outcome } from '../ledger/outcomes.ts';
import type { Action, RunState } from '../ledger/state/run-state.ts';

/** A percentage says nothing of a handful. */
const FROM = 20;

export interface Tally {
  /** Actions that were called and accepted or settled. */
  called: number;
  failures: number;
}

/** Whether there are (strictly) more failures than `--max-failures` allows: a percentage from the 20th action on, a number from the first. */
export function tooManyFailures(limit: Guards['maxFailures'], { called, failures }: Tally): boolean {
  if ('count' in limit) return failures > limit.count;
  return called >= FROM && failures * 100 > limit.percent * called;
}

export interface FailureGuard {
  /** Our cancel was accepted. */
  accepted(id: string): void;
  /** Throws a GuardError when this outcome is one failure too many. */
  settled(id: string, outcome: Outcome): void;
}

/**
 * Counts over all sessions. A session that begins with too many failures already (somebody looked at them and resumed) is stopped by the
 * next failure only.
 */
export function makeFailureGuard(limit: Guards['maxFailures'], state: RunState): FailureGuard {
  const counted = new Set<string>();
  /** By their last outcome: what is tried again may fail again, or not. */
  const failing = new Set<string>();
  const tally = (): Tally => ({ called: counted.size, failures: failing.size });
  for (const action of state.actions.values()) {
    if (!wasCalled(action)) continue;
    counted.add(action.id);
    if (action.outcome !== undefined && OUTCOMES[action.outcome.outcome].failure) failing.add(action.id);
  }
  let armed = !tooManyFailures(limit, tally());

  return {
    accepted: (id) => {
      counted.add(id);
    },
    settled: (id, outcome) => {
      counted.add(id);
      failing.delete(id);
      if (OUTCOMES[outcome].failure) {
        failing.add(id);
        armed = true;
      }
      if (!armed || !tooManyFailures(limit, tally())) return;
      const allowed = 'count' in limit ? `${limit.count}` : `${limit.percent} %`;
      throw new GuardError(
        `${failing.size} of ${counted.size} called actions failed, more than --max-failures ${allowed}: look at the report, then ` +
          'resume (with a higher --max-failures if they are to be expected)',
      );
    },
  };
}

function wasCalled({ outcome, last, sent }: Action): boolean {
  return sent > 0 && (outcome !== undefined || last?.http === 200);
}
