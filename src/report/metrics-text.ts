import type { ExitCode } from '../exit-codes.ts';
import { OUTCOME_NAMES, type Outcome } from '../ledger/outcomes.ts';
import { ROUTES, type Route } from '../ledger/record.ts';
import type { RunState } from '../ledger/state/run-state.ts';
import { flagWindow } from '../quota/windows.ts';

/** What the metrics say of a run, at one moment. */
export interface MetricsFacts {
  run: string;
  session: number;
  tool: string;
  admitted: number;
  /** Without a final outcome. */
  left: number;
  calls: Readonly<Record<Route, number>>;
  /** Last outcome of each action. */
  counts: Readonly<Record<Outcome, number>>;
  /** Cancel calls beyond the first of each action. */
  retries: number;
  pauses: number;
  /** What is left of the pause that holds the calls back now; 0 without one. */
  pausedForMs: number;
  windows: readonly { calls: number; perMs: number; left: number }[];
  /** Undefined when nothing is left to call. */
  etaMs: number | undefined;
  startedAtMs: number;
}

export interface MetricsInput {
  job: string;
  tenant: string;
  /** Undefined when it ended before its ledger was open. */
  facts: MetricsFacts | undefined;
  /** Undefined while it runs. */
  ended: { exitCode: ExitCode; atMs: number } | undefined;
}

type Labels = Readonly<Record<string, string>>;
interface Metric {
  name: string;
  type: 'gauge' | 'counter';
  help: string;
  samples: readonly (readonly [labels: Labels, value: number])[];
}

/**
 * The metrics of a run in the Prometheus text format, version 0.0.4. Every sample names job and tenant: the textfile collector joins the
 * files of all jobs, and would refuse the same sample twice. What is not known yet is left out.
 */
export function metricsText({ job, tenant, facts, ended }: MetricsInput): string {
  const metrics = [...(facts === undefined ? [] : runMetrics(facts, ended !== undefined)), ...endMetrics(ended)];
  return metrics
    .filter(({ samples }) => samples.length > 0)
    .map(({ name, type, help, samples }) =>
      [
        `# HELP ${name} ${help}`,
        `# TYPE ${name} ${type}`,
        ...samples.map(([labels, value]) => `${name}${labelText({ job, tenant, ...labels })} ${value}`),
        '',
      ].join('\n'),
    )
    .join('');
}

/** Cancel calls that were repeats: for the metrics, and the same number however often it is asked. */
export function retriesOf({ actions }: Pick<RunState, 'actions'>): number {
  let retries = 0;
  for (const { sent } of actions.values()) retries += Math.max(0, sent - 1);
  return retries;
}

function runMetrics(facts: MetricsFacts, over: boolean): Metric[] {
  const { run, session, tool, counts, calls, windows } = facts;
  const one = (value: number): Metric['samples'] => [[{}, value]];
  return [
    gauge('countermand_run_info', 'The run that the other samples are of.', [
      [{ run, session: String(session), tool }, 1],
    ]),
    gauge('countermand_started_timestamp_seconds', 'When this session began.', one(facts.startedAtMs / 1000)),
    gauge('countermand_actions_admitted', 'Actions taken in from the source.', one(facts.admitted)),
    gauge('countermand_actions_left', 'Actions without a final outcome.', one(facts.left)),
    gauge(
      'countermand_outcomes',
      'Actions by their last outcome.',
      OUTCOME_NAMES.map((outcome) => [{ outcome }, counts[outcome]]),
    ),
    counter(
      'countermand_calls_total',
      'Calls to Defender made by this run, by route.',
      ROUTES.map((route) => [{ route }, calls[route]]),
    ),
    counter('countermand_retries_total', 'Cancel calls beyond the first of each action.', one(facts.retries)),
    counter('countermand_pauses_total', 'Times that all calls were held back.', one(facts.pauses)),
    gauge('countermand_pause_seconds', 'What is left of the pause that holds all calls back; 0 without one.', [
      [{}, over ? 0 : seconds(facts.pausedForMs)],
    ]),
    gauge(
      'countermand_quota_calls_left',
      'Calls that each window of the quota lets go now.',
      distinct(windows).map((each) => [{ window: flagWindow(each) }, each.left]),
    ),
    gauge(
      'countermand_seconds_to_end',
      'How long the calls that are left will take, as far as is known; 0 when there is none or the run is over.',
      one(over || facts.etaMs === undefined ? 0 : seconds(facts.etaMs)),
    ),
  ];
}

function endMetrics(ended: MetricsInput['ended']): Metric[] {
  return [
    gauge('countermand_running', '1 while the run goes on.', [[{}, ended === undefined ? 1 : 0]]),
    gauge(
      'countermand_last_exit_code',
      'Exit code of the last run; absent while one goes on.',
      ended === undefined ? [] : [[{}, ended.exitCode]],
    ),
    gauge(
      'countermand_finished_timestamp_seconds',
      'When the last run ended, whatever its exit code; absent while one goes on.',
      ended === undefined ? [] : [[{}, ended.atMs / 1000]],
    ),
  ];
}

function gauge(name: string, help: string, samples: Metric['samples']): Metric {
  return { name, type: 'gauge', help, samples };
}

function counter(name: string, help: string, samples: Metric['samples']): Metric {
  return { name, type: 'counter', help, samples };
}

function seconds(ms: number): number {
  return Math.max(0, Math.round(ms / 1000));
}

/** By the flag's text, so that two windows of one length stay apart. */
function distinct(windows: MetricsFacts['windows']): MetricsFacts['windows'] {
  return [...new Map(windows.map((each) => [flagWindow(each), each])).values()];
}

function labelText(labels: Labels): string {
  const escaped = (value: string) => value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  return `{${Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(',')}}`;
}
