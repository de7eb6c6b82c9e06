import { CountermandError } from '../errors.ts';
import type { ExitCode } from '../exit-codes.ts';
import { TenantCredentials } from '../identity/tenant-credentials.ts';
import type { Flags } from '../job/given-settings.ts';
import { needsLook, type TurnEnd, turnWords } from '../report/facts/schedule-status.ts';
import type { Context } from '../run/console.ts';
import { type HeardInterrupts, makeInterrupts } from '../run/interrupts.ts';
import { hostedConsole } from './hosted.ts';
import { workOn } from './place.ts';
import { Places, weightOf } from './places.ts';
import { servePort } from './port.ts';
import type { Claim, Settlement, TurnQueue, WorkQueue } from './queue.ts';
import { QueueWatch } from './queue-watch.ts';
import type { DueTurn } from './schedules.ts';
import { givenBack, patienceFor } from './settle-rules.ts';
import { makeTurn } from './turn.ts';
import { WorkerMetrics } from './worker-metrics.ts';

/** Calls in flight are waited for so long at a SIGTERM, then given up and recorded: within 5 s every run is another worker's. */
const FINISH_MS = 3500;

export interface WorkerOptions {
  /** How many runs at once. */
  places: number;
  /** Settings that hold for every run here. */
  flags: Flags;
  /** A folder of tenants' own credentials; absolute. @default none: all sign in as the worker does */
  credentials?: string | undefined;
  /** Where it answers Prometheus and whoever asks whether it works. @default nowhere */
  port?: number | undefined;
  /** Where its runs come from. */
  queue: {
    /** For messages, without secrets. */
    where: string;
    open(): Promise<WorkQueue>;
  };
}

/**
 * `worker`: takes runs from the queue of a store until a signal, hosts each in a place of its own, then closes their sessions, gives them back and
 * resolves to 0. Throws a UsageError for a store of another version, for a folder of credentials that cannot be read, and what is a bug in any of its runs: in a process of which that is known nothing else is gone on with, and its runs move.
 */
export async function runWorker(
  { places, flags, credentials: folder, port, queue: runsOf }: WorkerOptions,
  context: Context,
): Promise<ExitCode> {
  const { log, interrupts, clock } = context;
  const credentials = folder === undefined ? undefined : new TenantCredentials(folder);
  const found = await credentials?.look();
  for (const doubt of found?.doubts ?? []) log.warn(doubt);
  const runs = new Set<HeardInterrupts>();
  const drain = new AbortController();
  let bug: { thrown: unknown } | undefined;
  using _signals = interrupts.hold((_signal, nth) => {
    drain.abort();
    if (nth > 1) for (const run of runs) run.interrupt('SIGTERM');
  });
  const ended = new Promise<void>((resolve) => drain.signal.addEventListener('abort', () => resolve(), { once: true }));

  const room = new Places(places, clock);
  const watch = new QueueWatch(clock);
  const metrics = new WorkerMetrics({ places, queue: watch });
  let isTaking = false;
  const unready = () => {
    if (drain.signal.aborted) return 'this worker takes no more runs: it was told to stop';
    if (!isTaking || watch.ageMs === undefined) return 'this worker has not begun to take runs';
    return watch.isFresh ? undefined : `the store has not answered for ${Math.round(watch.ageMs / 1000)} s`;
  };

  const work = async (claim: Claim): Promise<Settlement> => {
    const { handedBack: _, ...submission } = claim.submission;
    // A lost worker is counted at once.
    const weight = claim.deaths > 0 ? 0 : weightOf(submission.actions, places);
    using place = await room.take({
      ...{ weight, patienceMs: patienceFor(claim.submission) },
      signal: AbortSignal.any([drain.signal, claim.signal]),
    });
    // It was on its way to us when we left.
    if (drain.signal.aborted) return { kind: 'again', afterMs: 0, submission };
    if (place === undefined) {
      const { run, tenant } = submission;
      log.info({ name: run, tenant, weight, free: room.free }, 'given back: it takes more places than are free here');
      return givenBack(claim.submission);
    }
    using _shown = metrics.place(weight);
    const own = makeInterrupts();
    runs.add(own);
    try {
      return await workOn({ ...claim, submission }, { context, flags, credentials, interrupts: own, metrics });
    } catch (thrown) {
      bug ??= { thrown };
      drain.abort();
      throw thrown;
    } finally {
      runs.delete(own);
    }
  };

  const turn = async (due: DueTurn, turns: TurnQueue): Promise<TurnEnd> => {
    const { name, tenant } = due.schedule.job;
    const turnLog = log.child({ schedule: name, tenant });
    const own = makeInterrupts();
    runs.add(own);
    try {
      if (drain.signal.aborted) own.interrupt('SIGTERM');
      const end = await makeTurn(due, turns, { ...context, ...hostedConsole(turnLog), log: turnLog, interrupts: own });
      turnLog[needsLook({ last: { ...due, end } }) ? 'warn' : 'info'](end, `the turn of a schedule: ${turnWords(end)}`);
      return end;
    } catch (thrown) {
      if (thrown instanceof CountermandError) throw thrown;
      bug ??= { thrown };
      drain.abort();
      // Tried again, it would be the end of the next worker.
      return { kind: 'refused', exitCode: 1, reason: thrown instanceof Error ? thrown.message : String(thrown) };
    } finally {
      runs.delete(own);
    }
  };

  await using served = port === undefined ? undefined : await servePort(port, { unready, metrics });
  await using queue = await runsOf.open();
  const unwatched = new AbortController();
  using _watch = { [Symbol.dispose]: () => unwatched.abort() };
  if (served !== undefined) void watch.watch(queue, log, unwatched.signal);
  await queue.take({ places, work, turn });
  isTaking = true;
  log.info(
    { store: runsOf.where, places, port: served?.port, ownCredentials: found?.tenants },
    'this worker takes runs',
  );
  await ended;
  log.info({ runs: runs.size }, 'this worker takes no more runs, and gives back those it has');
  const { idle } = queue.leave();
  for (const run of runs) run.interrupt('SIGTERM');
  void clock.sleep(FINISH_MS, { ref: false }).then(() => {
    for (const run of runs) run.interrupt('SIGTERM');
  });
  await idle;
  if (bug !== undefined) throw bug.thrown;
  return 0;
}
