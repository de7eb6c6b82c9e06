import type { ClocksNow } from '../call-age.ts';
import { isFinal, type Outcome } from '../outcomes.ts';
import type {
  CloseReason,
  IntakeFields,
  OpenFields,
  PauseFields,
  RejectReason,
  Route,
  StartFields,
} from '../record.ts';

/** What the ledger says of one action. Objects of this shape exist once an admitted action, a million at most. */
export interface Action {
  readonly id: string;
  /** Line in the source. */
  readonly line: number;
  readonly comment: string | undefined;
  /** Of its row: higher goes first. */
  readonly priority: number;
  /** The last lookup that was recorded, if any. */
  readonly screen: Screened | undefined;
  /**
   * The last cancel call that was or may have been sent for it: its intent and, once there, its reply. A call whose reply is
   * `not-sent` never was: with that reply, `last` and `sent` are again what they were before its intent.
   */
  readonly last: CancelCall | undefined;
  /** Cancel calls that were or may have been sent for it. */
  readonly sent: number;
  readonly outcome: Settled | undefined;
}

export interface Screened {
  /** Wall clock of the record, epoch ms. */
  readonly atMs: number;
  /** How many sessions had begun by then: the ledger's own word for that counts for nothing. */
  readonly session: number;
  readonly status: string;
  readonly type: string;
  readonly machineId: string | null;
  readonly computer: string | null;
  readonly requestor: string | null;
  readonly created: string | null;
}

export interface CancelCall {
  readonly call: number;
  /** Number of the session that made it. */
  readonly session: number;
  readonly attempt: number;
  /** Wall clock of its intent, epoch ms. */
  readonly intentAtMs: number;
  /** The same of the first call for this action. */
  readonly firstAtMs: number;
  /** Wall clock of its reply; undefined while in doubt. */
  readonly repliedAtMs: number | undefined;
  readonly http: number | undefined;
  readonly code: string | undefined;
  readonly correlation: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly error: string | undefined;
}

export interface Settled {
  readonly outcome: Outcome;
  readonly atMs: number;
  readonly calls: number;
  readonly status: string | undefined;
  readonly detail: string | undefined;
}

export interface Session {
  /** From 1. */
  number: number;
  opened: OpenFields;
  openedAtMs: number;
  /** Undefined while it runs, or when it was killed. */
  closed: { reason: CloseReason; atMs: number; counts: Partial<Record<Outcome, number>> } | undefined;
  /** Wall clock of its last record. */
  lastAtMs: number;
}

/** A call that may still count against the quota. All times are epoch ms by the wall clock of the machine that made it. */
export interface PastCall {
  route: Route;
  intentAtMs: number;
  /** Undefined: no reply was recorded. */
  repliedAtMs: number | undefined;
  /** True when the reply says that nothing usable came back (timeout, reset). */
  unanswered: boolean;
  /** Defender's clock minus ours, 0 where they agreed within two seconds. */
  skewMs: number;
  /** The modification time of its file minus the time of the last record in it: the file system's clock minus the one of the machine that wrote. */
  fileAheadMs?: number;
}

/** The state of a run, a read model: the same whether it was built by reading the file or by writing to it. */
export interface RunState {
  readonly run: string;
  readonly sessions: readonly Session[];
  /** Ends of readings, in order, each with its session. */
  readonly intakes: readonly Marked<IntakeFields>[];
  readonly starts: readonly Marked<StartFields>[];
  readonly pauses: readonly Marked<PauseFields>[];
  /** In the order of admission. What a later record changes shows when the action is asked for again. */
  readonly actions: ReadonlyMap<string, Action>;
  /** The last finished reading of the source. */
  readonly intake: Marked<IntakeFields> | undefined;
  /** The last start. */
  readonly start: Marked<StartFields> | undefined;
  /** A reading of the source was begun and not ended: it was killed, or goes on. */
  readonly readingUnfinished: boolean;
  /** Actions admitted since the last start: nobody has said yet that they may be called. */
  readonly admittedSinceStart: number;
  /** Rejected rows of the last reading, by reason. */
  readonly rejected: Readonly<Record<RejectReason, number>>;
  /** Recorded calls (intents less those answered by `not-sent`) by route, over all sessions. */
  readonly calls: Readonly<Record<Route, number>>;
  readonly lastSeq: number;
  /** The highest number of a call so far. */
  readonly lastCall: number;
  /** From send to answer, of late, ms; undefined before the first answer. */
  readonly roundTripMs: number | undefined;
  /** Wall clock of the first and the last record. */
  readonly firstAtMs: number;
  readonly lastAtMs: number;

  /** Last outcome of each action, counted. */
  counts(): Record<Outcome, number>;
  /** Actions without a final outcome, in the order of admission. */
  left(): Iterable<Action>;
  /** How many {@link left} would yield. */
  readonly leftCount: number;
  readonly tally: Tally;
  /**
   * Open actions that the last finished reading did not name although an earlier one did. A row that is known already writes no
   * record, so only the process that did the reading can tell: a state that was only read from its file names none.
   */
  missing(): Iterable<Action>;
  /**
   * Calls that can still count now: those whose window of `withinMs` has not passed since their latest possible moment, by any clock.
   * With `client`, only those of sessions that ran as this application, and of those only such as `among` accepts, by their numbers.
   * `fileAheadMs`: as {@link PastCall} has it, else 0.
   */
  recentCalls(
    now: ClocksNow,
    withinMs: number,
    client?: string,
    fileAheadMs?: number,
    among?: (session: number) => boolean,
  ): PastCall[];
}

/** What `--max-failures` goes by, over all sessions. */
export interface Tally {
  /** Actions that were called and then accepted or settled. */
  readonly called: number;
  /** Those whose last outcome is a failure. One that is tried again stays one until its next outcome. */
  readonly failures: number;
}

/** Fields of a record, with its wall clock (epoch ms) and the number of its session. */
export type Marked<T> = T & { atMs: number; session: number };

/** Without a final outcome: still in the queue. */
export function isOpen(action: Action): boolean {
  return action.outcome === undefined || !isFinal(action.outcome.outcome);
}

/** A cancel call went out, or may have, and no reply is recorded: to be looked up before anything is sent again. */
export function isInDoubt(action: Action): boolean {
  return isOpen(action) && action.last !== undefined && action.last.repliedAtMs === undefined;
}

/** The last cancel was answered 200 with the entity, and what became of it is not known yet. */
export function isAccepted(action: Action): boolean {
  return isOpen(action) && action.last?.http === 200 && action.last.error === undefined;
}
