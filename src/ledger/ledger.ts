import type {
  AdmitFields,
  CloseReason,
  IntakeFields,
  IntentFields,
  OutcomeFields,
  PauseFields,
  RejectFields,
  ReplyFields,
  ScreenFields,
  StartFields,
} from './record.ts';
import type { RunState } from './state/run-state.ts';

/**
 * The one truth of a run. Everything that a run does is written here first; everything that anybody wants to know is
 * read from its {@link RunState}. A method that is said to be durable resolves only after fdatasync; the others resolve when the record is
 * in order behind all earlier ones (they become durable with the next durable record, or at close).
 *
 * Every method throws a DiskError once a write or sync has failed (nothing is written after that), and a LockedError once the lock is lost.
 * The implementation may be files on one machine or a shared database: callers know only this.
 */
export interface Ledger extends AsyncDisposable {
  /** Where it lies, for messages. */
  readonly path: string;
  /** What it says so far, kept up to date by the methods below. */
  readonly state: RunState;
  /** The last chain value, once everything written so far is on disk. */
  head(): Promise<string>;

  /** Begins a reading of the source: what is admitted from now on belongs to it, and its rejects replace those of the reading before. */
  beginIntake(): void;
  /** `known`: admitted by an earlier reading. `repeated`: already seen in this reading; nothing is written in both cases. */
  admit(row: AdmitFields): Promise<'admitted' | 'known' | 'repeated'>;
  reject(row: RejectFields): Promise<void>;
  /** Ends the reading; durable. */
  intake(summary: IntakeFields): Promise<void>;

  screen(rows: readonly ScreenFields[]): Promise<void>;
  /** Durable. Before it, `intent` for a cancel and `outcome` throw. */
  start(fields: StartFields): Promise<void>;
  /** Durable. Returns the number of the call. */
  intent(fields: Omit<IntentFields, 'call'>): Promise<number>;
  reply(fields: ReplyFields): Promise<void>;
  /** Durable. */
  outcome(fields: OutcomeFields): Promise<void>;
  pause(fields: PauseFields): Promise<void>;
  /** Durable; the last record of a session. */
  close(reason: CloseReason): Promise<void>;

  /**
   * Throws a LockedError when a lock was not renewed in time or carries another's nonce, a DiskError when it cannot be read or the ledger
   * was removed. To be called right before each send,
   * so that a process which slept never sends beside its successor.
   */
  assertHeld(): Promise<void>;
}
