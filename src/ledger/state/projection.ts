import type { Outcome } from '../outcomes.ts';
import type {
  AdmitFields,
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
} from '../record.ts';
import { mayBeSameClient } from '../sender.ts';
import { ActionTable, Interner } from './action-table.ts';
import { Calls } from './calls.ts';
import { Counts, type HeldAction } from './counts.ts';
import {
  type Action,
  isAccepted,
  isOpen,
  type Marked,
  type PastCall,
  type RunState,
  type Session,
  type Tally,
} from './run-state.ts';
import { SourceReadings } from './source-readings.ts';

/**
 * The state of a run, built one record at a time. The reader and the writer both feed it, so that what a ledger says never depends on whether
 * it was read or written. No parsed record is kept: what stays is one object an action, and the repeated strings once.
 */
export class Projection implements RunState {
  run = '';
  readonly sessions: Session[] = [];
  readonly actions = new ActionTable<HeldAction>();
  readonly starts: Marked<StartFields>[] = [];
  readonly pauses: Marked<PauseFields>[] = [];
  lastSeq = 0;
  admittedSinceStart = 0;
  firstAtMs = 0;
  lastAtMs = 0;

  readonly #counts = new Counts();
  readonly #strings = new Interner();
  readonly #readings = new SourceReadings();
  readonly #calls = new Calls<HeldAction>();
  #session = 0;
  #current: Session | undefined;

  get intake(): Marked<IntakeFields> | undefined {
    return this.intakes.at(-1);
  }

  get intakes(): readonly Marked<IntakeFields>[] {
    return this.#readings.ended;
  }

  get rejected(): Readonly<Record<RejectReason, number>> {
    return this.#readings.rejected;
  }

  get readingUnfinished(): boolean {
    return this.#readings.unfinished;
  }

  get start(): Marked<StartFields> | undefined {
    return this.starts.at(-1);
  }

  get calls(): Readonly<Record<Route, number>> {
    return this.#calls.byRoute;
  }

  get lastCall(): number {
    return this.#calls.last;
  }

  get roundTripMs(): number | undefined {
    return this.#calls.roundTripMs;
  }

  get leftCount(): number {
    return this.#counts.left;
  }

  get tally(): Tally {
    return this.#counts.tally;
  }

  /** True between `beginIntake` and the `intake` record. */
  get readingSource(): boolean {
    return this.#readings.number > this.#readings.lastEnded;
  }

  /** Takes the next record, which was written at `atMs` (epoch ms). */
  apply(record: LedgerRecord, atMs: number): void {
    // What stood before it is of a session that is over.
    if (record.kind === 'open') this.#current = undefined;
    this.#mark(record.seq, atMs);
    switch (record.kind) {
      case 'open':
        this.#open(record, atMs);
        break;
      case 'admit':
        this.#admit(record);
        break;
      case 'reject':
        this.#reject(record);
        break;
      case 'intake':
        this.#readings.end(record, atMs, this.#session);
        break;
      case 'screen':
        this.#screen(record, atMs);
        break;
      case 'start':
        this.#start(record, atMs);
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
        if (this.#current !== undefined) this.#current.closed = { reason: record.reason, atMs, counts: record.counts };
        break;
    }
  }

  /** Takes an `admit` record without a comment, of which a reader need not make an object. */
  admitted(seq: number, atMs: number, id: string, line: number): void {
    this.#mark(seq, atMs);
    this.#admit({ id, line });
  }

  /** The next row, reject or end of reading belongs to a new reading of the source. */
  beginIntake(): void {
    this.#readings.begin();
  }

  /** Notes that the reading named an action which is admitted already; undefined when it is not. */
  name(id: string): 'known' | 'repeated' | undefined {
    const action = this.actions.get(id);
    if (action === undefined) return undefined;
    if (action.named === this.#readings.number) return 'repeated';
    action.named = this.#readings.number;
    return 'known';
  }

  counts(): Record<Outcome, number> {
    return { ...this.#counts.byOutcome };
  }

  *left(): Iterable<Action> {
    for (const action of this.actions.values()) if (isOpen(action)) yield action;
  }

  *missing(): Iterable<Action> {
    const { lastEnded } = this.#readings;
    if (lastEnded === 0) return;
    for (const action of this.actions.values()) if (action.named < lastEnded && isOpen(action)) yield action;
  }

  recentCalls(...[now, withinMs, client, aheadMs = 0, among]: Parameters<RunState['recentCalls']>): PastCall[] {
    const ours = this.sessions.filter(({ opened }) => client === undefined || mayBeSameClient(opened.client, client));
    const wanted = new Set(ours.map(({ number }) => number));
    const isOurs = (session: number) => client === undefined || wanted.has(session);
    return this.#calls.recent(now, withinMs, aheadMs, (session) => isOurs(session) && among?.(session) !== false);
  }

  #mark(seq: number, atMs: number): void {
    if (this.lastSeq === 0) this.firstAtMs = atMs;
    this.lastSeq = seq;
    this.lastAtMs = atMs;
    if (this.#current !== undefined) this.#current.lastAtMs = atMs;
  }

  #open({ format, run, session, tool, tenant, client, api, job, redacted }: OpenFields, atMs: number): void {
    this.run = run;
    this.#session = session;
    const isCopy = redacted === undefined ? {} : { redacted };
    const opened = { format, run, session, tool, tenant, client, api, job, ...isCopy };
    this.#current = { number: session, opened, openedAtMs: atMs, closed: undefined, lastAtMs: atMs };
    this.sessions.push(this.#current);
  }

  #admit({ id, line, comment, priority = 0 }: AdmitFields): void {
    this.#readings.row(this.#session);
    const action: HeldAction = {
      id,
      line,
      comment: comment === undefined ? undefined : this.#strings.intern(comment),
      priority,
      screen: undefined,
      last: undefined,
      sent: 0,
      outcome: undefined,
      named: this.#readings.number,
      tallied: 'not-called',
    };
    if (!this.actions.add(action)) return;
    this.#counts.admitted();
    this.admittedSinceStart++;
  }

  #reject({ reason }: RejectFields): void {
    this.#readings.row(this.#session);
    this.#readings.rejected[reason]++;
  }

  #screen({ id, status, type, machineId, computer, requestor, created }: ScreenFields, atMs: number): void {
    const action = this.actions.get(id);
    if (action === undefined) return;
    action.screen = {
      atMs,
      session: this.sessions.length,
      status: this.#strings.intern(status),
      type: this.#strings.intern(type),
      machineId: this.#strings.internOrNull(machineId),
      computer: this.#strings.internOrNull(computer),
      requestor: this.#strings.internOrNull(requestor),
      created,
    };
  }

  #start({ by, count, order }: StartFields, atMs: number): void {
    this.admittedSinceStart = 0;
    this.starts.push({ by, count, ...(order === undefined ? {} : { order }), atMs, session: this.#session });
  }

  #intent({ call, route, id, attempt }: IntentFields, atMs: number): void {
    const action = route === 'cancel' && id !== undefined ? this.actions.get(id) : undefined;
    this.#calls.intent(call, route, this.#session, atMs, action);
    if (action === undefined) return;
    // Called once more (`--retry`): open again until its next outcome, so that a killed retry is gone on with.
    this.#counts.put(action, undefined);
    action.sent++;
    action.last = {
      call,
      session: this.#session,
      attempt,
      intentAtMs: atMs,
      firstAtMs: action.last?.firstAtMs ?? atMs,
      repliedAtMs: undefined,
      http: undefined,
      code: undefined,
      correlation: undefined,
      retryAfterMs: undefined,
      error: undefined,
    };
  }

  #reply(reply: ReplyFields, atMs: number): void {
    const { call, http, code, correlation, retryAfterMs, error } = reply;
    const answered = this.#calls.reply(reply, atMs);
    const action = answered?.action;
    if (answered === undefined || action === undefined) return;
    if (error === 'not-sent') {
      action.sent--;
      action.last = answered.before.last;
      this.#counts.put(action, answered.before.outcome);
      return;
    }
    if (action.last?.call !== call) return;
    action.last = {
      ...action.last,
      repliedAtMs: atMs,
      http,
      code: this.#strings.internIfAny(code),
      correlation,
      retryAfterMs,
      error: this.#strings.internIfAny(error),
    };
    if (isAccepted(action)) this.#counts.accepted(action);
  }

  #outcome({ id, outcome, attempts, status, detail }: OutcomeFields, atMs: number): void {
    const action = this.actions.get(id);
    if (action === undefined) return;
    this.#counts.settled(action, {
      outcome: this.#strings.intern(outcome) as Outcome,
      atMs,
      calls: attempts,
      status: this.#strings.internIfAny(status),
      detail: this.#strings.internIfAny(detail),
    });
  }
}
