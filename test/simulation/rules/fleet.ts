import type { Settlement } from '../../../src/fleet/queue.ts';
import type { Submission } from '../../../src/fleet/standing.ts';
import type { Left } from '../fleet/hosted-sessions.ts';
import type { Row } from '../fleet/sim-queue.ts';
import type { Invariant } from './rule.ts';

const MINUTE = 60_000;
/** Takeovers in a row without progress. */
const MOST_IDLE = 5;
/** What a worker that is asked to end has: its promise is five seconds, and the simulated disk takes its time. */
const DRAINED_MS = 6000;

/** A worker says what becomes of a run that it got. */
export interface Settled {
  by: string;
  submission: Submission;
  deaths: number;
  settlement: Settlement | undefined;
  /** How the session ended; undefined where none was begun. */
  left: Left | undefined;
  /** It was asked to end. */
  isDraining: boolean;
  /** The takeovers before this one, and answers and outcomes that stand in its ledger now. */
  row: Row;
  answers: number;
  /** Those that stood there when the worker got it. */
  answersBefore: number;
  /** Its disk may not let it read. */
  mayNotRead: boolean;
  /** Since it heard that the run is not its any more; undefined where that is not so, or it stood still meanwhile. */
  lostMs: number | undefined;
}

/** What is on its way to Defender is waited for, 30 s, and the simulated disk takes its time. */
const GIVEN_UP_MS = 40_000;

/** What workers and queue make of runs: docs/design.md, section 13. */
export const FLEET_RULES: readonly Invariant[] = [
  {
    name: 'one holder',
    promise: 'A ledger is written only by the process that began its last session, whoever else was handed its run.',
    check: {
      behind: ({ by, opener }) => `${by} writes behind its successor ${opener}`,
    },
  },
  {
    name: 'settlement',
    promise: 'What becomes of a run in the queue is what the design says for its exit code, and for a lost worker.',
    check: { settled: (settled) => wrongSettlement(settled) },
  },
  {
    name: 'takeovers',
    promise: 'Five takeovers in a row without an answer or an outcome make a dead letter; fewer, or with one, do not.',
    check: { settled: (settled) => (settled.deaths > 0 ? wrongTakeover(settled) : undefined) },
  },
  {
    name: 'given up',
    promise: 'A worker that hears that a run is not its any more ends its session once its calls are answered.',
    check: {
      settled: ({ by, submission, lostMs = 0 }) =>
        lostMs > GIVEN_UP_MS ? `${by} went on with ${submission.run} for ${lostMs} ms` : undefined,
    },
  },
  {
    name: 'drain',
    promise: 'A worker that is asked to end gives back what it has within five seconds, and exits 0.',
    check: {
      drained: ({ by, code, message, tookMs, isHindered }) => {
        if (code !== 0) return `${by} exits ${code}: ${message}`;
        if (tookMs === undefined) return `${by} ends though nobody asked it to`;
        return tookMs > DRAINED_MS && !isHindered ? `${by} took ${tookMs} ms` : undefined;
      },
    },
  },
  {
    name: 'carried out',
    promise: 'Once workers are healthy and the queue is honest, a run comes to its end or to a dead letter.',
    check: { stranded: (what) => what },
  },
];

function wrongSettlement({ by, submission, deaths, settlement, left, isDraining }: Settled): string | undefined {
  const { run } = submission;
  if (settlement === undefined) return `${by} throws at ${run}`;
  const is = settlement.kind === 'again' ? `again after ${settlement.afterMs} ms` : settlement.kind;
  if (deaths > 0 && left === undefined && !isDraining) {
    const isAgain = settlement.kind === 'again' && settlement.afterMs === 0;
    return isAgain || settlement.kind === 'dead-letter' ? undefined : `${run} after a lost worker: ${is}`;
  }
  // What was on its way to a worker that leaves is given back as it is.
  const meant =
    left === undefined ? (isDraining ? 'again after 0 ms' : undefined) : meantFor(left.exitCode, submission);
  if (is !== meant) return `${run} by ${by}, exit ${left?.exitCode}: ${is}, and not ${meant}`;
  if (settlement.kind !== 'again') return undefined;
  const { actions: before, ...put } =
    left?.exitCode === 6 ? { ...submission, waits: submission.waits + 1 } : submission;
  // Counted anew by each session, and never fewer.
  const { actions: now, ...given } = settlement.submission;
  return JSON.stringify(given) === JSON.stringify(put) && (now ?? 0) >= (before ?? 0)
    ? undefined
    : `${run} by ${by}, exit ${left?.exitCode}: is put back as another`;
}

/** The table of design.md. */
function meantFor(exitCode: number, { waits }: Submission): string {
  if ([0, 3, 130].includes(exitCode)) return 'done';
  if (exitCode === 6) return `again after ${Math.min(10 * MINUTE, MINUTE * 2 ** waits)} ms`;
  if (exitCode === 11) return 'again after 15000 ms';
  if (exitCode === 129 || exitCode === 143) return 'again after 0 ms';
  return [2, 4, 5, 12].includes(exitCode) ? 'dead-letter' : 'nothing that the design knows';
}

function wrongTakeover({ submission, deaths, settlement, ...seen }: Settled): string | undefined {
  const { row, answers, answersBefore, isDraining, mayNotRead, left } = seen;
  if (left !== undefined) return `${submission.run} was begun, and nobody counted the worker that was lost`;
  const isPutBack = settlement?.kind === 'again' && settlement.submission.takeovers === submission.takeovers;
  if (settlement === undefined || (isDraining && isPutBack)) return undefined;
  const idle = row.idle + deaths;
  // Somebody else may go on with it while it is looked at.
  const mayBeIdle = answersBefore <= row.answers || mayNotRead || deaths >= MOST_IDLE;
  const mayHaveGoneOn = answers > row.answers && deaths < MOST_IDLE;
  const words = `${idle} takeovers in a row (${answers} answers, ${row.answers} before)`;
  if (settlement.kind === 'dead-letter')
    return idle >= MOST_IDLE && mayBeIdle ? undefined : `a dead letter after ${words}`;
  return idle < MOST_IDLE || mayHaveGoneOn ? undefined : `taken up again after ${words}`;
}
