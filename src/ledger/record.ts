import type { Outcome } from './outcomes.ts';

/**
 * The records of a ledger, format 2. Each is one line of JSON that begins with `seq`, `at` and `kind` and ends with
 * `chain`; what stands between is declared here. The fields are a promise: other programs read them. What each may hold when it is read stands in
 * `record-fields.ts`. Format 1 (chain values of 16 hex digits) was never released.
 */
export const LEDGER_FORMAT = 2;

/** The routes of the API that spend quota, in the order in which they are shown. */
export const ROUTES = ['cancel', 'get', 'list', 'machines'] as const;

/** `cancel` and `get` are of one action, `list` is of many, `machines` asks for devices. */
export type Route = (typeof ROUTES)[number];

/** What decides which action is called next, where no row has a priority. */
export const ORDERS = ['source', 'newest', 'last-seen'] as const;

/** One of them. */
export type Order = (typeof ORDERS)[number];

/** Why all calls wait: Defender answered 429, or does not answer. */
export type PauseReason = 'throttled' | 'out-of-reach';

/** A row without an action ID, a row that cannot be read, an ID that this reading had already (which is no fault). */
export type RejectReason = 'not-an-id' | 'bad-row' | 'duplicate';

/** Why a session ended. */
export type CloseReason =
  /** Not started: a plan, bad input, or a no to the question. */
  | 'planned'
  /** All was called that could be; what is `unconfirmed` or `unknown` then is left to a later look. */
  | 'finished'
  /** By a signal, or by what the user has to put right. */
  | 'interrupted'
  /** By a guard. */
  | 'halted'
  /** `--max-duration` has passed. */
  | 'deadline'
  /** Credentials or permissions were refused. */
  | 'refused'
  /** Defender or the sign-in was out of reach for `--patience`. */
  | 'unreachable'
  /** The disk failed. No session writes it yet: one whose ledger fails ends without a `close`. */
  | 'disk';

/** One per session: who runs what, as whom, against which host. */
export interface OpenFields {
  /** {@link LEDGER_FORMAT}; a reader refuses any other. */
  format: number;
  /** UUID of the run; the same in all its sessions. */
  run: string;
  /** 1 for the first session, then one more with each. */
  session: number;
  /** `countermand <version>`. */
  tool: string;
  /** The Entra tenant, by ID or domain; the same in all sessions. */
  tenant: string;
  /** The application that calls, by its client ID; a later session may run as another one. */
  client: string;
  /** The API's base URL, without a trailing slash; the same in all sessions. */
  api: string;
  /** The whole frozen job, without secrets. */
  job: unknown;
  /** In a copy whose names are tokens and whose chain was made anew: for reading, and never gone on with. */
  redacted?: true;
}

/** One per action, when a reading first names it. */
export interface AdmitFields {
  /** Lower-case GUID. */
  id: string;
  /** Line number in the source, from 1. */
  line: number;
  /** The row's own comment, which beats the job's. */
  comment?: string;
  /** From the source: higher goes first, none is 0. */
  priority?: number;
}

/** A row of the source that admits nothing. */
export interface RejectFields {
  /** Line number in the source, from 1. */
  line: number;
  /** Why. */
  reason: RejectReason;
  /** The first 100 characters of what stood there. */
  text: string;
}

/** Closes an intake: without it the source was not read to its end. */
export interface IntakeFields {
  /** Actions that this reading was the first to name. */
  admitted: number;
  /** Its `reject` records. */
  rejected: number;
  /** Raw bytes read. */
  bytes: number;
  /** Hex, of the raw bytes. */
  sha256: string;
}

/**
 * The `status` of a `screen` record whose ID Defender does not know; its `type` is empty and the rest is null. Defender has no such status.
 */
export const NOT_FOUND_STATUS = 'NotFound';

/** What a lookup showed of an action that was not yet called. */
export interface ScreenFields {
  /** The action. */
  id: string;
  /** As Defender names it (`Pending`, `Succeeded` …), or {@link NOT_FOUND_STATUS}. */
  status: string;
  /** The kind of action, as Defender names it (`Isolate` …). */
  type: string;
  /** Defender's device ID. */
  machineId: string | null;
  /** The device's DNS name. */
  computer: string | null;
  /** Who had asked for the action. */
  requestor: string | null;
  /** `creationDateTimeUtc` as Defender sent it. */
  created: string | null;
}

/** Somebody approved that what was admitted so far is called. */
export interface StartFields {
  /** To a question on a terminal, or ahead of it with `--yes`. */
  by: 'question' | 'yes';
  /** How many actions are to be called. */
  count: number;
  /** Which go first in this session; `source` where it is left out. */
  order?: Order;
}

/** A call that is about to be made; durable before it is sent. */
export interface IntentFields {
  /** Number of the call, from 1, never reused in a ledger. */
  call: number;
  /** What is called. */
  route: Route;
  /** The action, for cancel and get. */
  id?: string;
  /** How many entities a list call asks for; 0 where its own link says. */
  ids?: number;
  /** From 1; a repeat that costs no attempt (after a 429, after `not-sent` …) keeps the number. */
  attempt: number;
}

/** What came of a call. An intent without one is in doubt. */
export interface ReplyFields {
  /** The number in its intent. */
  call: number;
  /** As in its intent. */
  id?: string;
  /** As in its intent. */
  attempt?: number;
  /** From send to answer. */
  ms: number;
  /** The answer's HTTP status; left out when there was no answer. */
  http?: number;
  /** Defender's `error.code`. */
  code?: string;
  /** `error.target`, Microsoft's correlation ID. */
  correlation?: string;
  /** How long the answer asked to wait. */
  retryAfterMs?: number;
  /** Defender's `Date` minus our clock, kept only where it exceeds two seconds. */
  skewMs?: number;
  /** Why there is no usable answer: `not-sent`, `timeout`, `ECONNRESET`, `foreign-body` … */
  error?: string;
}

/** What became of an action; the last one counts. */
export interface OutcomeFields {
  /** The action. */
  id: string;
  /** One of the names that `outcomes.ts` explains. */
  outcome: Outcome;
  /** Cancel calls spent on it. */
  attempts: number;
  /** Defender's status that settled it. */
  status?: string;
  /** Why, in words for people. */
  detail?: string;
}

/** All calls wait. */
export interface PauseFields {
  /** ISO time, UTC, by the clock of `at`. */
  until: string;
  /** Why. */
  reason: PauseReason;
}

/** The last record of a session; one that was killed has none. */
export interface CloseFields {
  /** Why the session ended. */
  reason: CloseReason;
  /** Last outcome of each action so far, counted; names that none has are left out. */
  counts: Partial<Record<Outcome, number>>;
}

/** The kinds of records, each with its fields. */
export interface RecordFields {
  open: OpenFields;
  admit: AdmitFields;
  reject: RejectFields;
  intake: IntakeFields;
  screen: ScreenFields;
  start: StartFields;
  intent: IntentFields;
  reply: ReplyFields;
  outcome: OutcomeFields;
  pause: PauseFields;
  close: CloseFields;
}

/** What `kind` may say; a reader passes over any other. */
export type RecordKind = keyof RecordFields;

/**
 * A record as read back: its envelope and its fields. `seq` counts from 1 without a gap, `at` is the wall clock of the machine that wrote it
 * (ISO, UTC, ms), and `chain` ties the line to the one before it (see `line.ts`).
 */
export type LedgerRecord = {
  [K in RecordKind]: { seq: number; at: string; kind: K } & RecordFields[K] & { chain: string };
}[RecordKind];
