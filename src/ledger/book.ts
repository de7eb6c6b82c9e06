import type { Outcome } from './outcomes.ts';
import type { CloseReason, IntakeFields, OpenFields, RejectReason, Route, StartFields } from './record.ts';

/** What the ledger says of one action. Objects of this shape exist once an admitted action, a million at most. */
export interface Action {
  readonly id: string;
  /** Line in the source. */
  readonly line: number;
  readonly comment: string | undefined;
  /** The last lookup that was recorded, if any. */
  screen: Screened | undefined;
  /** The last cancel call for it, if any: its intent and, once there, its reply. */
  last: CancelCall | undefined;
  /** Cancel calls that were sent for it. */
  sent: number;
  outcome: Settled | undefined;
}

export interface Screened {
  /** Wall clock of the record, epoch ms. */
  atMs: number;
  status: string;
  type: string;
  machineId: string | null;
  computer: string | null;
  requestor: string | null;
  created: string | null;
}

export interface CancelCall {
  call: number;
  /** Number of the session that made it. */
  session: number;
  attempt: number;
  /** Wall clock of its intent, epoch ms. */
  intentAtMs: number;
  /** Wall clock of its reply; undefined while in doubt. */
  repliedAtMs: number | undefined;
  http: number | undefined;
  code: string | undefined;
  correlation: string | undefined;
  retryAfterMs: number | undefined;
  error: string | undefined;
}

export interface Settled {
  outcome: Outcome;
  atMs: number;
  attempts: number;
  status: string | undefined;
  detail: string | undefined;
}

export interface Session {
  opened: OpenFields;
  openedAtMs: number;
  /** Undefined while it runs, or when it was killed. */
  closed: { reason: CloseReason; atMs: number } | undefined;
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
}

/** The ledger read back: a projection that is the same whether it was built by reading the file or by writing to it. */
export interface Book {
  readonly run: string;
  readonly sessions: readonly Session[];
  /** In the order of admission. */
  readonly actions: ReadonlyMap<string, Action>;
  /** The last finished reading of the source. */
  readonly intake: (IntakeFields & { atMs: number }) | undefined;
  /** The last start. */
  readonly start: (StartFields & { atMs: number }) | undefined;
  /** Rejected rows of the last reading, by reason. */
  readonly rejected: Readonly<Record<RejectReason, number>>;
  /** Recorded calls (intents less those answered by `not-sent`) by route, over all sessions. */
  readonly calls: Readonly<Record<Route, number>>;
  readonly lastSeq: number;
  /** Wall clock of the first and the last record. */
  readonly firstAtMs: number;
  readonly lastAtMs: number;

  /** Last outcome of each action, counted. */
  counts(): Record<Outcome, number>;
  /** Actions without a final outcome, in the order of admission. */
  left(): Iterable<Action>;
  /** Open actions that the last finished reading did not name although an earlier one did. */
  missing(): Iterable<Action>;
  /** Calls that can still count at `nowMs`: those whose window of `withinMs` has not passed since their latest possible moment. */
  recentCalls(nowMs: number, withinMs: number): PastCall[];
}
