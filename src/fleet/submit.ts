import { UsageError, WorkLeftError } from '../errors.ts';
import { EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import type { Flags } from '../job/given-settings.ts';
import { commandLine } from '../report/facts/next-steps.ts';
import { formatCount, plural } from '../report/format.ts';
import { type AdmittedRun, admitSource } from '../run/admit.ts';
import type { Context } from '../run/console.ts';
import type { NetworkStore } from '../store/network-store.ts';
import { RunQueue } from './queue.ts';
import { newSubmission, type Standing } from './standing.ts';

export interface SubmitOptions {
  /** As typed: jobs, files of IDs, runs. */
  sources: readonly string[];
  /** Names of dead letters that are taken up again. */
  again: readonly string[];
  /** Settings that were given as flags. */
  flags: Flags;
  /** Cancelling may begin without a question. */
  yes: boolean;
  /** Waits until each run has ended, and exits as the worst of them. */
  wait: boolean;
}

const LOOK_EVERY_MS = 1000;

/** Exit codes from the best to the worst. */
const FROM_BEST: readonly ExitCode[] = [0, 3, 143, 130, 129, 11, 6, 5, 4, 2, 12, 1];

/** `submit`: puts runs into the queue, one after the other. Throws a UsageError at the first that cannot be, with those before it submitted. */
export async function submit(
  { sources, again, flags, yes, wait }: SubmitOptions,
  context: Context & { store: NetworkStore },
): Promise<ExitCode> {
  const { store, log, out, storeWords } = context;
  await using queue = await RunQueue.open(store, log, 'client');
  const names: string[] = [];
  for (const name of again) {
    if (!(await queue.revive(name))) {
      throw new UsageError(`${name} is no dead letter: ${commandLine('status', ...storeWords)} shows which runs are.`);
    }
    names.push(name);
    out(`${name} is submitted again.\n`);
  }
  for (const source of sources) {
    const run = await admitSource({ source, flags, yes }, context);
    out(`${run.name} ${(await enqueue(run, queue, storeWords)) ? 'is submitted' : 'is in the queue already'}.\n`);
    names.push(run.name);
  }
  return wait ? await waitForEnds(names, queue, context) : 0;
}

async function enqueue(
  { name, tenant, actions }: AdmittedRun,
  queue: RunQueue,
  storeWords: readonly string[],
): Promise<boolean> {
  const [standing] = await queue.standings([name]);
  if (standing?.kind === 'dead-letter') {
    const again = commandLine('submit', '--again', name, ...storeWords);
    throw new UsageError(
      `${name} is a dead letter (exit ${standing.exitCode}: ${standing.reason}): mend that, then \`${again}\`.`,
    );
  }
  return await queue.submit(newSubmission(name, tenant, { step: 'run', actions }));
}

/** Says how each of these runs ends, and resolves to the worst end once all have one. */
export async function waitForEnds(
  names: readonly string[],
  queue: RunQueue,
  { clock, out, log }: Pick<Context, 'clock' | 'out' | 'log'>,
): Promise<ExitCode> {
  const left = new Set(names);
  let worst: ExitCode = 0;
  for (;;) {
    for (const standing of await standingsOnceThere(left, queue, log)) {
      if (standing.kind !== 'ended' && standing.kind !== 'dead-letter') continue;
      const { exitCode } = standing;
      left.delete(standing.submission.run);
      out(`${standing.submission.run}: exit ${exitCode}, ${endWords(standing)}\n`);
      if (rank(exitCode) > rank(worst)) worst = exitCode;
    }
    if (left.size === 0) return worst;
    await clock.sleep(LOOK_EVERY_MS);
  }
}

function endWords(standing: Standing & { kind: 'ended' | 'dead-letter' }): string {
  if (standing.kind === 'dead-letter') return `dead letter: ${standing.reason}`;
  const { plan, exitCode } = standing;
  if (plan === undefined) return EXIT_CODES[exitCode].means;
  const faults = exitCode === 3 ? ', and some of the input is to be looked at' : '';
  return `planned: ${formatCount(plan.toCancel)} of ${plural(plan.admitted, 'action')} to cancel${faults}`;
}

/** Nobody waits for the store in vain: one that is away comes back, or whoever waits here gives up. */
async function standingsOnceThere(
  runs: ReadonlySet<string>,
  queue: RunQueue,
  log: Context['log'],
): Promise<Standing[]> {
  try {
    return await queue.standings([...runs]);
  } catch (error) {
    if (!(error instanceof WorkLeftError)) throw error;
    log.warn({ err: error }, 'the store does not answer; it is asked again');
    return [];
  }
}

function rank(exitCode: ExitCode): number {
  return FROM_BEST.indexOf(exitCode);
}
