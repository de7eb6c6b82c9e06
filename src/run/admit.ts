import { refuseUnseen } from '../engine/guards.ts';
import { inSession, refuseTooMany, type SessionEnd } from '../engine/session.ts';
import { InterruptedError, UsageError } from '../errors.ts';
import type { SourceBytes } from '../intake/open-source.ts';
import type { Flags } from '../job/given-settings.ts';
import type { Job } from '../job/job.ts';
import { assemble } from './assemble.ts';
import type { Context } from './console.ts';
import { makeHolding } from './holding.ts';
import { intakeBytes, isUnchanged, openIds } from './read-source.ts';
import { refuseNoComment, refuseOldPlan, refuseOtherGuards, rereadRule } from './resume-rules.ts';
import { refuseSecretUse, resolveTarget, type Target } from './target.ts';

export interface AdmitOptions {
  /** As typed: a job, a file of IDs, or a run. */
  source: string;
  /** Settings that were given as flags. */
  flags: Flags;
  /** Cancelling may begin without a question. */
  yes: boolean;
}

/** A run that another machine can go on with from its ledger alone. */
export interface AdmittedRun {
  name: string;
  tenant: string;
}

/**
 * `submit`: takes into a run's ledger what only this machine can read, the file of IDs and the settings that were given, and leaves the rest to
 * whoever goes on with it. Signs in nowhere and sends nothing. A run that has all of it already is left as it is.
 *
 * Throws a UsageError for what nobody else could go on with (stdin, `device-code`), for a run that may not begin without a question, and as `run` does
 * before it begins.
 */
export async function admitSource({ source, flags, yes }: AdmitOptions, context: Context): Promise<AdmittedRun> {
  await using holding = makeHolding(context);
  const target = await resolveTarget(source, flags, holding, context, { plan: false });
  const { job, state } = target;
  refuseSecretUse(target, context);
  refuseUnfit(job);
  refuseOldPlan(target, context.clock.wallMs());
  refuseOtherGuards(target);
  refuseUnseen(job);
  if (state?.start === undefined) refuseUnasked(job, yes);
  const bytes = await holding.orInterrupted(toRead(target, holding.signal, context));
  const run = { name: job.ledger, tenant: job.tenant };
  const hasSettings = Object.keys(flags).some((name) => flags[name] !== undefined);
  if (bytes === undefined && target.fromLedger && !hasSettings) return run;
  let end: SessionEnd;
  {
    await using parts = await assemble({ target, holding, offline: true }, context);
    const { ledger, stop, log } = parts;
    end = await inSession(parts, async () => {
      if (bytes !== undefined) await intakeBytes(ledger, bytes, job, stop.signal, { ...context, log });
      refuseTooMany(job, ledger.state.actions.size);
      return ledger.state.start === undefined ? 'planned' : 'interrupted';
    });
  }
  if (end.error !== undefined) throw end.error;
  if (end.signal !== undefined) throw new InterruptedError(end.signal, 'nothing was submitted');
  return run;
}

function refuseUnfit({ source, auth }: Job): void {
  if (source.kind === 'stdin') {
    throw new UsageError('stdin cannot be submitted: write the IDs into a file, and submit that.');
  }
  if (auth.kind === 'device-code') {
    throw new UsageError('A worker has nobody to type the code of device-code: give another --auth.');
  }
}

function refuseUnasked(job: Job, yes: boolean): void {
  refuseNoComment(job);
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
