import { type ExitCode, SIGNAL_EXITS, type StopSignal } from '../../exit-codes.ts';
import { needsLook, OUTCOME_NAMES, type Outcome } from '../../ledger/outcomes.ts';
import type { CloseReason, RejectReason } from '../../ledger/record.ts';

/** What decides how a run ends, whether it is read from a ledger or known at the end of a session. */
export interface Ending {
  /** Of the last session; undefined while it runs, or when it was killed. */
  reason: CloseReason | undefined;
  counts: Readonly<Partial<Record<Outcome, number>>>;
  rejected: Readonly<Partial<Record<RejectReason, number>>>;
  needsRelease: number;
  /** Which signal interrupted it. The ledger does not keep it. @default 'SIGINT' */
  signal?: StopSignal | undefined;
  /** For a plan: IDs that Defender does not know. @default 0 */
  notFound?: number | undefined;
  /** For a plan: more were admitted than `--max-actions` allows. @default false */
  overMaxActions?: boolean | undefined;
}

/** The exit code of a run or a plan; undefined for one that has not ended, as a killed session never says how it ended. */
export function exitCodeOf(ending: Ending): ExitCode | undefined {
  const inputFaults = (ending.rejected['not-an-id'] ?? 0) + (ending.rejected['bad-row'] ?? 0);
  switch (ending.reason) {
    case undefined:
      return undefined;
    case 'planned':
      if (ending.overMaxActions) return 5;
      return inputFaults > 0 || (ending.notFound ?? 0) > 0 ? 3 : 0;
    case 'finished':
      return inputFaults > 0 || ending.needsRelease > 0 || lookCount(ending.counts) > 0 ? 3 : 0;
    case 'interrupted':
      return SIGNAL_EXITS[ending.signal ?? 'SIGINT'];
    case 'refused':
      return 4;
    case 'halted':
      return 5;
    case 'deadline':
    case 'unreachable':
    case 'disk':
      return 6;
  }
}

/** How many of the counted actions somebody must look at. */
export function lookCount(counts: Readonly<Partial<Record<Outcome, number>>>): number {
  let n = 0;
  for (const name of OUTCOME_NAMES) if (needsLook(name)) n += counts[name] ?? 0;
  return n;
}
