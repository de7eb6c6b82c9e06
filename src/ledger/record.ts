import type { Outcome } from './outcomes.ts';

/**
 * The records of a ledger, format 1. Each is one line of JSON that begins with `seq`, `at` and `kind` and ends with
 * `chain`; what stands between is declared here. The fields are a promise: other programs read them.
 */
export const LEDGER_FORMAT = 1;

/** The three routes of the API that spend quota. */
export type Route = 'cancel' | 'get' | 'list';

export type RejectReason = 'not-an-id' | 'bad-row' | 'duplicate';

export type CloseReason =
  | 'planned'
  | 'finished'
  | 'interrupted'
  | 'halted'
  | 'deadline'
  | 'refused'
  | 'unreachable'
  | 'disk';

/** One per session: who runs what, as whom, against which host. */
export interface OpenFields {
  /** {@link LEDGER_FORMAT}; a reader refuses a newer one. */
  format: number;
  /** UUID of the run; the same in all its sessions. */
  run: string;
  /** 1 for the first session, then one more with each. */
  session: number;
  /** `countermand <version>`. */
  tool: string;
  tenant: string;
  client: string;
  /** The API's base URL, without a trailing slash. */
  api: string;
  /** The whole frozen job, without secrets. */
  job: unknown;
}

export interface AdmitFields {
  /** Lower-case GUID. */
  id: string;
  /** Line number in the source, from 1. */
  line: number;
  /** The row's own comment, which beats the job's. */
  comment?: string;
}

export interface RejectFields {
  line: number;
  reason: RejectReason;
  /** The first 100 characters of what stood there. */
  text: string;
}

/** Closes an intake: without it the source was not read to its end. */
export interface IntakeFields {
  admitted: number;
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
  id: string;
  status: string;
  type: string;
  machineId: string | null;
  computer: string | null;
  requestor: string | null;
  /** `creationDateTimeUtc` as Defender sent it. */
  created: string | null;
}

export interface StartFields {
  by: 'question' | 'yes';
  /** How many actions are to be called. */
  count: number;
}

/** Durable before its call is sent. */
export interface IntentFields {
  /** Number of the call, from 1, never reused in a ledger. */
  call: number;
  route: Route;
  /** The action, for cancel and get. */
  id?: string;
  /** How many actions a list call asks for. */
  ids?: number;
  attempt: number;
}

export interface ReplyFields {
  call: number;
  id?: string;
  attempt?: number;
  /** From send to answer. */
  ms: number;
  http?: number;
  code?: string;
  /** `error.target`, Microsoft's correlation ID. */
  correlation?: string;
  retryAfterMs?: number;
  /** Defender's `Date` minus our clock, kept only where it exceeds two seconds. */
  skewMs?: number;
  /** Why there is no usable answer: `not-sent`, `timeout`, `ECONNRESET`, `foreign-body` … */
  error?: string;
}

export interface OutcomeFields {
  id: string;
  outcome: Outcome;
  /** Cancel calls spent on it. */
  attempts: number;
  /** Defender's status that settled it. */
  status?: string;
  detail?: string;
}

export interface PauseFields {
  /** ISO time, UTC. */
  until: string;
  reason: string;
}

export interface CloseFields {
  reason: CloseReason;
  counts: Partial<Record<Outcome, number>>;
}

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

export type RecordKind = keyof RecordFields;

/** A record as read back: its envelope and its fields. */
export type LedgerRecord = {
  [K in RecordKind]: { seq: number; at: string; kind: K } & RecordFields[K] & { chain: string };
}[RecordKind];
