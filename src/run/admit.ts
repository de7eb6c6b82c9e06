import { resolveHosts } from '../defender/hosts.ts';
import { refuseUnseen } from '../engine/guards.ts';
import { inSession, refuseTooMany, type SessionEnd } from '../engine/session.ts';
import { InterruptedError, UsageError } from '../errors.ts';
import type { SourceBytes } from '../intake/open-source.ts';
import type { Flags } from '../job/given-settings.ts';
import type { Job } from '../job/job.ts';
import type { InsteadOfJob } from '../job/resolve-job.ts';
import type { RunState } from '../ledger/state/run-state.ts';
import { assemble } from './assemble.ts';
import type { Context } from './console.ts';
import { type Holding, makeHolding } from './holding.ts';
import type { Machine } from './machine.ts';
import { intakeBytes, isUnchanged, openIds, readThrough } from './read-source.ts';
import { refuseNoComment, refuseOldPlan, refuseOtherGuards, rereadRule } from './resume-rules.ts';
import { refuseSecretUse, resolveTarget, type Target, unfinishedTarget } from './target.ts';

export interface AdmitOptions {
  /** As typed: a job, a file of IDs, or a run. */
  source: string;
  /** Settings that were given as flags. */
  flags: Flags;
  /** Cancelling may begin without a question. */
  yes: boolean;
  /** What a worker is to do with it. To be planned it needs no yes, and is no plan yet. @default 'run' */
  step?: 'plan' | 'run';
  instead?: InsteadOfJob;
}

/** A run that another machine can go on with from its ledger alone. */
export interface AdmittedRun {
  name: string;
  tenant: string;
  /** How many actions it has; undefined where a query is still to be asked, and where it was made before. */
  actions: number | undefined;
}

/**
 * `submit`: takes into a run's ledger what only this machine can read, the file of IDs and the settings that were given, and leaves the rest to
 * whoever goes on with it. Signs in nowhere and sends nothing. A run that has all of it already is left as it is.
 *
 * Throws a UsageError for what nobody else could go on with (stdin, `device-code`), for a run that may not begin without a question, and as `run` does
 * before it begins.
 */
export async function admitSource(
  { source, flags, yes, step = 'run', instead }: AdmitOptions,
  context: Context,
): Promise<AdmittedRun> {
  await using holding = makeHolding(context);
  const target = await resolveTarget(source, flags, holding, context, { plan: false, instead });
  const hasSettings = Object.keys(flags).some((name) => flags[name] !== undefined);
  return await admitTarget(target, { yes, step, hasSettings, holding }, context);
}

/**
 * The turn of a schedule: as {@link admitSource} of its job with a query, which was read and agreed to before. Where the turn was made already, it is the
 * run that it was.
 */
export async function admitTurn(job: Job, context: Context): Promise<AdmittedRun> {
  await using holding = makeHolding(context);
  const unfinished = await unfinishedTarget(job, {}, holding, context);
  if (unfinished === undefined && (await context.store.stat(job.ledger)) !== undefined) {
    return { name: job.ledger, tenant: job.tenant, actions: undefined };
  }
  const target = unfinished ?? { job, fromLedger: false, state: undefined };
  return await admitTarget(target, { yes: true, step: 'run', hasSettings: false, holding }, context);
}

interface Admission extends Required<Pick<AdmitOptions, 'yes' | 'step'>> {
  /** Settings were given, which are for the ledger to keep. */
  hasSettings: boolean;
  holding: Holding;
}

async function admitTarget(
  target: Target,
  { yes, step, hasSettings, holding }: Admission,
  context: Context,
): Promise<AdmittedRun> {
  const { job, state } = target;
  refuseSecretUse(target, context);
  refuseNoWorkers(job);
  refuseOldPlan(target, context.clock.wallMs());
  refuseOtherGuards(target);
  refuseUnseen(job);
  if (state?.start === undefined) {
    refuseNoComment(job);
    if (step === 'run') refuseUnasked(yes);
  } else if (step === 'plan') throw new UsageError(`${job.ledger} is a run that was started, and cannot be planned.`);
  const bytes = await holding.orInterrupted(toRead(target, holding.signal, context));
  const run = { name: job.ledger, tenant: job.tenant };
  if (bytes === undefined && target.fromLedger && !hasSettings) return { ...run, actions: actionsOf(state) };
  let end: SessionEnd;
  let actions: number | undefined;
  {
    await using parts = await assemble({ target, holding, offline: true }, context);
    const { ledger, stop, log } = parts;
    end = await inSession(parts, async () => {
      if (bytes !== undefined) await intakeBytes(ledger, bytes, job, stop.signal, { ...context, log });
      if (step === 'plan') return 'interrupted';
      refuseTooMany(job, ledger.state.actions.size);
      return ledger.state.start === undefined ? 'planned' : 'interrupted';
    });
    actions = actionsOf(ledger.state);
  }
  if (end.error !== undefined) throw end.error;
  if (end.signal !== undefined) throw new InterruptedError(end.signal, 'nothing was submitted');
  return { ...run, actions };
}

/** As far as its source was read. */
function actionsOf(state: RunState | undefined): number | undefined {
  return state?.intake === undefined ? undefined : state.actions.size;
}

/** Throws what {@link admitSource} would throw of a run that is not begun, its source read to the end or not looked at. Writes nothing. */
export async function checkAdmission(job: Job, machine: Machine, { read }: { read: boolean }): Promise<void> {
  refuseSecretUse({ job, fromLedger: false, state: undefined }, machine);
  refuseNoWorkers(job);
  refuseUnseen(job);
  refuseNoComment(job);
  resolveHosts(job.api);
  const bytes = read ? await openIds(job.source, machine) : undefined;
  if (bytes !== undefined) await readThrough(bytes, job, machine);
}

/** Throws a UsageError for what no worker can do, because it takes somebody who sits there. */
function refuseNoWorkers({ source, auth }: Pick<Job, 'source' | 'auth'>): void {
  if (source.kind === 'stdin') {
    throw new UsageError('stdin cannot be submitted: write the IDs into a file, and submit that.');
  }
  if (auth.kind === 'device-code') {
    throw new UsageError('A worker has nobody to type the code of device-code: give another --auth.');
  }
}

/** Throws a UsageError without a yes to a run that would ask for one. */
export function refuseUnasked(yes: boolean): void {
  if (yes) return;
  throw new UsageError(
    'A worker asks nobody, so nothing was submitted: give --yes to cancel without a question, or plan it first, look at the plan, and submit that with --yes.',
  );
}

/** What is still to be read here; undefined where the ledger has it, or a query is the worker's to ask. */
async function toRead(
  target: Target,
  signal: AbortSignal,
  { secrets, sources }: Context,
): Promise<SourceBytes | undefined> {
  const { job, state, fromLedger } = target;
  const { source } = job;
  if (source.kind !== 'file') return undefined;
  const intake = state?.intake;
  if (intake === undefined || state?.readingUnfinished === true) return await openIds(source, { secrets, sources });
  const isKnown = fromLedger ? rereadRule(target) === 'no' : await isUnchanged(source.path, intake, signal, sources);
  if (isKnown) return undefined;
  throw new UsageError(
    `${source.path} has changed since ${job.ledger} was begun, and a worker cannot read it: submit it under another --ledger, or go on here with countermand run ${source.path}.`,
  );
}
