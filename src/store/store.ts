import type { Job } from '../job/job.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { ReadLedger, RecordSink } from '../ledger/read-ledger.ts';
import type { OpenFields } from '../ledger/record.ts';
import type { SenderId } from '../ledger/sender.ts';
import type { Logger } from '../log.ts';
import type { Quota } from '../quota/quota.ts';
import type { Redact } from '../redact.ts';

/** Where ledgers are kept, and what was called by whom: a folder, or a database. A ledger's name is a path in the one and a run's name in the other. */
export interface Store extends AsyncDisposable {
  /** What a ledger is called by: a path, or the name of a run. */
  readonly keeps: 'files' | 'runs';
  /**
   * Takes what must be held, reads and checks what is there, and begins the next session with a durable `open` record.
   *
   * Throws a LockedError (exit 11) when another process holds it; a ChangedLedgerError when it is not as it was read; a DamageError (exit 12) when it
   * does not fit its chain; a UsageError (exit 2) when it is no ledger, another tenant's or host's, of another format, started although a plan was to
   * be replaced, or cannot be written; a DiskError (exit 6) when the store fails; the signal's reason when that ended a wait.
   */
  open(run: OpenRun): Promise<Ledger>;
  /** The bytes of a ledger from `offset` on, at any time and without a lock; each chunk is valid until the next is asked for. */
  read(name: string, offset?: number): AsyncIterable<Uint8Array>;
  /** Undefined when there is none of this name. */
  stat(name: string): Promise<RunStat | undefined>;
  /**
   * The ledgers that lie in a place, by name: a folder's, whose names end in `.jsonl`. A ledger's own name is a place with this one in it. Undefined
   * where there is neither. Throws a UsageError where they cannot be listed.
   */
  list(place: string): Promise<readonly ListedRun[] | undefined>;
  /**
   * Who works on a ledger; undefined when nobody does, as far as can be told by looking: who is certainly gone holds nothing. One of another machine
   * cannot be asked, and counts as working until it was seen to be silent for as long as whoever takes over must watch it.
   * Throws a UsageError where it may not be looked at.
   */
  holder(name: string): Promise<RunHolder | undefined>;
  /** Earlier ledgers of the same stamped series as `name`, newest first, without it; none when it is not of a series. Throws a UsageError where they cannot be listed. */
  series(name: string): Promise<readonly RunEntry[]>;
  /**
   * Removes a ledger with what belongs to it, held meanwhile so that no run goes on with it. `whyKept` is asked of what was read under the hold, and a
   * reason it gives keeps it. Returns what was removed or why not. Throws a LockedError at once when another holds it, a DamageError for a damaged one.
   */
  remove(
    name: string,
    whyKept: (read: ReadLedger) => string | undefined,
  ): Promise<{ removed: ReadLedger } | { kept: string }>;
  /**
   * The quota of a sender, filled with what its earlier calls may still count. Takes the right to send as this sender where the store keeps one: throws a
   * LockedError (exit 11) when another run has it.
   */
  quota(sender: SenderId, options: Job['quota'], memory: QuotaMemory): Promise<Quota>;
  /** Whether a run of this sender could begin with a ledger of this name. Writes and holds nothing. */
  check(name: string, sender: SenderId): Promise<StoreFinding>;
}

/** One session that is to be begun. */
export interface OpenRun {
  name: string;
  /** Who works on it from now on: the next session's `open` record. */
  open: Pick<OpenFields, 'tool' | 'tenant' | 'client' | 'api' | 'job'>;
  /**
   * What may be there already. `any`: begun where there is none, else gone on with. `existing`: there must be one. `plan`: a plan that was not started
   * is replaced by a new ledger, anything started is refused.
   * @default 'any'
   */
  existing?: 'any' | 'existing' | 'plan';
  /**
   * The head of the reading by which it was decided what to do; empty where there was no record. The ledger must be the same once it is held, else a
   * ChangedLedgerError is thrown before anything is written. @default whatever it is
   */
  head?: string | undefined;
  /** The tenant that a token has shown (its `tid`), where one is in hand already: by it a domain is known to be a GUID's. */
  shownTenant?: string | undefined;
  /** Tells a person that something is waited for. */
  say?: ((text: string) => void) | undefined;
  /** Ends a wait; its reason is thrown. */
  signal?: AbortSignal | undefined;
  /** UUID of a new run. @default a random one */
  run?: string;
  log?: Logger;
  /** Gets every record that is read or written. */
  trace?: RecordSink | undefined;
  /** Takes this session's secrets out of what is recorded. */
  redact?: Redact;
}

export interface RunStat {
  /** Bytes. */
  size: number;
  /** Why no session may be begun on it, as a sentence; undefined when nothing is known against it. */
  unfit: string | undefined;
}

export interface RunEntry {
  name: string;
  /** When it was last written, epoch ms by the store's clock. */
  modifiedMs: number;
  /** What stands there where it is no ledger of its own ("a named pipe"); undefined for one that can be read. */
  instead: string | undefined;
}

export interface ListedRun extends RunEntry {
  /** Another one whenever the ledger was written to, or is another. */
  version: string;
}

/** A process that works on a run. */
export interface RunHolder {
  pid: number;
  host: string;
  /** ISO time, by its own clock. */
  since: string;
}

/** What fills a quota. */
export interface QuotaMemory {
  /** The ledger of this session, opened by the same store: its own earlier calls count too. Without one, nothing is held. */
  ledger?: Ledger | undefined;
  /** The ledger that a run would have, where none is open: its neighbours' calls count. Undefined fills nothing. */
  name?: string | undefined;
  /** Defender's clock minus ours (ms), undefined where its answer does not tell. Left out where nobody may be asked. */
  measureSkew?: (() => Promise<number | undefined>) | undefined;
  log: Logger;
}

/** A line of `check` about the store. The text of one that is not ok ends with what to do. */
export type StoreFinding = { text: string; place: string } & (
  | { level: 'ok' | 'warning' }
  | { level: 'wrong'; exitCode: 2 }
);
