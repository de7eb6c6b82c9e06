import { GuardError } from '../errors.ts';
import type { Guards } from '../job/job.ts';
import { isFailure, type Outcome } from '../ledger/outcomes.ts';
import type { RunState, Tally } from '../ledger/state/run-state.ts';

/** A percentage says nothing of a handful. */
const FROM = 20;

/** Whether there are (strictly) more failures than `--max-failures` allows: a percentage from the 20th action on, a number from the first. */
export function tooManyFailures(limit: Guards['maxFailures'], { called, failures }: Tally): boolean {
  if ('count' in limit) return failures > limit.count;
  return called >= FROM && failures * 100 > limit.percent * called;
}

export interface FailureGuard {
  /** Throws a GuardError when this outcome of a called action, which the ledger has, is one failure too many. */
  settled(outcome: Outcome): void;
  /** For good: nothing is left that it could stop. */
  disarm(): void;
}

/**
 * Goes by what the ledger counts over all sessions. A session that begins with too many failures already (somebody looked at
 * them and resumed) is stopped by the next failure only.
 */
export function makeFailureGuard(limit: Guards['maxFailures'], state: Pick<RunState, 'tally'>): FailureGuard {
  let armed: 'yes' | 'with-the-next-failure' | 'never' = tooManyFailures(limit, state.tally)
    ? 'with-the-next-failure'
    : 'yes';
  return {
    settled: (outcome) => {
      if (armed === 'with-the-next-failure' && isFailure(outcome)) armed = 'yes';
      const { called, failures } = state.tally;
      if (armed !== 'yes' || !tooManyFailures(limit, { called, failures })) return;
      const allowed = 'count' in limit ? `${limit.count}` : `${limit.percent} %`;
      throw new GuardError(
        `${failures} of ${called} called actions failed, more than --max-failures ${allowed}: look at the report, then ` +
          'resume (with a higher --max-failures if they are to be expected)',
      );
    },
    disarm: () => {
      armed = 'never';
    },
  };
}
