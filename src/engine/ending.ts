import {
  ClockError,
  CountermandError,
  DiskError,
  GuardError,
  LockedError,
  RefusedError,
  WorkLeftError,
} from '../errors.ts';
import type { CloseReason } from '../ledger/record.ts';

/** How a session closes its ledger after an error; undefined when it must not or cannot write to it any more. */
export function closeReasonOf(error: unknown): CloseReason | undefined {
  if (error instanceof LockedError || error instanceof DiskError || error instanceof ClockError) return undefined;
  if (error instanceof GuardError) return 'halted';
  if (error instanceof RefusedError) return 'refused';
  if (error instanceof WorkLeftError) return 'unreachable';
  // A bug leaves the ledger as a kill would: what was in flight is looked up by the next session.
  return error instanceof CountermandError ? 'interrupted' : undefined;
}
