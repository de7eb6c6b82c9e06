import type { ExitCode } from '../exit-codes.ts';
import { DEAD_LETTERS, QUEUE_SCHEMA, RUNS } from './boss.ts';
import { type PlanSums, planSumsSchema } from './plan-sums.ts';

/** A run as it stands in the queue. Everything else of it stands in its ledger. */
export interface Submission {
  /** Its name in the store. */
  run: string;
  tenant: string;
  /** What is to be done with it. A dead letter is taken up again at this step. @default 'run' */
  step?: 'plan' | 'run';
  /** To be run: the head of the plan that was reviewed. */
  planHead?: string;
  /** How often another place went on with it because a worker was lost. */
  takeovers: number;
  /** The last of these, in a row, since which nothing was done. */
  idleTakeovers: number;
  /** Answers and outcomes in its ledger when that was last counted. */
  done: number;
  /** How often in a row it ended with work left. */
  waits: number;
  /** Actions in its ledger, when they were last counted. */
  actions?: number | undefined;
  /** How often in a row a worker gave it back, because it takes more places than were free. @default 0 */
  handedBack?: number;
}

/** A run that nobody has worked on yet. */
export function newSubmission(
  run: string,
  tenant: string,
  known: Pick<Submission, 'step' | 'planHead' | 'actions'>,
): Submission {
  return { run, tenant, ...known, takeovers: 0, idleTakeovers: 0, done: 0, waits: 0 };
}

/** Where a run stands in the queue; `ended` as far as that is remembered, a week, and `plan` where one was made then. */
export type Standing = { submission: Submission; sinceMs: number } & (
  | { kind: 'waiting'; notBeforeMs: number }
  | { kind: 'at-work' }
  | { kind: 'dead-letter'; exitCode: ExitCode; reason: string }
  | { kind: 'ended'; exitCode: ExitCode; plan: PlanSums | undefined }
);

/** Ends of a `submit` that was taken out of the queue. */
const TAKEN_OUT: ExitCode = 130;

/** The last standing of each run; of these alone, where $1 names some. Its rows are {@link LatestRow}s. */
export const LATEST = `select distinct on (singleton_key) singleton_key as run, name as queue, state::text as state, data, output,
    source_output as "sourceOutput", (extract(epoch from start_after) * 1000)::float8 as "startAfterMs",
    (extract(epoch from created_on) * 1000)::float8 as "createdMs"
  from ${QUEUE_SCHEMA}.job
  where name in ('${RUNS}', '${DEAD_LETTERS}') and ($1::text[] is null or singleton_key = any($1))
  order by singleton_key, created_on desc, name`;

export interface LatestRow {
  run: string;
  queue: string;
  state: 'created' | 'retry' | 'active' | 'completed' | 'cancelled' | 'failed';
  data: Submission;
  output: { exitCode?: ExitCode; plan?: unknown } | null;
  sourceOutput: { exitCode?: ExitCode; reason?: string } | null;
  startAfterMs: number;
  createdMs: number;
}

export function standingOf({ queue, state, data, output, sourceOutput, ...times }: LatestRow): Standing {
  const known = { submission: data, sinceMs: times.createdMs };
  if (queue === DEAD_LETTERS) {
    const { exitCode = 1, reason = '' } = sourceOutput ?? {};
    return { ...known, kind: 'dead-letter', exitCode, reason };
  }
  if (state === 'created' || state === 'retry') return { ...known, kind: 'waiting', notBeforeMs: times.startAfterMs };
  if (state === 'active') return { ...known, kind: 'at-work' };
  // Another version may have written it: what it does not tell is read from the ledger.
  const plan = planSumsSchema.safeParse(output?.plan);
  const exitCode = state === 'cancelled' ? TAKEN_OUT : (output?.exitCode ?? 1);
  return { ...known, kind: 'ended', exitCode, plan: plan.success ? plan.data : undefined };
}
