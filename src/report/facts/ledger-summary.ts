import type { ExitCode } from '../../exit-codes.ts';
import { type CloseReason, ROUTES, type Route } from '../../ledger/record.ts';
import { noCalls } from '../../ledger/state/calls.ts';
import { exitCodeOf } from './headline.ts';
import { type JobFacts, jobFacts, orderWords } from './job-facts.ts';
import { mayNeedRelease } from './rows.ts';
import type { SummariseOptions } from './summary.ts';
import { type Holder, isPlan, type LedgerView } from './view.ts';

/** One ledger of those that a report is of. */
export interface LedgerSummary {
  path: string;
  run: string;
  head: string;
  intact: boolean;
  /** The first line that does not fit, where one does not. */
  faultLine: number | undefined;
  integrityNote: string | undefined;
  /** A copy whose names are tokens: nothing can be gone on with by it. */
  redacted: boolean;
  records: number;
  /** Its source was read to its end, as far as anybody began to. */
  isRead: boolean;
  sourceSha256: string | undefined;
  tool: string;
  tenant: string;
  client: string;
  api: string;
  job: JobFacts;
  /** The order of the calls, in words; undefined where nothing was started or planned. */
  order: string | undefined;
  /** What a command line says to come to the store that it is in, as words that are not yet quoted for a shell. */
  storeWords: readonly string[];
  /** How its last session closed; undefined while it runs, or when it was killed. */
  ended: CloseReason | undefined;
  /** Who works on it, null for nobody; undefined where nobody has looked. */
  holder: Holder | null | undefined;
  durationMs: number;
  exitCode: ExitCode | undefined;
}

export interface SessionSummary {
  ledger: string;
  session: number;
  openedAtMs: number;
  /** The end of a session that did not close is its last record. */
  endedAtMs: number;
  /** Undefined: it still runs, or was killed. */
  reason: CloseReason | undefined;
  /** True for a session without an end that a later one followed. */
  killed: boolean;
  tool: string;
}

export function ledgerSummary(
  view: LedgerView,
  { signal, plan, holders, storeWords = [] }: Pick<SummariseOptions, 'signal' | 'plan' | 'holders' | 'storeWords'>,
): LedgerSummary {
  const { state } = view;
  const opened = state.sessions.at(-1)?.opened;
  const job = jobFacts(opened?.job);
  const by = plan?.forecast?.order?.by ?? (state.start && (state.start.order ?? 'source'));
  let needsRelease = 0;
  for (const action of state.actions.values()) if (mayNeedRelease(action, isPlan(view))) needsRelease++;
  return {
    path: view.path,
    run: state.run,
    head: view.head,
    intact: view.intact,
    faultLine: view.fault?.line,
    integrityNote: view.integrityNote,
    redacted: state.sessions[0]?.opened.redacted === true,
    records: state.lastSeq,
    isRead: state.intake !== undefined && !state.readingUnfinished,
    sourceSha256: state.intake?.sha256,
    tool: opened?.tool ?? '',
    tenant: opened?.tenant ?? '',
    client: opened?.client ?? '',
    api: opened?.api ?? '',
    job,
    order: by && orderWords(job, by),
    storeWords,
    ended: state.sessions.at(-1)?.closed?.reason,
    holder: holders?.get(view.path),
    durationMs: durationOf(view),
    exitCode: exitCodeOf({
      reason: state.sessions.at(-1)?.closed?.reason,
      counts: state.counts(),
      rejected: state.rejected,
      needsRelease,
      signal,
    }),
  };
}

export function sessionsOf({ path, state }: LedgerView): SessionSummary[] {
  return state.sessions.map((session, index) => ({
    ledger: path,
    session: session.opened.session,
    openedAtMs: session.openedAtMs,
    endedAtMs: session.closed?.atMs ?? session.lastAtMs,
    reason: session.closed?.reason,
    killed: session.closed === undefined && index < state.sessions.length - 1,
    tool: session.opened.tool,
  }));
}

/** Of its last session. */
export function durationOf({ state }: LedgerView): number {
  const last = state.sessions.at(-1);
  return last === undefined ? 0 : last.lastAtMs - last.openedAtMs;
}

export interface PauseSummary {
  atMs: number;
  untilMs: number;
  reason: string;
}

export type MinuteSummary = { atMs: number } & Record<Route, number>;

/** A pause ends with its session at the latest. */
export function pausesOf({ state }: LedgerView): PauseSummary[] {
  return state.pauses.map(({ atMs, until, reason, session }) => {
    const ended = state.sessions.find(({ number }) => number === session)?.closed?.atMs ?? Number.POSITIVE_INFINITY;
    return { atMs, untilMs: Math.max(atMs, Math.min(Date.parse(until), ended)), reason };
  });
}

/** `pauses` in order of their beginning. */
export function unionMs(pauses: readonly PauseSummary[]): number {
  let total = 0;
  let reached = 0;
  for (const { atMs, untilMs } of pauses) {
    total += Math.max(0, untilMs - Math.max(atMs, reached));
    reached = Math.max(reached, untilMs);
  }
  return total;
}

/** Calls by the minute in which they were sent; minutes without any are left out. */
export function minutesOf(views: readonly LedgerView[]): MinuteSummary[] {
  const merged = new Map<number, MinuteSummary>();
  for (const { trace } of views) {
    for (const [atMs, n] of trace.minutes) {
      const minute = merged.get(atMs) ?? { atMs, ...noCalls() };
      for (const route of ROUTES) minute[route] += n[route];
      merged.set(atMs, minute);
    }
  }
  return [...merged.values()]
    .filter((minute) => ROUTES.some((route) => minute[route] > 0))
    .sort((a, b) => a.atMs - b.atMs);
}

/** Most frequent first. */
export function answersOf(views: readonly LedgerView[]): { answer: string; n: number }[] {
  const merged = new Map<string, number>();
  for (const { trace } of views) {
    for (const [answer, n] of trace.answers) merged.set(answer, (merged.get(answer) ?? 0) + n);
  }
  return [...merged].map(([answer, n]) => ({ answer, n })).sort((a, b) => b.n - a.n);
}
