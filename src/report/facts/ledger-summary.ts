import type { ExitCode } from '../../exit-codes.ts';
import type { CloseReason } from '../../ledger/record.ts';
import { type Ending, exitCodeOf } from './exit-code.ts';
import { type JobFacts, jobFacts } from './job-facts.ts';
import { mayNeedRelease } from './rows.ts';
import { isPlan, type LedgerView } from './view.ts';

/** One ledger of those that a report is of. */
export interface LedgerSummary {
  path: string;
  run: string;
  head: string;
  intact: boolean;
  /** The first line that does not fit, where one does not. */
  faultLine: number | undefined;
  integrityNote: string | undefined;
  records: number;
  sourceSha256: string | undefined;
  tool: string;
  tenant: string;
  client: string;
  api: string;
  job: JobFacts;
  /** How its last session closed; undefined while it runs, or when it was killed. */
  ended: CloseReason | undefined;
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

export function ledgerSummary(view: LedgerView, { signal }: Pick<Ending, 'signal'>): LedgerSummary {
  const { state } = view;
  const opened = state.sessions.at(-1)?.opened;
  let needsRelease = 0;
  for (const action of state.actions.values()) if (mayNeedRelease(action, isPlan(view))) needsRelease++;
  return {
    path: view.path,
    run: state.run,
    head: view.head,
    intact: view.intact,
    faultLine: view.fault?.line,
    integrityNote: view.integrityNote,
    records: state.lastSeq,
    sourceSha256: state.intake?.sha256,
    tool: opened?.tool ?? '',
    tenant: opened?.tenant ?? '',
    client: opened?.client ?? '',
    api: opened?.api ?? '',
    job: jobFacts(opened?.job),
    ended: state.sessions.at(-1)?.closed?.reason,
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
