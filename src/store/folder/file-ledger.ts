import type { Clock } from '../../clock.ts';
import { UsageError } from '../../errors.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { encodeLine } from '../../ledger/line.ts';
import { openFault } from '../../ledger/open-fault.ts';
import { OUTCOME_NAMES } from '../../ledger/outcomes.ts';
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
} from '../../ledger/record.ts';
import { fieldsFault, fitted } from '../../ledger/record-fields.ts';
import type { SenderId } from '../../ledger/sender.ts';
import type { Projection } from '../../ledger/state/projection.ts';
import type { RunState } from '../../ledger/state/run-state.ts';
import { withoutSecrets } from '../../ledger/without-secrets.ts';
import type { Logger } from '../../log.ts';
import { ownCopy } from '../../own-copy.ts';
import { keepAll, type Redact } from '../../redact.ts';
import type { Appender } from './appender.ts';
import type { HeldLock } from './held-lock.ts';
import type { OwnFile } from './own-file.ts';

export interface FileLedgerParts {
  path: string;
  clock: Clock;
  log: Logger;
  state: Projection;
  /** The last chain value in the file; empty for a new one. */
  head: string;
  appender: Appender;
  file: OwnFile;
  /** What must be held to write and to send. */
  locks: readonly HeldLock[];
  /** Takes this session's secrets out of every text of a record. */
  redact?: Redact;
  /** The file's modification time before this session minus the time of the last record then. */
  fileAheadMs: number;
  /** Takes the lock of one more sender; undefined for one whose lock is among `held`. */
  lockSender(sender: SenderId, held: readonly HeldLock[]): Promise<HeldLock | undefined>;
}

/** The ledger on a file. Each record goes to the file's queue and into the state in the same turn, so both have the same order. */
export class FileLedger implements Ledger {
  readonly path: string;
  readonly fileAheadMs: number;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #state: Projection;
  readonly #appender: Appender;
  readonly #file: OwnFile;
  readonly #locks: HeldLock[];
  readonly #lockSender: FileLedgerParts['lockSender'];
  readonly #redact: Redact;
  #chain: string;

  constructor(parts: FileLedgerParts) {
    const { path, clock, log, state, head, appender, file, locks, lockSender, fileAheadMs, redact = keepAll } = parts;
    this.#redact = redact;
    this.path = path;
    this.fileAheadMs = fileAheadMs;
    this.#clock = clock;
    this.#log = log;
    this.#state = state;
    this.#chain = head;
    this.#appender = appender;
    this.#file = file;
    this.#locks = [...locks];
    this.#lockSender = lockSender;
  }

  get state(): RunState {
    return this.#state;
  }

  async head(): Promise<string> {
    const chain = this.#chain;
    await this.#appender.synced();
    return chain;
  }

  beginIntake(): void {
    this.#state.beginIntake();
  }

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

  intake(summary: IntakeFields): Promise<void> {
    return this.#durable('intake', summary);
  }

  async screen(rows: readonly ScreenFields[]): Promise<void> {
    for (const row of rows) await this.#append('screen', row);
  }

  start(fields: StartFields): Promise<void> {
    return this.#durable('start', fields);
  }

  async intent(fields: Omit<IntentFields, 'call'>): Promise<number> {
    if (fields.route === 'cancel') this.#assertStarted('a cancel');
    this.#file.assertNotReplaced();
    const call = this.#state.lastCall + 1;
    await this.#durable('intent', { call, ...fields });
    return call;
  }

  async reply(fields: ReplyFields): Promise<void> {
    await this.#append('reply', fields);
  }

  async outcome(fields: OutcomeFields): Promise<void> {
    this.#assertStarted('an outcome');
    await this.#durable('outcome', fields);
  }

  async pause(fields: PauseFields): Promise<void> {
    await this.#append('pause', fields);
  }

  async close(reason: CloseReason): Promise<void> {
    // Whoever sees a session end well will look for it at the path.
    await this.#file.look();
    const counts = this.#state.counts();
    const present = OUTCOME_NAMES.filter((name) => counts[name] > 0).map((name) => [name, counts[name]]);
    await this.#durable('close', { reason, counts: Object.fromEntries(present) });
  }

  /** Begins a session; durable. For whoever opens the ledger. Throws a UsageError, before anything is written, for a job that could not be read back. */
  async open(fields: OpenFields): Promise<void> {
    const why = openFault(fields);
    if (why !== undefined)
      throw new UsageError(`The ledger ${this.path} cannot hold this run (${why}): change it, then run again.`);
    await this.#durable('open', fields);
  }

  /**
   * Takes the lock of this sender too: once a token shows who it is for, that is who we are, whatever we were called. To be called before
   * anything is sent. Throws a LockedError (exit 11) when another run sends as this one from the folder.
   */
  async holdSender(sender: SenderId): Promise<void> {
    const lock = await this.#lockSender(sender, this.#locks);
    if (lock !== undefined) this.#locks.push(lock);
  }

  async assertHeld(): Promise<void> {
    await Promise.all(this.#locks.map((lock) => lock.assertHeld()));
  }

  /** Brings everything to disk, closes the file and releases the locks; throws a failure that nobody was told of. */
  async [Symbol.asyncDispose](): Promise<void> {
    const errors: unknown[] = [];
    const note = (error: unknown) => errors.push(error);
    if (this.#file.isNameless) {
      await this.#appender.synced().catch(note);
      const { run, sessions } = this.#state;
      await this.#file.keep(`${run.slice(0, 8)}-${sessions.length}`, this.#log);
    }
    await this.#appender.close().catch(note);
    for (const lock of this.#locks) await lock[Symbol.asyncDispose]().catch(note);
    for (const error of errors.slice(1)) this.#log.error({ err: error }, `closing the ledger ${this.path}`);
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
    for (const lock of this.#locks) lock.assertFresh();
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
    this.#state.apply({ seq, at, kind, ...fields, chain } as LedgerRecord, atMs);
  }
}
