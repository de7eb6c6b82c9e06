import { ActionTable } from './action-table.ts';
import { type Action, type Book, isOpen, type Marked, type PastCall, type Session } from './book.ts';
import { CallLog } from './call-log.ts';
import { Interner } from './intern.ts';
import { OUTCOME_NAMES, type Outcome } from './outcomes.ts';
import type {
  CloseFields,
  IntakeFields,
  IntentFields,
  LedgerRecord,
  OpenFields,
  OutcomeFields,
  PauseFields,
  RejectFields,
  RejectReason,
  ReplyFields,
  Route,
  ScreenFields,
  StartFields,
} from './record.ts';

/** An action as this process holds it: with the number of the last reading of the source that named it. */
interface ReadAction extends Action {
  named: number;
}

/** A call between its intent and its reply. */
interface PendingCall {
  index: number;
  route: Route;
  action: ReadAction | undefined;
  /** What the action had before this call. */
  before: Pick<Action, 'last' | 'outcome'>;
}

/**
 * The book, built one record at a time. The reader and the writer both feed it, so that what a ledger says never depends on whether
 * it was read or written. No parsed record is kept: what stays is one object an action, and the repeated strings once.
 */
export class Projection implements Book {
  run = '';
  readonly sessions: Session[] = [];
  readonly actions = new ActionTable<ReadAction>();
  readonly intakes: Marked<IntakeFields>[] = [];
  readonly starts: Marked<StartFields>[] = [];
  readonly pauses: Marked<PauseFields>[] = [];
  rejected: Record<RejectReason, number> = noRejects();
  readonly calls: Record<Route, number> = { cancel: 0, get: 0, list: 0 };
  lastSeq = 0;
  lastCall = 0;
  readingUnfinished = false;
  admittedSinceStart = 0;
  firstAtMs = 0;
  lastAtMs = 0;

  readonly #counts = noOutcomes();
  readonly #strings = new Interner();
  readonly #log = new CallLog();
  readonly #pending = new Map<number, PendingCall>();
  #session = 0;
  #current: Session | undefined;
  #left = 0;
  /** The session whose reading the rejects belong to; 0 once that reading has ended. */
  #readingSession = 0;
  /** Readings begun by this process, and the last of them that ended. */
  #reading = 0;
  #finishedReading = 0;

  get intake(): Marked<IntakeFields> | undefined {
    return this.intakes.at(-1);
  }

  get start(): Marked<StartFields> | undefined {
    return this.starts.at(-1);
  }

  get leftCount(): number {
    return this.#left;
  }

  /** True between `beginIntake` and the `intake` record. */
  get readingSource(): boolean {
    return this.#reading > this.#finishedReading;
  }

  /** Takes the next record, which was written at `atMs` (epoch ms). */
  apply(record: LedgerRecord, atMs: number): void {
    this.#mark(record.seq, atMs);
    switch (record.kind) {
      case 'open':
        this.#open(record, atMs);
        break;
      case 'admit':
        this.#admit(record.id, record.line, record.comment);
        break;
      case 'reject':
        this.#reject(record);
        break;
      case 'intake':
        this.#intake(record, atMs);
        break;
      case 'screen':
        this.#screen(record, atMs);
        break;
      case 'start':
        this.admittedSinceStart = 0;
        this.starts.push({ by: record.by, count: record.count, atMs, session: this.#session });
        break;
      case 'intent':
        this.#intent(record, atMs);
        break;
      case 'reply':
        this.#reply(record, atMs);
        break;
      case 'outcome':
        this.#outcome(record, atMs);
        break;
      case 'pause':
        this.pauses.push({ until: record.until, reason: record.reason, atMs, session: this.#session });
        break;
      case 'close':
        this.#close(record, atMs);
        break;
    }
  }

  /** Takes an `admit` record without a comment, of which a reader need not make an object. */
  admitted(seq: number, atMs: number, id: string, line: number): void {
    this.#mark(seq, atMs);
    this.#admit(id, line, undefined);
  }

  /** The next row, reject or end of reading belongs to a new reading of the source. */
  beginIntake(): void {
    this.#reading++;
    this.#readingSession = 0;
  }

  /** Notes that the reading named an action which is admitted already; undefined when it is not. */
  name(id: string): 'known' | 'repeated' | undefined {
    const action = this.actions.get(id);
    if (action === undefined) return undefined;
    if (action.named === this.#reading) return 'repeated';
    action.named = this.#reading;
    return 'known';
  }

  counts(): Record<Outcome, number> {
    return { ...this.#counts };
  }

  *left(): Iterable<Action> {
    for (const action of this.actions.values()) if (isOpen(action)) yield action;
  }

  *missing(): Iterable<Action> {
    if (this.#finishedReading === 0) return;
    for (const action of this.actions.values())
      if (action.named < this.#finishedReading && isOpen(action)) yield action;
  }

  recentCalls(nowMs: number, withinMs: number, client?: string): PastCall[] {
    const wanted = (session: number) =>
      client === undefined || this.sessions.some((each) => each.number === session && each.opened.client === client);
    return this.#log.recent(nowMs, withinMs, wanted);
  }

  #mark(seq: number, atMs: number): void {
    if (this.lastSeq === 0) this.firstAtMs = atMs;
    this.lastSeq = seq;
    this.lastAtMs = atMs;
    if (this.#current !== undefined) this.#current.lastAtMs = atMs;
  }

  #open({ format, run, session, tool, tenant, client, api, job }: OpenFields, atMs: number): void {
    this.run = run;
    this.#session = session;
    const opened = { format, run, session, tool, tenant, client, api, job };
    this.#current = { number: session, opened, openedAtMs: atMs, closed: undefined, lastAtMs: atMs };
    this.sessions.push(this.#current);
  }

  #admit(id: string, line: number, comment: string | undefined): void {
    this.#reads();
    const action = {
      id,
      line,
      comment: comment === undefined ? undefined : this.#strings.intern(comment),
      screen: undefined,
      last: undefined,
      sent: 0,
      outcome: undefined,
      named: this.#reading,
    };
    if (!this.actions.add(action)) return;
    this.#left++;
    this.admittedSinceStart++;
  }

  #reject({ reason }: RejectFields): void {
    this.#reads();
    this.rejected[reason]++;
  }

  #intake({ admitted, rejected, bytes, sha256 }: IntakeFields, atMs: number): void {
    this.#reads();
    this.intakes.push({ admitted, rejected, bytes, sha256, atMs, session: this.#session });
    this.#readingSession = 0;
    this.readingUnfinished = false;
    this.#finishedReading = this.#reading;
  }

  /** A reading begins with the first of its records after the end of another, or in a later session. */
  #reads(): void {
    this.readingUnfinished = true;
    if (this.#readingSession === this.#session) return;
    this.#readingSession = this.#session;
    this.rejected = noRejects();
  }

  #screen({ id, status, type, machineId, computer, requestor, created }: ScreenFields, atMs: number): void {
    const action = this.actions.get(id);
    if (action === undefined) return;
    action.screen = {
      atMs,
      status: this.#strings.intern(status),
      type: this.#strings.intern(type),
      machineId: this.#internOrNull(machineId),
      computer: this.#internOrNull(computer),
      requestor: this.#internOrNull(requestor),
      created,
    };
  }

  #intent({ call, route, id, attempt }: IntentFields, atMs: number): void {
    this.lastCall = Math.max(this.lastCall, call);
    this.calls[route]++;
    const index = this.#log.intent(route, this.#session, atMs);
    const action = route === 'cancel' && id !== undefined ? this.actions.get(id) : undefined;
    this.#pending.set(call, { index, route, action, before: { last: action?.last, outcome: action?.outcome } });
    if (action === undefined) return;
    // Called once more (`--retry`): open again until its next outcome, so that a killed retry is gone on with.
    this.#settle(action, undefined);
    action.sent++;
    action.last = {
      call,
      session: this.#session,
      attempt,
      intentAtMs: atMs,
      repliedAtMs: undefined,
      http: undefined,
      code: undefined,
      correlation: undefined,
      retryAfterMs: undefined,
      error: undefined,
    };
  }

  #reply({ call, http, code, correlation, retryAfterMs, skewMs, error }: ReplyFields, atMs: number): void {
    const pending = this.#pending.get(call);
    if (pending === undefined) return;
    this.#pending.delete(call);
    const { index, route, action, before } = pending;
    if (error === 'not-sent') {
      this.#log.drop(index);
      this.calls[route]--;
      if (action !== undefined) {
        action.sent--;
        action.last = before.last;
        this.#settle(action, before.outcome);
      }
      return;
    }
    this.#log.reply(index, atMs, http === undefined, skewMs);
    if (action?.last?.call !== call) return;
    action.last.repliedAtMs = atMs;
    action.last.http = http;
    action.last.code = this.#internIfAny(code);
    action.last.correlation = correlation;
    action.last.retryAfterMs = retryAfterMs;
    action.last.error = this.#internIfAny(error);
  }

  #outcome({ id, outcome, attempts, status, detail }: OutcomeFields, atMs: number): void {
    const action = this.actions.get(id);
    if (action === undefined) return;
    this.#settle(action, {
      outcome: this.#strings.intern(outcome) as Outcome,
      atMs,
      attempts,
      status: this.#internIfAny(status),
      detail: this.#internIfAny(detail),
    });
  }

  #settle(action: Action, outcome: Action['outcome']): void {
    const wasOpen = isOpen(action);
    if (action.outcome !== undefined) this.#counts[action.outcome.outcome]--;
    if (outcome !== undefined) this.#counts[outcome.outcome]++;
    action.outcome = outcome;
    this.#left += Number(isOpen(action)) - Number(wasOpen);
  }

  #close({ reason, counts }: CloseFields, atMs: number): void {
    if (this.#current !== undefined) this.#current.closed = { reason, atMs, counts };
  }

  #internIfAny(text: string | undefined): string | undefined {
    return text === undefined ? undefined : this.#strings.intern(text);
  }

  #internOrNull(text: string | null): string | null {
    return text === null ? null : this.#strings.intern(text);
  }
}

function noRejects(): Record<RejectReason, number> {
  return { 'not-an-id': 0, 'bad-row': 0, duplicate: 0 };
}

function noOutcomes(): Record<Outcome, number> {
  return Object.fromEntries(OUTCOME_NAMES.map((name) => [name, 0])) as Record<Outcome, number>;
}
