import type { Outcome } from '../../ledger/outcomes.ts';
import type { CloseReason, PauseReason } from '../../ledger/record.ts';
import { type LeftCounts, leftCounts } from '../../ledger/state/counts.ts';
import { whyItStands } from './headline.ts';
import { commandLine, nextCommand, nextSteps } from './next-steps.ts';
import type { PlanFacts } from './plan-summary.ts';
import { type Summary, summarise } from './summary.ts';
import { type Holder, isPlan, type LedgerView } from './view.ts';

/**
 * Where a run stands. Nobody works on an `interrupted` one: it was stopped with work left, or killed. A `waiting` one will be taken by a worker, a
 * `dead-letter` will not be until somebody has looked.
 */
export const RUN_STATES = [
  'running',
  'corrupt',
  'dead-letter',
  'waiting',
  'interrupted',
  'halted',
  'planned',
  'finished',
] as const;

export type RunCondition = (typeof RUN_STATES)[number];

/** A run as `status` shows it; the names are those of its document. */
export interface RunStatus {
  name: string;
  /** As it was named by the user. */
  ledger: string;
  /** The last chain value of its ledger. */
  head: string;
  /** Null where the ledger does not tell. */
  tenant: string | null;
  state: RunCondition;
  holder: Holder | null;
  admitted: number;
  counts: Readonly<Record<Outcome, number>>;
  left: LeftCounts;
  needsReview: number;
  /** When it would be over, epoch ms: as it goes on, or if it went on now. Null for what is over, damaged, or empty. */
  forecast: { endsAtMs: number } | null;
  /** `line`: the first that does not fit. */
  integrity: { intact: boolean; records: number; line?: number };
  /** The command that goes on with it, ready to paste; null where there is none, or somebody is at it. */
  next: string | null;
  /** Why a run that is at work makes no calls, and until when it waits before it tries again; null where it does, or nobody works on it. */
  pause: { reason: PauseReason; untilMs: number } | null;
  /** What a person is told beside: why nothing goes on by itself, and what to do about a run that is over. */
  says: Readonly<{ sentence?: string | undefined; command?: string | undefined }>;
  /** What the queue of its store says of it; undefined where it was never in one. */
  placed?: {
    /** The worker that is at it. */
    worker: { pid: number; host: string } | null;
    /** How often another went on with it because a worker was lost. */
    takeovers: number;
    /** Why it waits, or is a dead letter. */
    reason: string | null;
  };
}

/** A process that takes runs. */
export interface WorkerStatus {
  pid: number;
  host: string;
  places: number;
  /** Of these, how many are at work. */
  busy: number;
  /** Epoch ms. */
  sinceMs: number;
}

/** What the ledger alone says of a run; who works on it and what the clock says is left out. */
export type LedgerStatus = Omit<RunStatus, 'holder' | 'forecast' | 'state' | 'placed' | 'pause'> & {
  /** As it is when nobody works on it. */
  unheld: Exclude<RunCondition, 'running' | 'waiting' | 'dead-letter'>;
  /** Its last session has said how it ended. */
  closed: boolean;
};

/**
 * `plan`: what the engine decides of a plan, undefined for a run; `storeWords` as of a summary. Every number is that of a report of the ledger.
 */
export function ledgerStatus(
  view: LedgerView,
  name: string,
  plan: PlanFacts | undefined,
  storeWords?: readonly string[],
): LedgerStatus {
  const { state, intact, fault } = view;
  const last = state.sessions.at(-1);
  const summary = summarise([view], { nowMs: state.lastAtMs, plan, storeWords });
  const line = fault === undefined ? {} : { line: fault.line };
  const goesOn = intact && last !== undefined;
  return {
    name,
    ledger: view.path,
    head: view.head,
    tenant: last?.opened.tenant ?? null,
    unheld: intact ? unheldState(isPlan(view), last?.closed?.reason) : 'corrupt',
    closed: last?.closed !== undefined,
    admitted: summary.admitted,
    counts: summary.counts,
    left: leftCounts(state),
    needsReview: summary.needsLook,
    integrity: { intact, records: state.lastSeq, ...line },
    next: (goesOn ? nextCommand(summary) : undefined) ?? null,
    says: goesOn ? saidOf(summary) : intact ? { sentence: NOTHING_RECORDED } : {},
  };
}

const NOTHING_RECORDED = 'Nothing was recorded in it: run its source again, or delete it';

/** Of a run that is over, the first of the steps that its report ends with. */
function saidOf(summary: Summary): RunStatus['says'] {
  if (summary.kind === 'plan' || summary.reason !== 'finished') return { sentence: whyItStands(summary) };
  const [step] = nextSteps(summary);
  return step?.command === undefined ? { sentence: step?.text } : { command: step.command };
}

/** `reason`: how its last session closed, undefined for one that did not. */
export function unheldState(planned: boolean, reason: CloseReason | undefined): LedgerStatus['unheld'] {
  if (planned) return 'planned';
  return reason === 'finished' || reason === 'halted' ? reason : 'interrupted';
}

/** `endsAtMs` is used only where the end is still to come. */
export function runStatus(
  ledger: LedgerStatus,
  holder: Holder | undefined,
  endsAtMs: number,
  pause: RunStatus['pause'] = null,
): RunStatus {
  const { unheld, closed: _closed, next, ...rest } = ledger;
  const state = unheld === 'corrupt' || holder === undefined ? unheld : 'running';
  const isOver = state === 'finished' || state === 'corrupt' || ledger.integrity.records === 0;
  const { name, ledger: path, head, tenant, admitted, counts, left, needsReview, integrity, says } = rest;
  return {
    ...{ name, ledger: path, head, tenant, state, holder: holder ?? null, admitted, counts, left, needsReview },
    forecast: isOver ? null : { endsAtMs },
    integrity,
    next: state === 'running' ? null : next,
    pause: state === 'running' ? pause : null,
    says: state === 'running' ? {} : says,
  };
}

/** How a run stands in a queue. */
export interface Placement {
  kind: 'waiting' | 'at-work' | 'dead-letter' | 'ended';
  takeovers: number;
  reason: string | null;
}

/** The run as its queue has it; `storeWords` as of a summary. What was finished after all, by somebody's own hand, is no dead letter any more. */
export function placedStatus(
  run: RunStatus,
  { kind, takeovers, reason }: Placement,
  storeWords: readonly string[] = [],
): RunStatus {
  const { state, holder } = run;
  const isWorkers = kind === 'at-work' && holder !== null;
  const placed = { worker: isWorkers ? { pid: holder.pid, host: holder.host } : null, takeovers, reason: null };
  if (state === 'running' || state === 'finished') return { ...run, placed };
  if (kind === 'dead-letter') {
    const next = commandLine('submit', '--again', run.name, ...storeWords);
    return { ...run, state: 'dead-letter', forecast: null, next, says: {}, placed: { ...placed, reason } };
  }
  if (kind === 'ended' || state === 'corrupt') return { ...run, placed };
  return { ...run, state: 'waiting', next: null, says: {}, placed: { ...placed, reason } };
}
