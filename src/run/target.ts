import { ChangedLedgerError, stoppedBy, UsageError } from '../errors.ts';
import type { Flags } from '../job/given-settings.ts';
import type { Job } from '../job/job.ts';
import { ledgerNamed } from '../job/ledger-name.ts';
import { resolveJob, sourceKind } from '../job/resolve-job.ts';
import { mergeForResume } from '../job/resume-job.ts';
import { unlikeNamesIn } from '../job/unlike-names.ts';
import { type ReadLedger, readLedger, throwIfDamaged } from '../ledger/read-ledger.ts';
import type { RunState } from '../ledger/state/run-state.ts';
import { readHead } from './head.ts';
import { jobInput } from './job-input.ts';
import type { Machine } from './machine.ts';
import { newestUnfinished } from './newest-unfinished.ts';
import { atPaceOf, keptComment, pinRelativeDates } from './resume-rules.ts';

/** What SOURCE comes down to. */
export interface Target {
  job: Job;
  /** The run in it is gone on with; its source is read only when its intake was not finished. Otherwise the source is read (again). */
  fromLedger: boolean;
  /** What the ledger said before this session; undefined where there is none. */
  before: RunState | undefined;
  /** The head of that reading, empty without a record: what is decided by `before` holds only for a ledger that still has it under its lock. */
  head: string;
}

/** More often than a rival that lives could change a ledger in between. */
const MOST_DECISIONS = 5;

/**
 * Decides what to do by what a ledger says, and does it. A ledger that is another one under its lock (it grew, it was swapped, a rival finished
 * it) is decided upon anew; by then it may be refused.
 */
export async function onTarget<T>(resolve: () => Promise<Target>, act: (target: Target) => Promise<T>): Promise<T> {
  for (let decision = 1; ; decision++) {
    try {
      return await act(await resolve());
    } catch (thrown) {
      if (!(stoppedBy(thrown) instanceof ChangedLedgerError) || decision === MOST_DECISIONS) throw thrown;
    }
  }
}

/** Resolves a SOURCE of `run` or `plan`. Throws a UsageError, or a DamageError for a ledger that does not fit its chain. */
export async function resolveTarget(
  source: string,
  args: Flags,
  context: Machine,
  { plan }: { plan: boolean },
): Promise<Target> {
  if (sourceKind(source) === 'ledger') return ledgerTarget(source, args, context);
  if (args['head'] !== undefined) {
    throw new UsageError('--head is the head of a ledger: give the ledger of the plan that was reviewed as SOURCE');
  }
  const input = { ...(await jobInput(source, args, context)), plan };
  const job = resolveJob(input);
  for (const sentence of unlikeNamesIn(job)) context.log.warn(sentence);
  if (!plan && job.source.kind === 'query' && args['ledger'] === undefined) {
    const unfinished = await newestUnfinished(job.ledger, context);
    if (unfinished !== undefined) {
      const target = await ledgerTarget(unfinished, args, context, job);
      const { run, sessions } = target.before ?? { run: '', sessions: [] };
      const about = { job: job.name, run, session: sessions.length + 1, ledger: unfinished };
      context.log.info(about, 'going on with the newest unfinished ledger of this job');
      return { ...target, job: atPaceOf(job, target.job) };
    }
  }
  // A place where no file can be is told by whoever opens the ledger there.
  const there = await context.store.stat(job.ledger).catch(() => undefined);
  const { state: before, head } =
    there === undefined ? { state: undefined, head: '' } : await readIntact(job.ledger, context);
  if (before === undefined || before.sessions.length === 0) return { job, fromLedger: false, before: undefined, head };
  const begun = pinRelativeDates(job, before, (nowMs) => resolveJob({ ...input, nowMs }));
  return { job: { ...begun, comment: keptComment(job, before) }, fromLedger: false, before, head };
}

/** A ledger's own job, with what this session changes; `today` is the job of its job file, where it was found by one. */
export async function ledgerTarget(
  source: string,
  args: Flags,
  { env, cwd, clock, store }: Machine,
  today?: Job,
): Promise<Target> {
  const place = { cwd, inStore: store.keeps === 'runs' };
  const path = ledgerNamed(source, place);
  const wanted = args['head'] === undefined ? undefined : readHead(args['head']);
  const { state, head } = await readIntact(path, { store });
  const opened = state.sessions.at(-1)?.opened;
  if (opened === undefined) throw new UsageError(`${path} holds no run yet: run its source again`);
  if (wanted !== undefined && wanted !== head) {
    throw new UsageError(
      `the head of ${path} is ${head} and not ${wanted}: it is not the ledger that was reviewed, and nothing was sent; plan again, ` +
        'or look at what changed it',
    );
  }
  const merged = mergeForResume(opened.job, { flags: args, env, ...place, nowMs: clock.wallMs(), today });
  // A ledger may have been moved since: it is worked on where it lies.
  return { job: { ...merged, ledger: path }, fromLedger: true, before: state, head };
}

async function readIntact(path: string, { store }: Pick<Machine, 'store'>): Promise<ReadLedger> {
  const read = await readLedger(path, store);
  throwIfDamaged(path, read.fault);
  return read;
}
