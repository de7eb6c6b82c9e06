import { GuardError, RefusedError } from '../errors.ts';
import type { Guards } from '../job/job.ts';
import { isFailure, type Outcome } from '../ledger/outcomes.ts';
import type { RunState, Tally } from '../ledger/state/run-state.ts';
import type { Settlement } from './outcome-rules.ts';
import type { EngineParts } from './session.ts';
import type { Task } from './task.ts';

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

/** So many refusals in a row, and the token is suspected. */
const SUSPECT = 5;

/** So many, and the run stops whatever the token says. */
const ENOUGH = 25;

export interface ForbiddenStreak {
  /** Another HTTP 403 to a cancel. Throws when the token turns out to be refused, or when there are too many; the streak's actions stay open then. */
  forbidden(task: Task, settlement: Settlement): Promise<void>;
  /** Defender answered a cancel with something else: those refused before it were refused for themselves. */
  broken(): Promise<void>;
  /** Some outcomes wait. */
  readonly isHolding: boolean;
}

/** One 403 may be about one action's device group; many in a row are about the token. So outcomes wait until that is known. */
export function makeForbiddenStreak(
  { defender, permits, stop }: Pick<EngineParts, 'defender' | 'permits' | 'stop'>,
  settle: (task: Task, settlement: Settlement) => Promise<void>,
): ForbiddenStreak {
  const held = new Set<Task>();
  /** The question of the token, which everybody who is refused meanwhile waits for: its answer goes before the count. */
  let asking: Promise<void> | undefined;

  async function askTheToken(): Promise<void> {
    if (permits(await defender.renewToken(stop.signal)) !== false) return;
    throw new RefusedError(
      `Defender refused ${held.size} cancels in a row (HTTP 403), and the renewed token has no permission to cancel any ` +
        'more: grant it again (see `countermand check`), then resume',
    );
  }

  return {
    forbidden: async (task, settlement) => {
      task.refusal = settlement;
      held.add(task);
      if (held.size === SUSPECT) asking = askTheToken();
      await asking;
      if (held.size >= ENOUGH) {
        throw new GuardError(
          `Defender refused ${held.size} cancels in a row (HTTP 403): check the application's permissions and its device ` +
            'groups, then resume; these actions are still open',
        );
      }
    },
    broken: async () => {
      const settled = [...held];
      held.clear();
      // Together, so that they share their syncs and none is forgotten when one is a failure too many.
      await Promise.all(settled.map((task) => task.refusal && settle(task, task.refusal)));
    },
    get isHolding() {
      return held.size > 0;
    },
  };
}
