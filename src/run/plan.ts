import type { CliContext } from '../cli/context.ts';
import { LOOKUP_SIZE } from '../defender/routes.ts';
import { countDecisions, decideAll } from '../engine/screen-all.ts';
import { makeScreening } from '../engine/screening.ts';
import type { SourceBytes } from '../intake/open-source.ts';
import type { Job } from '../job/job.ts';
import { unseenTypes } from '../job/unseen-types.ts';
import { ASSUMED_ROUND_TRIP_MS } from '../quota/forecast.ts';
import { forecastFacts } from '../report/facts/forecast-facts.ts';
import type { PlanFacts } from '../report/facts/plan-summary.ts';
import type { RunParts } from './assemble.ts';
import { lookUpList } from './look-up-list.ts';
import { intakeBytes, intakeQuery } from './read-source.ts';

/** Intake and screening without a start: reads only. Offline (`--screen never`) it counts and forecasts what is not known to be over. */
export async function makePlan(
  parts: RunParts,
  bytes: SourceBytes | undefined,
  context: CliContext,
): Promise<PlanFacts> {
  const { say, clock, secrets } = context;
  const { job, ledger, stop, quota } = parts;
  const offline = isOffline(job);
  if (bytes !== undefined) await intakeBytes(ledger, bytes, job, stop.signal, secrets);
  const { engine, permissions, warnings } = await parts.connect(offline ? 'offline' : { cancels: false });
  if (bytes === undefined)
    await intakeQuery(ledger, job, engine.defender, makeScreening(engine), stop.signal, parts.log);
  const { maxActions } = job.guards;
  // A list that would not start is not looked up either.
  if (!offline && (maxActions === undefined || ledger.state.actions.size <= maxActions)) {
    const { notLookedUp } = await lookUpList({ engine, quota }, false, context);
    if (notLookedUp > 0)
      say(`${notLookedUp} actions are beyond what is looked up before a start, and are not known.\n`);
  }
  const { by, typesToCancel, unseen } = countDecisions(engine);
  for (const sentence of warnings(typesToCancel)) say(`warning: ${sentence}\n`);
  if (unseen > 0) say(`warning: ${unseenTypes(unseen)}\n`);
  const input = {
    calls: callsFor(by.cancel + by.unscreened, !offline && engine.lookups.canRead),
    windows: quota.left(),
    concurrency: job.concurrency,
    roundTripMs: ASSUMED_ROUND_TRIP_MS,
    nowMs: clock.monotonicMs(),
  };
  return { decisions: decideAll(engine), forecast: forecastFacts(input, clock.wallMs()), permissions };
}

/** Without lookups a plan of given IDs asks nobody anything. */
export function isOffline({ screen, source }: Pick<Job, 'screen' | 'source'>): boolean {
  return screen === 'never' && source.kind !== 'query';
}

/** Cancels, the lookups before them and those that confirm them. */
export function callsFor(cancels: number, canRead: boolean): number {
  return cancels + (canRead ? 2 * Math.ceil(cancels / LOOKUP_SIZE) : 0);
}
