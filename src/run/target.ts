import { UsageError } from '../errors.ts';
import { refuseSecretPath, refuseSecretStdin, refuseSecretText } from '../identity/session-secrets.ts';
import type { Flags } from '../job/given-settings.ts';
import type { Job } from '../job/job.ts';
import { unlikeNamesIn } from '../job/known-names.ts';
import { fileOfShownName, type LedgerPlace, ledgerNamed, ledgerTyped, planOf } from '../job/ledger-name.ts';
import { type InsteadOfJob, resolveJob, sourceKind } from '../job/resolve-job.ts';
import { mergeForResume } from '../job/resume-job.ts';
import { type ReadLedger, readLedger, throwIfDamaged } from '../ledger/read-ledger.ts';
import type { RunState } from '../ledger/state/run-state.ts';
import type { HeldRun } from '../store/store.ts';
import type { Holding } from './holding.ts';
import { jobInput } from './job-input.ts';
import type { Machine } from './machine.ts';
import { holdNewestUnfinished } from './newest-unfinished.ts';
import { atPaceOf, keptComment, pinRelativeDates, rereadRule } from './resume-rules.ts';
import { notReadToItsEnd, readHead, refuseOtherHead } from './reviewed-head.ts';

/** What SOURCE comes down to. */
export interface Target {
  job: Job;
  /** The run in it is gone on with; its source is read only when its intake was not finished. Otherwise the source is read (again). */
  fromLedger: boolean;
  /** What the ledger says, which is held by then; undefined where no session stands in it. The session that is begun writes to it. */
  state: RunState | undefined;
}

/**
 * Resolves a SOURCE of `run` or `plan`, and takes the ledger where there is one. One that is not there yet is taken right before it is begun, so that
 * what is refused until then makes nothing. Throws a UsageError, a DamageError for a ledger that does not fit its chain, and what `Store.hold` does.
 */
export async function resolveTarget(
  source: string,
  args: Flags,
  holding: Holding,
  context: Machine,
  { plan, instead }: { plan: boolean; instead?: InsteadOfJob | undefined },
): Promise<Target> {
  if (sourceKind(source) === 'ledger') {
    if (!plan) return await ledgerTarget(source, args, holding, context);
    throw new UsageError(
      'plan takes a job, a file of IDs or -; for a ledger use `countermand resume --dry-run` or `countermand report`',
    );
  }
  if (args['head'] !== undefined) {
    throw new UsageError('--head is the head of a ledger: give the ledger of the plan that was reviewed as SOURCE');
  }
  const input = { ...(await jobInput(source, args, context, instead)), plan };
  const job = resolveJob({ ...input, remark: (sentence) => context.log.warn(sentence) });
  for (const sentence of unlikeNamesIn(job)) context.log.warn(sentence);
  if (!plan && job.source.kind === 'query' && args['ledger'] === undefined) {
    const unfinished = await unfinishedTarget(job, args, holding, context);
    if (unfinished !== undefined) return unfinished;
  }
  refuseSecretLedger(job.ledger, context);
  // A place where no file can be is told by whoever makes the ledger there.
  const there = await context.store.stat(job.ledger).catch(() => undefined);
  if (there === undefined) return { job, fromLedger: false, state: undefined };
  const { found } = await holding.hold({ name: job.ledger });
  throwIfDamaged(job.ledger, found.fault);
  const { state } = found;
  if (state.sessions.length === 0) return { job, fromLedger: false, state: undefined };
  const begun = pinRelativeDates(job, state, (nowMs) => resolveJob({ ...input, nowMs }));
  return { job: { ...begun, comment: keptComment(job, state) }, fromLedger: false, state };
}

/** A job with a query goes on with the newest unfinished ledger of its name, which is taken; undefined where there is none. Throws as {@link resolveTarget}. */
export async function unfinishedTarget(
  job: Job,
  args: Flags,
  holding: Holding,
  context: Machine,
): Promise<Target | undefined> {
  const unfinished = await holdNewestUnfinished(job.ledger, holding, context);
  if (unfinished === undefined) return undefined;
  const { name, found } = unfinished;
  const target = targetOf(name, found, args, context, { today: job });
  const { run, sessions } = found.state;
  const about = { job: job.name, run, session: sessions.length + 1, ledger: name };
  context.log.info(about, 'going on with the newest unfinished ledger of this job');
  return { ...target, job: atPaceOf(job, target.job) };
}

/**
 * Takes a ledger, for its own job with what this session changes. `planHead`: the head of the plan that was reviewed, with which the ledger goes on where
 * an earlier session wrote to it already. Throws as {@link resolveTarget}.
 */
export async function ledgerTarget(
  source: string,
  args: Flags,
  holding: Holding,
  machine: Machine,
  planHead?: string,
): Promise<Target> {
  const path = ledgerNamed(await meantLedger(source, machine), placeOf(machine));
  const reviewed = args['head'] === undefined ? undefined : readHead(args['head']);
  const { found } = await holdExisting(path, holding, machine, planHead);
  const target = targetOf(path, found, args, machine, { reviewed });
  if (planHead === undefined) return target;
  if (found.headFound?.kind === 'absent') refuseOtherHead(path, found.head, planHead);
  if (rereadRule(target) !== 'no') throw notReadToItsEnd(path);
  return target;
}

/** The same by a ledger that is not taken: for who only looks. */
export async function seenTarget(source: string, args: Flags, machine: Machine): Promise<Target> {
  const path = ledgerNamed(await meantLedger(source, machine), placeOf(machine));
  return targetOf(path, await readLedger(path, machine.store), args, machine);
}

/** Takes a ledger that must be there, and looks for `head` in it. What does not fit is left to whoever reads on. */
export async function holdExisting(
  path: string,
  holding: Holding,
  machine: Pick<Machine, 'secrets'>,
  head?: string,
): Promise<HeldRun> {
  refuseSecretLedger(path, machine);
  return await holding.hold({ name: path, existing: 'existing', head });
}

/**
 * What a ledger that was read comes down to. `today` is the job of its job file, where it was found by one; `reviewed` the head that it must have.
 * Throws a UsageError or a DamageError for one that cannot be gone on with.
 */
export function targetOf(
  path: string,
  { state, head, fault }: ReadLedger,
  args: Flags,
  { env, cwd, clock, store }: Machine,
  { today, reviewed }: { today?: Job; reviewed?: string | undefined } = {},
): Target {
  throwIfDamaged(path, fault);
  const opened = state.sessions.at(-1)?.opened;
  if (opened === undefined) throw new UsageError(`${path} holds no run yet: run its source again`);
  if (state.sessions[0]?.opened.redacted === true) {
    throw new UsageError(
      `${path} is a copy of a ledger with its names taken out, so there is nothing in it to call: use the ledger itself`,
    );
  }
  if (reviewed !== undefined) refuseOtherHead(path, head, reviewed);
  const merged = mergeForResume(opened.job, {
    flags: args,
    env,
    ...placeOf({ cwd, store }),
    nowMs: clock.wallMs(),
    today,
  });
  // A ledger may have been moved since: it is worked on where it lies.
  const target: Target = { job: { ...merged, ledger: path }, fromLedger: true, state };
  if (reviewed !== undefined && rereadRule(target) !== 'no') throw notReadToItsEnd(path);
  return target;
}

/** A ledger that a person names, as it is read and shown: by its path or a run's name, or as `status` calls it. */
export async function ledgerGiven(given: string, machine: LookingMachine): Promise<string> {
  return ledgerTyped(await meantLedger(given, machine), placeOf(machine));
}

type LookingMachine = Pick<Machine, 'cwd' | 'store' | 'storeWords' | 'clock'>;

/**
 * Where nothing stands at a path that may be a name, the ledger of that name in the folder of ledgers, if there is one. Throws a UsageError that has the
 * commands for its plan, where there is only that.
 */
async function meantLedger(given: string, machine: LookingMachine): Promise<string> {
  const { store } = machine;
  const place = placeOf(machine);
  const isThere = async (path: string) =>
    (await store.stat(ledgerNamed(path, place)).catch(() => 'not to be looked at')) !== undefined;
  if (await isThere(given)) return given;
  const file = place.inStore ? undefined : fileOfShownName(given);
  if (file !== undefined && (await isThere(file))) return file;
  const plan = planOf(file ?? given, place);
  if (plan === undefined || !(await isThere(plan))) return given;
  const { onlyAPlan } = await import('./only-a-plan.ts');
  const found = await onlyAPlan(given, ledgerTyped(plan, place), machine);
  if (found !== undefined) throw found;
  return given;
}

function placeOf({ cwd, store }: Pick<Machine, 'cwd' | 'store'>): LedgerPlace {
  return { cwd, inStore: store.keeps === 'runs' };
}

/** Before anything is made beside it, a lock for one. */
function refuseSecretLedger(path: string, { secrets }: Pick<Machine, 'secrets'>): void {
  refuseSecretPath(secrets, path, `the ledger ${path}`);
}

/**
 * Throws a UsageError for a run whose source or ledger is one of this session's secrets, or one of whose comments holds one: whether flags, a job
 * file or a ledger say so. Comments of rows that are still to be read are looked at as they come ({@link refuseSecretText}).
 */
export function refuseSecretUse({ job, state }: Target, { secrets }: Pick<Machine, 'secrets'>): void {
  refuseSecretLedger(job.ledger, { secrets });
  if (job.source.kind === 'file') refuseSecretPath(secrets, job.source.path, `the source ${job.source.path}`);
  if (job.source.kind === 'stdin') refuseSecretStdin(secrets);
  refuseSecretText(secrets, job.comment, 'the comment');
  for (const { comment, line } of state?.actions.values() ?? []) {
    if (comment !== undefined) refuseSecretText(secrets, comment, `the comment of line ${line} in the ledger`);
  }
}
