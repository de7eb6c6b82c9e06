import { CountermandError } from '../errors.ts';
import type { ExitCode } from '../exit-codes.ts';
import { endedBy } from '../fs-errors.ts';
import type { TenantCredentials } from '../identity/tenant-credentials.ts';
import type { Flags } from '../job/given-settings.ts';
import { project } from '../ledger/read-ledger.ts';
import { headlineOf } from '../report/facts/headline.ts';
import type { Context } from '../run/console.ts';
import type { HeardInterrupts } from '../run/interrupts.ts';
import type { Watch } from '../run/metrics.ts';
import { planLedger } from '../run/plan.ts';
import { resumeLedger } from '../run/run.ts';
import { hostedConsole } from './hosted.ts';
import { type PlanSums, planSums } from './plan-sums.ts';
import type { Claim, Settlement } from './queue.ts';
import { IDLE_TAKEOVERS, settlementOf, takeoverOf } from './settle-rules.ts';
import type { Submission } from './standing.ts';
import type { WorkerMetrics } from './worker-metrics.ts';

/** A lease that a lost worker has left runs out within 15 s: until then it is asked for again, this often. */
const ASK_EVERY_MS = 1000;
const ASK_FOR_MS = 16_000;
/** pg-boss ends a handler after a day; a run that lasts longer is given to another place before that. */
const SHIFT_MS = 12 * 3_600_000;

export interface PlaceParts {
  /** Of the worker. */
  context: Context;
  /** What the worker was told of every run. */
  flags: Flags;
  /** Of tenants that sign in with their own. */
  credentials: TenantCredentials | undefined;
  /** Ends this run. */
  interrupts: HeardInterrupts;
  metrics: Pick<WorkerMetrics, 'watch' | 'takenOver' | 'left'>;
}

/** Does what is to be done with a run that this worker got. Throws what is a bug, of this run or of the worker. */
export async function workOn(
  claim: Claim,
  { context, flags, credentials, interrupts, metrics }: PlaceParts,
): Promise<Settlement> {
  const { submission, deaths, signal } = claim;
  const { run, tenant } = submission;
  const { clock, store } = context;
  const log = context.log.child({ name: run, tenant });
  const giveUp = () => interrupts.interrupt('SIGTERM');
  signal.addEventListener('abort', giveUp, { once: true });
  if (signal.aborted) giveUp();
  const over = new AbortController();
  try {
    if (deaths > 0) {
      const done = deaths < IDLE_TAKEOVERS ? await answersIn(run, store) : undefined;
      const settled = takeoverOf(submission, deaths, done);
      metrics.takenOver();
      metrics.left(settled);
      log.warn(
        { deaths },
        settled.kind === 'again' ? 'the worker that had this run was lost' : 'this run is set aside',
      );
      return settled;
    }
    void clock.sleep(SHIFT_MS, { signal: over.signal, ref: false }).then(giveUp, () => undefined);
    const hosted = { ...context, ...hostedConsole(log), log, interrupts };
    let { actions } = submission;
    const watch: Watch = (parts) => {
      const { state } = parts.ledger;
      const shown = metrics.watch(run, tenant, parts);
      return {
        [Symbol.dispose]: () => {
          actions = state.actions.size;
          shown[Symbol.dispose]();
        },
      };
    };
    const { exitCode, reason, plan } = await toItsEnd({ submission, flags, credentials, watch }, hosted);
    const settled = {
      ...settlementOf(exitCode, reason, { ...submission, actions }),
      ...(plan === undefined ? {} : { plan }),
    };
    metrics.left(settled);
    log.info({ exitCode, next: settled.kind, ...(reason === undefined ? {} : { reason }) }, 'left');
    return settled;
  } finally {
    over.abort();
    signal.removeEventListener('abort', giveUp);
  }
}

interface HostedRun {
  submission: Submission;
  flags: Flags;
  credentials: TenantCredentials | undefined;
  watch: Watch;
}

interface RunEnd {
  exitCode: ExitCode;
  /** What stopped it, as a sentence. */
  reason?: string | undefined;
  /** The plan that was made. */
  plan?: PlanSums;
}

/** A run that is held is asked for again for as long as a lost holder's lease can last. */
async function toItsEnd(hosted: HostedRun, context: Context): Promise<RunEnd> {
  const { clock, interrupts } = context;
  const untilMs = clock.monotonicMs() + ASK_FOR_MS;
  for (;;) {
    const end = await session(hosted, context);
    if (end.exitCode !== 11 || clock.monotonicMs() >= untilMs || interrupts.first !== undefined) return end;
    await clock.sleep(ASK_EVERY_MS, { signal: interrupts.signal }).catch(() => undefined);
  }
}

async function session(hosted: HostedRun, context: Context): Promise<RunEnd> {
  try {
    const { flags, env } = await signInOf(hosted, context.env);
    const own = { ...context, env };
    return await (hosted.submission.step === 'plan' ? planOne : runOne)({ ...hosted, flags }, own);
  } catch (thrown) {
    // Closing what the session held fails too, where the store is what failed.
    const stopped = endedBy(thrown);
    if (!(stopped instanceof CountermandError)) throw stopped;
    return { exitCode: stopped.exitCode, reason: stopped.message };
  }
}

/**
 * How the tenant of a run signs in: as the worker does, or with a credential of its own. Then the application is the run's, and the tenant is said
 * once more, so that a ledger of another is refused.
 */
async function signInOf(
  { submission: { tenant }, flags, credentials }: HostedRun,
  env: Context['env'],
): Promise<{ flags: Flags; env: Context['env'] }> {
  const own = await credentials?.of(tenant, env);
  if (own === undefined) return { flags, env };
  const { 'client-id': _ofTheWorker, ...others } = flags;
  return { flags: { ...others, tenant, auth: own.kind }, env: own.env };
}

async function runOne({ submission, flags, watch }: HostedRun, context: Context): Promise<RunEnd> {
  const { run: ledger, planHead } = submission;
  let error: CountermandError | undefined;
  const onEnd = (end: { error: CountermandError | undefined }) => {
    error = end.error;
  };
  const how = { yes: true, json: false, retry: new Set<string>(), onEnd, watch };
  const exitCode = await resumeLedger({ ledger, flags, planHead, ...how }, context);
  return { exitCode, reason: error?.message };
}

async function planOne({ submission, flags, watch }: HostedRun, context: Context): Promise<RunEnd> {
  const { exitCode, end, summary, view } = await planLedger({ ledger: submission.run, flags, watch }, context);
  if (end.reason === 'planned' && (exitCode === 0 || exitCode === 3)) {
    return { exitCode, plan: planSums(summary, view) };
  }
  const isTooMuch = end.error === undefined && exitCode === 5;
  return { exitCode, reason: isTooMuch ? headlineOf(summary).sentence : end.error?.message };
}

/** Answers of Defender and outcomes that stand in a ledger; undefined where it cannot be read just now, or is gone. */
async function answersIn(run: string, store: Context['store']): Promise<number | undefined> {
  let count = 0;
  const trace = {
    add: ({ kind }: { kind: string }) => {
      if (kind === 'reply' || kind === 'outcome') count++;
    },
    admitted: () => {},
    restart: () => {
      count = 0;
    },
  };
  try {
    await project(run, store, { trace });
  } catch (error) {
    if (!(error instanceof CountermandError)) throw error;
    return undefined;
  }
  return count;
}
