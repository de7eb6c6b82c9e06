import { refuseUnseen } from '../engine/guards.ts';
import { countDecisions, decideAll } from '../engine/screen-all.ts';
import { makeScreening } from '../engine/screening.ts';
import { inSession, type SessionEnd } from '../engine/session.ts';
import { SenderHeldError, UsageError } from '../errors.ts';
import type { SourceBytes } from '../intake/open-source.ts';
import type { Flags } from '../job/given-settings.ts';
import type { Job } from '../job/job.ts';
import { unseenTypes } from '../job/known-names.ts';
import type { CloseReason } from '../ledger/record.ts';
import { windowsForNext } from '../quota/past-calls.ts';
import { forecastFacts, type PlanFacts } from '../report/facts/plan-summary.ts';
import type { LedgerView } from '../report/facts/view.ts';
import { chooseOrderAloud } from './approve.ts';
import { assemble, type RunParts } from './assemble.ts';
import type { Context } from './console.ts';
import { type Finished, finish } from './finish.ts';
import { type Holding, makeHolding } from './holding.ts';
import { lookUpList } from './look-up-list.ts';
import type { Watch } from './metrics.ts';
import { tokenTrouble } from './question.ts';
import { intakeBytes, intakeQuery, openIds } from './read-source.ts';
import { rereadRule } from './resume-rules.ts';
import { forecastInput, workLeft } from './run-forecast.ts';
import { ledgerTarget, refuseSecretUse, resolveTarget, type Target } from './target.ts';

export interface PlanOptions {
  /** SOURCE as typed. */
  source: string;
  flags: Flags;
  json: boolean;
  /** Looks at where the plan is to be written to, once it is known what is read: throws before a ledger is made. */
  place?(job: Job): Promise<void>;
}

export interface Planned extends Finished {
  job: Job;
  end: SessionEnd;
  facts: PlanFacts;
}

/** `plan`: from a SOURCE to what a run of it would do, kept as a ledger. Sends no cancel. */
export async function planSession(options: PlanOptions, context: Context): Promise<Planned> {
  try {
    return await planSource(options, context);
  } catch (error) {
    if (!(error instanceof SenderHeldError)) throw error;
    const wayOut = 'To plan a list beside it, add --screen never: that looks nothing up and sends nothing.';
    throw new SenderHeldError(`${error.message} ${wayOut}`, { cause: error });
  }
}

async function planSource({ source, flags, json, place }: PlanOptions, context: Context): Promise<Planned> {
  await using holding = makeHolding(context);
  const target = await resolveTarget(source, flags, holding, context, { plan: true });
  const { job, state } = target;
  refuseUnplannable(target, context);
  await place?.(job);
  const bytes = await holding.orInterrupted(openIds(job.source, context));
  const reading = bytes === undefined ? 'query' : { bytes };
  return await planned({ target, holding, reading, replacesPlan: state !== undefined, json }, context);
}

/** The plan of a run whose ledger says all that it takes; what is there already is gone on with. Sends no cancel. `watch` as of a run. */
export async function planLedger(
  { ledger, flags, watch }: { ledger: string; flags: Flags; watch?: Watch | undefined },
  context: Context,
): Promise<Planned> {
  await using holding = makeHolding(context);
  const target = await ledgerTarget(ledger, flags, holding, context);
  refuseUnplannable(target, context);
  const { source } = target.job;
  const isRead = rereadRule(target) === 'no';
  if (!isRead && source.kind !== 'query') {
    throw new UsageError(`The source of ${ledger} was not read to its end where it was submitted: submit it again.`);
  }
  return await planned({ target, holding, reading: isRead ? 'nothing' : 'query', json: false, watch }, context);
}

function refuseUnplannable(target: Target, context: Context): void {
  const { job, state } = target;
  if (state?.start !== undefined) {
    throw new UsageError(`${job.ledger} is a run that was started, not a plan: give the plan another --ledger`);
  }
  refuseSecretUse(target, context);
  refuseUnseen(job);
}

interface PlanSession {
  target: Target;
  holding: Holding;
  reading: ToRead;
  replacesPlan?: boolean;
  json: boolean;
  watch?: Watch | undefined;
}

/** What is still to be read of the source. */
type ToRead = { bytes: SourceBytes } | 'query' | 'nothing';

async function planned(options: PlanSession, context: Context): Promise<Planned> {
  const { target, holding, reading, replacesPlan = false, json, watch } = options;
  const { job } = target;
  let made: PlanFacts | undefined;
  let end: SessionEnd;
  let view: LedgerView;
  {
    await using parts = await assemble({ target, holding, replacesPlan, offline: isOffline(job) }, context);
    using _host = watch?.(parts);
    end = await inSession(parts, async (): Promise<CloseReason> => {
      made = await makePlan(parts, reading, context);
      return 'planned';
    });
    view = await parts.view();
    if (replacesPlan && (end.error !== undefined || end.signal !== undefined)) {
      view = { ...view, path: (await putPlanBack(parts, context)) ?? view.path };
    }
  }
  const facts = made ?? { decisions: undefined, forecast: undefined };
  return { job, end, facts, ...(await finish({ view, end, json, plan: facts }, context)) };
}

/** A plan that fails does not stand in the way of the one that was there. Returns where it lies then; undefined where it stays. */
async function putPlanBack({ ledger, job, log }: RunParts, { store, say }: Context): Promise<string | undefined> {
  try {
    const failed = await store.putPlanBack(ledger);
    if (failed !== undefined)
      say(`${job.ledger} is the plan that it was before: this one did not come to its end, and is kept as ${failed}\n`);
    return failed;
  } catch (error) {
    log.warn({ err: error }, `the plan that was at ${job.ledger} before could not be put back`);
    return undefined;
  }
}

/** Intake and screening without a start: reads only. Offline (`--screen never`) it counts and forecasts what is not known to be over. */
async function makePlan(parts: RunParts, reading: ToRead, context: Context): Promise<PlanFacts> {
  const { say, clock, secrets } = context;
  const { log } = parts;
  const { job, ledger, stop } = parts;
  const offline = isOffline(job);
  if (typeof reading === 'object') await intakeBytes(ledger, reading.bytes, job, stop.signal, { secrets, say, log });
  const { engine, quota, sender, permissions, warnings } = await parts.connect(
    offline ? 'offline' : { cancels: false },
  );
  if (reading === 'query') await intakeQuery(ledger, job, engine.defender, makeScreening(engine), stop.signal, log);
  const { maxActions } = job.guards;
  // A list that would not start is not looked up either.
  if (!offline && (maxActions === undefined || ledger.state.actions.size <= maxActions)) {
    const { notLookedUp } = await lookUpList({ engine, quota }, false, context);
    if (notLookedUp > 0)
      say(`${notLookedUp} actions are beyond what is looked up before a start, and are not known.\n`);
  }
  const { typesToCancel, unseen } = countDecisions(engine);
  for (const sentence of warnings(typesToCancel)) say(`warning: ${sentence}\n`);
  if (unseen > 0) say(`warning: ${unseenTypes(unseen)}\n`);
  const { asked, by: turn } = await chooseOrderAloud(engine, new Set(), say);
  const work = workLeft(ledger.state, job);
  const quotaNow = { windows: windowsForNext(quota.left()), nowMs: clock.monotonicMs() };
  const input = forecastInput(work, ledger.state, job, quotaNow);
  const forecast = forecastFacts(input, clock.wallMs(), { asked, by: turn, cancels: work.toCall });
  const trouble = tokenTrouble(sender, forecast);
  if (trouble !== undefined && work.calls > 0) say(`warning: ${trouble}\n`);
  return { decisions: decideAll(engine), forecast, permissions };
}

/** Without lookups a plan of given IDs asks nobody anything. */
function isOffline({ screen, source }: Pick<Job, 'screen' | 'source'>): boolean {
  return screen === 'never' && source.kind !== 'query';
}
