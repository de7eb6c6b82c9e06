import type { Clock } from '../clock.ts';
import { UsageError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { ownCopy } from '../own-copy.ts';
import { keepAll, type Redact } from '../redact.ts';
import { Appender } from './appender.ts';
import { encodeLine } from './line.ts';
import { OUTCOME_NAMES } from './outcomes.ts';
import type { RecordSink } from './read-ledger.ts';
import type {
  AdmitFields,
  CloseReason,
  IntakeFields,
  IntentFields,
  LedgerRecord,
  OpenFields,
  OutcomeFields,
  PauseFields,
  RecordFields,
  RecordKind,
  RejectFields,
  ReplyFields,
  ScreenFields,
  StartFields,
} from './record.ts';
import { fieldsFault, fitted } from './record-fields.ts';
import type { Projection } from './state/projection.ts';
import type { RunState } from './state/run-state.ts';
import { openFault } from './tail.ts';
import type { Hold, Tape } from './tape.ts';
import { withoutSecrets } from './without-secrets.ts';

export interface LedgerParts {
  /** For messages: a path, or the name of a run in a store. */
  name: string;
  clock: Clock;
  log: Logger;
  /** What stands on the tape so far. */
  state: Projection;
  /** The last chain value on it; empty for a new one. */
  head: string;
  tape: Tape;
  /** What must be held to write and to send. */
  holds: readonly Hold[];
  /** Gets every record as it is written. */
  trace?: RecordSink | undefined;
  /** Takes this session's secrets out of every text of a record. @default keeps all */
  redact?: Redact;
}

/**
 * The one truth of a run. Everything that a run does is written here first; everything that anybody wants to know is read from its
 * {@link RunState}. Each record goes to the tape's queue and into the state in the same turn, so both have the same order. A method that is said to
 * be durable resolves only after the tape's sync; the others resolve when the record is in order behind all earlier ones (they become durable with
 * the next durable record, or at close).
 *
 * Every method throws a DiskError once a write or sync has failed (nothing is written after that), and a LockedError once a hold is lost. Where the
 * bytes lie, and what holds them, is the store's: callers know only this.
 */
export class Ledger implements AsyncDisposable {
  /** Where it lies, for messages. */
  readonly name: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #state: Projection;
  readonly #tape: Tape;
  readonly #appender: Appender;
  readonly #holds: Hold[];
  readonly #redact: Redact;
  readonly #trace: RecordSink | undefined;
  #chain: string;

  constructor({ name, clock, log, state, head, tape, holds, trace, redact = keepAll }: LedgerParts) {
    this.name = name;
    this.#clock = clock;
    this.#log = log;
    this.#state = state;
    this.#chain = head;
    this.#tape = tape;
    this.#appender = new Appender(tape, name);
    this.#holds = [...holds];
    this.#redact = redact;
    this.#trace = trace;
  }

  /** What it says so far, kept up to date by the methods below. */
  get state(): RunState {
    return this.#state;
  }

  /** The last chain value, once everything written so far is on the tape. */
  async head(): Promise<string> {
    const chain = this.#chain;
    await this.#appender.synced();
    return chain;
  }

  /** Begins a reading of the source: what is admitted from now on belongs to it, and its rejects replace those of the reading before. */
  beginIntake(): void {
    this.#state.beginIntake();
  }

  /** `known`: admitted by an earlier reading. `repeated`: already seen in this reading; nothing is written in both cases. */
  async admit({ id, line, comment, priority }: AdmitFields): Promise<'admitted' | 'known' | 'repeated'> {
    const named = this.#state.name(id);
    if (named !== undefined) return named;
    // The source's rows may be cut from large chunks, which the state must not keep alive.
    const key = ownCopy(id);
    await this.#append('admit', {
      id: key,
      line,
      ...(comment === undefined ? {} : { comment: ownCopy(comment) }),
      ...(priority === undefined ? {} : { priority }),
    });
    return 'admitted';
  }

  async reject(fields: RejectFields): Promise<void> {
    await this.#append('reject', fields);
  }

  /** Ends the reading; durable. */
  intake(summary: IntakeFields): Promise<void> {
    return this.#durable('intake', summary);
  }

  async screen(rows: readonly ScreenFields[]): Promise<void> {
    for (const row of rows) await this.#append('screen', row);
  }

  /** Durable. Before it, `intent` for a cancel and `outcome` throw. */
  start(fields: StartFields): Promise<void> {
    return this.#durable('start', fields);
  }

  /** Durable. Returns the number of the call. */
  async intent(fields: Omit<IntentFields, 'call'>): Promise<number> {
    if (fields.route === 'cancel') this.#assertStarted('a cancel');
    for (const hold of this.#holds) hold.assertMaySend();
    const call = this.#state.lastCall + 1;
    await this.#durable('intent', { call, ...fields });
    return call;
  }

  async reply(fields: ReplyFields): Promise<void> {
    await this.#append('reply', fields);
  }

  /** Durable. */
  async outcome(fields: OutcomeFields): Promise<void> {
    this.#assertStarted('an outcome');
    await this.#durable('outcome', fields);
  }

  async pause(fields: PauseFields): Promise<void> {
    await this.#append('pause', fields);
  }

  /** Durable; the last record of a session. */
  async close(reason: CloseReason): Promise<void> {
    // Whoever sees a session end well will look for it by its name.
    await this.#tape.assertFound();
    const counts = this.#state.counts();
    const present = OUTCOME_NAMES.filter((name) => counts[name] > 0).map((name) => [name, counts[name]]);
    await this.#durable('close', { reason, counts: Object.fromEntries(present) });
  }

  /** Begins a session; durable. For whoever opens the ledger. Throws a UsageError, before anything is written, for a job that could not be read back. */
  async open(fields: OpenFields): Promise<void> {
    const why = openFault(fields);
    if (why !== undefined)
      throw new UsageError(`The ledger ${this.name} cannot hold this run (${why}): change it, then run again.`);
    await this.#durable('open', fields);
  }

  /** From now on this must be held too. */
  alsoHold(hold: Hold): void {
    this.#holds.push(hold);
  }

  /** Since what holds it was renewed last (ms): of several, the longest. */
  get holdAgeMs(): number {
    return Math.max(...this.#holds.map(({ ageMs }) => ageMs));
  }

  /**
   * Throws a LockedError when a hold was not renewed in time or is another's, a DiskError when it cannot be read or the ledger was removed. To be
   * called right before each send, so that a process which slept never sends beside its successor.
   */
  async assertHeld(): Promise<void> {
    await Promise.all(this.#holds.map((hold) => hold.assertHeld()));
  }

  /** Brings everything to the tape, closes it and lets go of the holds; throws a failure that nobody was told of. */
  async [Symbol.asyncDispose](): Promise<void> {
    const errors: unknown[] = [];
    const note = (error: unknown) => errors.push(error);
    await this.#appender.close().catch(note);
    for (const hold of this.#holds) await hold[Symbol.asyncDispose]().catch(note);
    for (const error of errors.slice(1)) this.#log.error({ err: error }, `closing the ledger ${this.name}`);
    if (errors.length > 0) throw errors[0];
  }

  #assertStarted(what: string): void {
    if (this.#state.intake === undefined || this.#state.start === undefined || this.#state.readingSource) {
      throw new Error(`${what} was to be recorded before the reading of the source had ended and the run had started`);
    }
  }

  async #durable<K extends RecordKind>(kind: K, fields: RecordFields[K]): Promise<void> {
    this.#write(kind, fields);
    await this.#appender.synced();
  }

  /** Waits only when the disk is far behind. */
  async #append<K extends RecordKind>(kind: K, fields: RecordFields[K]): Promise<void> {
    this.#write(kind, fields);
    await this.#appender.room();
  }

  #write<K extends RecordKind>(kind: K, given: RecordFields[K]): void {
    for (const hold of this.#holds) hold.assertFresh();
    // Before it is cut: a part of a secret is harder to know.
    const fields = fitted(kind, withoutSecrets(kind, given, this.#redact));
    const fault = fieldsFault(kind, fields as unknown as Readonly<Record<string, unknown>>);
    // It would be damage to whoever reads the ledger next.
    if (fault !== undefined) throw new Error(`no valid ${kind} record was to be written: ${fault}`);
    const seq = this.#state.lastSeq + 1;
    const atMs = Math.trunc(this.#clock.wallMs());
    const at = new Date(atMs).toISOString();
    const { line, chain } = encodeLine(this.#chain, seq, at, kind, fields);
    this.#appender.push(line);
    this.#chain = chain;
    const record = { seq, at, kind, ...fields, chain } as LedgerRecord;
    this.#state.apply(record, atMs);
    this.#trace?.add(record, atMs);
  }
}
