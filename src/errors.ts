import { type ExitCode, SIGNAL_EXITS, type StopSignal } from './exit-codes.ts';

/**
 * An error that a person can act on: its message says what happened, to which thing, and what to do next. One of several lines is handed in as
 * those lines.
 * Anything else that reaches `main` is a bug and exits 1.
 */
export class CountermandError extends Error {
  override readonly name: string = 'CountermandError';
  readonly exitCode: ExitCode;
  /** The message line by line. A line end inside of one is not ours, and is not shown as one. */
  readonly lines: readonly string[];

  constructor(exitCode: ExitCode, message: string | readonly string[], options?: ErrorOptions) {
    const lines = typeof message === 'string' ? [message] : message;
    super(lines.join('\n'), options);
    this.exitCode = exitCode;
    this.lines = lines;
  }
}

/** Bad usage, job or input: nothing was sent. Exit 2. */
export class UsageError extends CountermandError {
  override readonly name = 'UsageError';
  constructor(message: string | readonly string[], options?: ErrorOptions) {
    super(2, message, options);
  }
}

/** Sign-in or permission refused by Microsoft: another attempt with the same credentials is useless. Exit 4. */
export class RefusedError extends CountermandError {
  override readonly name = 'RefusedError';
  constructor(message: string, options?: ErrorOptions) {
    super(4, message, options);
  }
}

/** A guard stopped the run; what is in flight still ends. Exit 5. */
export class GuardError extends CountermandError {
  override readonly name = 'GuardError';
  constructor(message: string, options?: ErrorOptions) {
    super(5, message, options);
  }
}

/** Work is left and running again later resumes it (deadline, disk, Defender or sign-in out of reach). Exit 6. */
export class WorkLeftError extends CountermandError {
  override readonly name: string = 'WorkLeftError';
  constructor(message: string, options?: ErrorOptions) {
    super(6, message, options);
  }
}

/** The ledger's file could not be written or synced, or was replaced: all sending stops at once. Exit 6. */
export class DiskError extends WorkLeftError {
  override readonly name = 'DiskError';
}

/** The wall clock moved during the run: nothing more is sent or written. Exit 6. */
export class ClockError extends WorkLeftError {
  override readonly name = 'ClockError';
}

/** Another process holds the ledger, or sends as this application from this folder. Exit 11. */
export class LockedError extends CountermandError {
  override readonly name: string = 'LockedError';
  constructor(message: string, options?: ErrorOptions) {
    super(11, message, options);
  }
}

/** Another process sends as this application from this folder: what sends nothing may be done beside it. Exit 11. */
export class SenderHeldError extends LockedError {
  override readonly name = 'SenderHeldError';
}

/** Somebody else changed a ledger that is held, or began one where there was none. Exit 11. */
export class ChangedLedgerError extends LockedError {
  override readonly name = 'ChangedLedgerError';
}

/** The ledger does not fit its own chain before its tail. Exit 12. */
export class DamageError extends CountermandError {
  override readonly name = 'DamageError';
  constructor(message: string, options?: ErrorOptions) {
    super(12, message, options);
  }
}

/** A signal ended a command that held nothing, at once. Exit 129, 130 or 143. */
export class InterruptedError extends CountermandError {
  override readonly name = 'InterruptedError';
  constructor(signal: StopSignal, soFar = '') {
    super(SIGNAL_EXITS[signal], `stopped by ${signal}${soFar === '' ? '' : `: ${soFar}`}`);
  }
}

/**
 * What stopped the work, where closing its resources failed as well: `using` hands out both in one SuppressedError (Node 20 has no
 * such class, so it is known by its name).
 */
export function stoppedBy(thrown: unknown): unknown {
  let error = thrown;
  while (error instanceof Error && error.name === 'SuppressedError' && 'suppressed' in error) error = error.suppressed;
  return error;
}
