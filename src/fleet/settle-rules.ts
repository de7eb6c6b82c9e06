import { EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import type { Settlement } from './queue.ts';
import type { Submission } from './standing.ts';

const WAIT_AT_FIRST_MS = 60_000;
const WAIT_AT_MOST_MS = 600_000;
/** A lease that nobody renews has run out by then. */
const HELD_MS = 15_000;
/** A run that takes more places than are free is another worker's for so long, before this one may get it again. */
const GIVEN_BACK_MS = 5000;
/** So often a run is given back because it takes several places; after that a worker keeps it, and what becomes free there for it. */
const GIVEN_BACK_AT_MOST = 4;
/** So long a run waits in the queue's name for enough places: somebody else may have them. */
const PATIENCE_MS = 15_000;
/** Takeovers in a row without an answer or an outcome, after which a run is no longer given to workers: it may be what ends them. */
export const IDLE_TAKEOVERS = 5;

/**
 * What becomes of a run in the queue by how its session ended. `error` is what the session said of that, if anything. A session that a worker ended
 * itself, by SIGTERM, goes on elsewhere at once; one that somebody asked to stop (exit 130) stays where it is.
 */
export function settlementOf(exitCode: ExitCode, error: string | undefined, submission: Submission): Settlement {
  switch (exitCode) {
    case 0:
    case 3:
    case 130:
      return { kind: 'done', exitCode };
    case 6: {
      const afterMs = Math.min(WAIT_AT_FIRST_MS * 2 ** Math.min(submission.waits, 10), WAIT_AT_MOST_MS);
      return { kind: 'again', afterMs, submission: { ...submission, waits: submission.waits + 1 } };
    }
    case 11:
      return { kind: 'again', afterMs: HELD_MS, submission };
    case 129:
    case 143:
      return { kind: 'again', afterMs: 0, submission };
    default:
      return { kind: 'dead-letter', exitCode, reason: error ?? EXIT_CODES[exitCode].means };
  }
}

/**
 * What becomes of a run whose worker was lost, `deaths` times since it was put into the queue as it is. `done`: the answers and outcomes that stand in its
 * ledger by now; undefined where so many workers were lost that it is not even to be read.
 */
export function takeoverOf(submission: Submission, deaths: number, done: number | undefined): Settlement {
  const wentOn = done !== undefined && done > submission.done;
  const idleTakeovers = wentOn ? 0 : submission.idleTakeovers + deaths;
  if (idleTakeovers >= IDLE_TAKEOVERS) {
    const reason = `${idleTakeovers} workers in a row were lost while they worked on it, and nothing was done: it may be what ends them. Find out why on one machine with countermand resume`;
    return { kind: 'dead-letter', exitCode: 1, reason };
  }
  const takeovers = submission.takeovers + deaths;
  return {
    kind: 'again',
    afterMs: 0,
    submission: { ...submission, takeovers, idleTakeovers, done: done ?? submission.done },
  };
}

/** How long (ms) a run waits at a worker for enough places before it is given back; undefined: until it has them. */
export function patienceFor({ handedBack = 0 }: Submission): number | undefined {
  return handedBack >= GIVEN_BACK_AT_MOST ? undefined : PATIENCE_MS;
}

/** What becomes of a run for which this worker had too few places. */
export function givenBack(submission: Submission): Settlement {
  const handedBack = (submission.handedBack ?? 0) + 1;
  return { kind: 'again', afterMs: GIVEN_BACK_MS, submission: { ...submission, handedBack } };
}
