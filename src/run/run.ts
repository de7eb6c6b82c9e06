import { cancelAll } from '../engine/cancel-all.ts';
import { refuseUnseen } from '../engine/guards.ts';
import type { CallOrder } from '../engine/order.ts';
import { makeScreening } from '../engine/screening.ts';
import { inSession, refuseTooMany, type SessionEnd } from '../engine/session.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { SourceBytes } from '../intake/open-source.ts';
import type { Flags } from '../job/given-settings.ts';
import type { CloseReason } from '../ledger/record.ts';
import type { WindowLeft } from '../quota/quota.ts';
import type { LedgerView } from '../report/facts/view.ts';
import {
  approve,
  approveAfterFirstBatch,
  chooseOrderAloud,
  decideMissing,
  type MissingAnswer,
  requireAnswer,
  sayGoesOn,
  withdraw,
} from './approve.ts';
import { assemble, type Connected, type RunParts } from './assemble.ts';
import type { Context } from './console.ts';
import { type Holding, makeHolding } from './holding.ts';
import type { Machine } from './machine.ts';
import { type Watch, withMetrics } from './metrics.ts';
import { claimReleaseList } from './outputs.ts';
import { factsReader } from './progress-facts.ts';
import { removeOldLedgers } from './prune.ts';
import { intakeBytes, intakeQuery, isUnchanged, openIds, refuseHalfStdin } from './read-source.ts';
import {
  refuseNoComment,
  refuseOldPlan,
  refuseOtherGuards,
  rereadRule,
  type Standing,
  standingOf,
} from './resume-rules.ts';
import { ledgerTarget, refuseSecretUse, resolveTarget, type Target } from './target.ts';

export interface RunOptions {
  flags: Flags;
  /** Cancels without a question. */
  yes: boolean;
  json: boolean;
  /** Is told how the session ended, before that is shown: for a host that does more with it. Not of one that was refused before it was begun. */
  onEnd?: ((end: SessionEnd) => void) | undefined;
  /** Is shown the parts of the session, while it lasts. */
  watch?: Watch | undefined;
}

/** `run`: SOURCE, as typed, to its end. `missing`: what to do with open actions that it no longer lists. */
export async function runSource(
  { source, flags, missing, ...how }: RunOptions & { source: string; missing: MissingAnswer },
  context: Context,
): Promise<ExitCode> {
  await using holding = makeHolding(context);
  const target = await resolveTarget(source, flags, holding, context, { plan: false });
  return await toItsEnd({ ...how, target, holding, missing, retry: new Set() }, context);
}

/** `resume`: the run of a ledger to its end. `retry`: outcomes whose actions are to be tried once more; `planHead` as of a target. */
export async function resumeLedger(
  {
    ledger,
    flags,
    retry,
    planHead,
    ...how
  }: RunOptions & { ledger: string; retry: ReadonlySet<string>; planHead?: string | undefined },
  context: Context,
): Promise<ExitCode> {
  await using holding = makeHolding(context);
  const target = await ledgerTarget(ledger, flags, holding, context, planHead);
  return await toItsEnd({ ...how, target, holding, missing: undefined, retry }, context);
}

interface SessionOptions extends Omit<RunOptions, 'flags'> {
  target: Target;
  holding: Holding;
  missing: MissingAnswer;
  retry: ReadonlySet<string>;
}

/** With its metrics beside it. */
function toItsEnd(options: SessionOptions, context: Context): Promise<ExitCode> {
  return withMetrics(options.target.job, context, (watch) => runSession(options, watch, context));
}

/** Refuses what cannot start before a session is begun or anything is sent. */
async function runSession(options: SessionOptions, watch: Watch, context: Context): Promise<ExitCode> {
  const { target, holding, yes, json } = options;
  const { job, state, fromLedger } = target;
  refuseSecretUse(target, context);
  await claimReleaseList(job, context);
  refuseOldPlan(target, context.clock.wallMs());
  refuseOtherGuards(target);
  refuseUnseen(job);
  if (fromLedger) refuseHalfStdin(job, state);
  const reading = await holding.orInterrupted(whatToRead(target, holding.signal, context));
  if (state?.start === undefined || state.admittedSinceStart > 0 || reading !== 'nothing') {
    refuseNoComment(job);
    requireAnswer(context, yes);
  }
  const standing = standingOf(state);
  let end: SessionEnd;
  let view: LedgerView;
  let left: readonly WindowLeft[] | undefined;
  {
    await using parts = await assemble({ target, holding }, context);
    using _metrics = watch(parts);
    using _host = options.watch?.(parts);
    end = await inSession(parts, () => work(parts, { standing, reading }, options, { ...context, log: parts.log }));
    view = await parts.view();
    left = parts.quota?.left();
  }
  options.onEnd?.(end);
  const { finish } = await loadReport();
  return (await finish({ view, end, json, left }, context)).exitCode;
}

/** Not needed for the first call; and loaded long before its use, since a program may be replaced while it runs for hours. */
const loadReport = () => import('./finish.ts');

type ToRead = { bytes: SourceBytes } | 'query' | 'nothing';

async function whatToRead(target: Target, signal: AbortSignal, { secrets, sources }: Machine): Promise<ToRead> {
  const { source } = target.job;
  const rule = rereadRule(target);
  if (rule === 'no') return 'nothing';
  const intake = target.state?.intake;
  const isFile = rule === 'if-changed' && source.kind === 'file' && intake !== undefined;
  if (isFile && (await isUnchanged(source.path, intake, signal, sources))) return 'nothing';
  const bytes = await openIds(source, { secrets, sources });
  return bytes === undefined ? 'query' : { bytes };
}

/** One session's way through, from its source to its last outcome. `standing`: how far the run was when this session found it. */
async function work(
  parts: RunParts,
  { standing, reading }: { standing: Standing; reading: ToRead },
  { yes, missing, retry }: SessionOptions,
  context: Context,
): Promise<CloseReason> {
  const { job, ledger, stop } = parts;
  const { state } = ledger;
  let connected: Connected | undefined;
  if (reading === 'query') {
    connected = await parts.connect({ cancels: true });
    const { engine } = connected;
    await intakeQuery(ledger, job, engine.defender, makeScreening(engine), stop.signal, parts.log);
  } else if (reading !== 'nothing') await intakeBytes(ledger, reading.bytes, job, stop.signal, context);
  refuseTooMany(job, state.actions.size);
  const withdrawn = await decideMissing(ledger, missing, context, stop.signal);

  const wasStarted = standing === 'started' || standing === 'finished';
  // Also what an earlier session admitted and did not live to ask about.
  const isNew = !wasStarted || state.admittedSinceStart > 0;
  const retried = new Set<string>();
  for (const { id, outcome } of state.actions.values()) if (isRetried(outcome, retry)) retried.add(id);
  // A finished run with nothing new ends as it did.
  if (!isNew && withdrawn.length === 0 && retried.size === 0 && standing === 'finished') return 'finished';

  connected ??= await parts.connect({ cancels: true });
  const { engine } = connected;
  const lastOrder = state.start?.order ?? 'source';
  let order: CallOrder | undefined;
  if (isNew) {
    // Those taken back are not part of the question.
    if (wasStarted) await withdraw(ledger, withdrawn);
    const without = new Set(withdrawn.map(({ id }) => id));
    order = await approve(
      connected,
      { yes, anew: standing === 'plan', without, retry: retried, rejects: parts.trace.rejects },
      context,
    );
  }
  await withdraw(ledger, withdrawn);
  order ??= await chooseOrderAloud(engine, retried, context.say);
  // A reading that brought nothing new is approved all the same, so that no later session does it again; and the ledger says the order that is gone by.
  if (!isNew && (reading !== 'nothing' || order.by !== lastOrder)) {
    await ledger.start({ by: yes ? 'yes' : 'question', count: state.leftCount, order: order.by });
  }
  if (!isNew) sayGoesOn(connected, order, context.say);
  if (standing === 'none') await removeOldLedgers(job, context);
  await loadReport();
  using _progress = await context.progress(factsReader(parts));
  await cancelAll(engine, {
    retry: retried,
    order,
    goOn: (first) => approveAfterFirstBatch(first, { yes, stop }, context),
  });
  return 'finished';
}

function isRetried(outcome: { outcome: string } | undefined, retry: ReadonlySet<string>): boolean {
  return outcome !== undefined && retry.has(outcome.outcome);
}
