import { CountermandError, InterruptedError, LockedError } from '../errors.ts';
import type { ExitCode } from '../exit-codes.ts';
import { troubleInWords } from '../fs-errors.ts';
import type { Job } from '../job/job.ts';
import { type MetricsFacts, metricsText, retriesOf } from '../report/metrics-text.ts';
import { toolName } from '../version.ts';
import type { RunParts } from './assemble.ts';
import type { Machine } from './machine.ts';
import { filesOf, type Output } from './outputs.ts';
import { factsReader, type ProgressFacts } from './progress-facts.ts';

/** How often the file is written while the run goes on. */
const EVERY_MS = 30_000;

/** Writes the metrics of these parts from now on; disposing of it takes the last look at them. */
export type Watch = (parts: RunParts) => Disposable;

/**
 * Does a run's work, and keeps `--metrics-file` beside it: written when the run is watched, every 30 s, and at the end with the exit code,
 * also where the end is an error. Each writing replaces the file as a whole. What cannot be written is a warning and stops nothing. A
 * run that is refused because another holds its ledger, or ended while it waited for that, leaves that one's file alone.
 */
export async function withMetrics(
  job: Job,
  machine: Machine,
  work: (watch: Watch) => Promise<ExitCode>,
): Promise<ExitCode> {
  if (job.metricsFile === undefined) return work(() => ({ [Symbol.dispose]: () => {} }));
  const { clock } = machine;
  const outputs = machine.outputs();
  outputs.keep(...filesOf(job));
  const write = makeWriter(await outputs.claim('--metrics-file', job.metricsFile, { shared: true }), machine);
  let facts: MetricsFacts | undefined;
  const show = (ended: { exitCode: ExitCode; atMs: number } | undefined) =>
    write(metricsText({ job: job.name, tenant: job.tenant, facts, ended }));
  const watch: Watch = (parts) => {
    const read = factsReader(parts);
    const look = () => {
      facts = metricsOf(parts, read());
    };
    const writeNow = () => {
      look();
      void show(undefined);
    };
    writeNow();
    const timer = setInterval(writeNow, EVERY_MS).unref();
    return {
      [Symbol.dispose]: () => {
        clearInterval(timer);
        look();
      },
    };
  };
  try {
    const exitCode = await work(watch);
    await show({ exitCode, atMs: clock.wallMs() });
    return exitCode;
  } catch (error) {
    const exitCode = error instanceof CountermandError ? error.exitCode : 1;
    const isOthers = error instanceof LockedError || error instanceof InterruptedError;
    if (!isOthers) await show({ exitCode, atMs: clock.wallMs() });
    throw error;
  }
}

/** One writing at a time and in order. Only the first failure in a row is told. Never rejects. */
function makeWriter(output: Output, { log }: Machine): (text: string) => Promise<void> {
  let last = Promise.resolve();
  let failing = false;
  const write = async (text: string) => {
    try {
      await output.write([text]);
      failing = false;
    } catch (error) {
      if (!failing)
        log.warn(`the metrics cannot be written to ${output.path} (${reasonOf(error)}); the run goes on without`);
      failing = true;
    }
  };
  return (text) => {
    last = last.then(() => write(text));
    return last;
  };
}

function metricsOf(
  { ledger: { state } }: RunParts,
  { windows, pause, etaMs }: Pick<ProgressFacts, 'windows' | 'pause' | 'etaMs'>,
): MetricsFacts {
  const session = state.sessions.at(-1);
  return {
    run: state.run,
    session: session?.number ?? 0,
    tool: toolName(),
    admitted: state.actions.size,
    left: state.leftCount,
    calls: { ...state.calls },
    counts: state.counts(),
    retries: retriesOf(state),
    pauses: state.pauses.length,
    pausedForMs: pause?.leftMs ?? 0,
    windows,
    etaMs,
    startedAtMs: session?.openedAtMs ?? 0,
  };
}

function reasonOf(thrown: unknown): string {
  // The writer's own sentence says what to do, which is not to be done in the middle of a run.
  const error = thrown instanceof CountermandError && thrown.cause instanceof Error ? thrown.cause : thrown;
  return error instanceof Error ? troubleInWords(error) : String(error);
}
