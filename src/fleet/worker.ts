import type { ExitCode } from '../exit-codes.ts';
import type { Flags } from '../job/given-settings.ts';
import type { Context } from '../run/console.ts';
import { type HeardInterrupts, makeInterrupts } from '../run/interrupts.ts';
import type { NetworkStore } from '../store/network-store.ts';
import { workOn } from './place.ts';
import { type Claim, RunQueue, type Settlement } from './queue.ts';

/** Calls in flight are waited for so long at a SIGTERM, then given up and recorded: within 5 s every run is another worker's. */
const FINISH_MS = 3500;

export interface WorkerOptions {
  /** How many runs at once. */
  places: number;
  /** Settings that hold for every run here. */
  flags: Flags;
}

/**
 * `worker`: takes runs from the queue of a store until a signal, hosts each in a place of its own, then closes their sessions, gives them back and
 * resolves to 0. Throws what is a bug in any of its runs: in a process of which that is known nothing else is gone on with, and its runs move.
 */
export async function runWorker(
  { places, flags }: WorkerOptions,
  context: Context & { store: NetworkStore },
): Promise<ExitCode> {
  const { log, store, interrupts, clock } = context;
  const runs = new Set<HeardInterrupts>();
  const drain = new AbortController();
  let bug: { thrown: unknown } | undefined;
  using _signals = interrupts.hold((_signal, nth) => {
    drain.abort();
    if (nth > 1) for (const run of runs) run.interrupt('SIGTERM');
  });
  const ended = new Promise<void>((resolve) => drain.signal.addEventListener('abort', () => resolve(), { once: true }));

  const work = async (claim: Claim): Promise<Settlement> => {
    // It was on its way to us when we left.
    if (drain.signal.aborted) return { kind: 'again', afterMs: 0, submission: claim.submission };
    const own = makeInterrupts();
    runs.add(own);
    try {
      return await workOn(claim, { context, flags, interrupts: own });
    } catch (thrown) {
      bug ??= { thrown };
      drain.abort();
      throw thrown;
    } finally {
      runs.delete(own);
    }
  };

  await using queue = await RunQueue.open(store, log, 'worker');
  await queue.take({ places, work });
  log.info({ store: store.where, places }, 'this worker takes runs');
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
