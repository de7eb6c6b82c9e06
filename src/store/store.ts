import type { Job } from '../job/job.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { HeadFound, ReadLedger, RecordSink } from '../ledger/read-ledger.ts';
import type { OpenFields } from '../ledger/record.ts';
import type { SenderId } from '../ledger/sender.ts';
import type { Logger } from '../log.ts';
import type { Quota, WindowLeft } from '../quota/quota.ts';
import type { Redact } from '../redact.ts';

/** Where ledgers are kept, and what was called by whom: a folder, or a database. A ledger's name is a path in the one and a run's name in the other. */
export interface Store extends AsyncDisposable {
  /** What a ledger is called by: a path, or the name of a run. */
  readonly keeps: 'files' | 'runs';
  /**
   * Takes a ledger for this process alone and reads and checks it, once: what is done with it is decided from this reading. Writes nothing to it.
   *
   * Throws a LockedError (exit 11) when another process holds it, a ChangedLedgerError when another changes it meanwhile, or has begun one where none was
   * to be; a UsageError (exit 2) when it is no ledger, of another format, or cannot be used; a DiskError (exit 6) when the store fails; the signal's reason
   * when that ended a wait. Damage is told in what was found, and not thrown.
   */
  hold(run: HoldRun): Promise<HeldRun>;
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
  /**
   * What the calls made so far leave of a sender's windows, to a session that begins now with a ledger of this name: those that a cancel goes through.
   * Holds and writes nothing. Moments are monotonic ms.
   */
  quotaLeft(sender: SenderId, options: Job['quota'], memory: QuotaLook): Promise<WindowLeft[]>;
  /**
   * For a session that took the place of a plan and did not come to its end, once it is closed: the plan, if that was whole, is called as before again.
   * Returns what the session's own ledger, which is still held, is called from then on; undefined where both stay as they are, which a database does.
   * Throws as `Ledger.assertHeld` does, and a disk's error.
   */
  putPlanBack(ledger: Ledger): Promise<string | undefined>;
  /** Whether a run of this sender could begin with a ledger of this name. Writes and holds nothing. */
  check(name: string, sender: SenderId): Promise<StoreFinding>;
}

export interface HoldRun {
  name: string;
  /**
   * What may be there already. `any`: one that is gone on with, or none. `existing`: there must be one. `none`: it was seen that there is none, or only
   * a beginning without a record; where one was begun since, a ChangedLedgerError is thrown.
   * @default 'any'
   */
  existing?: 'any' | 'existing' | 'none';
  /** The UUID of a run that is begun where there is none, or in the place of a plan. @default a random one */
  run?: string;
  /** A head that is looked for while it is read: 32 hex digits, in lower case. */
  head?: string | undefined;
  /** Tells a person that something is waited for. */
  say?: ((text: string) => void) | undefined;
  /** Ends the waits and the reading, here and in {@link HeldRun.begin}; its reason is thrown. */
  signal?: AbortSignal | undefined;
  /** Is told once when somebody asks this run to stop, where the store lets anybody ask. */
  onStop?: (() => void) | undefined;
  log?: Logger;
  /** Gets every record that is read, and every one that a session then writes. */
  trace?: RecordSink | undefined;
}

/** A ledger that no other process can work on. Disposed of without a session, it is given back as it was, byte for byte. */
export interface HeldRun extends AsyncDisposable {
  /** What stood in it when it was read; nothing where there is none. The state is the ledger's own: a session that is begun writes to it. */
  readonly found: FoundRun;
  /**
   * Begins the next session with a durable `open` record; to be called once. What was held is the ledger's from then on, and given back with it; where
   * it throws, it is still to be given back.
   *
   * Throws a LockedError (exit 11) when it is not held any more, or somebody else sends as this sender where the store keeps the right to; a
   * ChangedLedgerError when another changed it since it was read; a DamageError (exit 12) when it does not fit its chain; a UsageError (exit 2) when it is
   * another tenant's or host's, was started although it was to be replaced, or cannot be written; a DiskError (exit 6) when the store fails; the signal's
   * reason when that ended a wait.
   */
  begin(session: BeginSession): Promise<Ledger>;
}

export interface FoundRun extends ReadLedger {
  /** Where the head that was looked for stands; undefined when none was. */
  headFound: HeadFound | undefined;
}

/** One session that is to be begun. */
export interface BeginSession {
  /** Who works on it from now on: the session's `open` record. */
  open: Pick<OpenFields, 'tool' | 'tenant' | 'client' | 'api' | 'job'>;
  /** Nothing will be sent: the right to send as this sender is not taken, and another may have it. @default false */
  sendsNothing?: boolean;
  /** What is there is a plan that was not started: a new ledger takes its place. @default false: it is gone on with */
  replacesPlan?: boolean;
  /** The tenant that a token has shown (its `tid`), where one is in hand already: by it a domain is known to be a GUID's. */
  shownTenant?: string | undefined;
  /** @default that of the holding */
  log?: Logger;
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
  /** The ledger of this session, opened by the same store: its own earlier calls count, and its neighbours'. Without one nothing does, and nothing is held. */
  ledger?: Ledger | undefined;
  /** Defender's clock minus ours (ms), undefined where its answer does not tell. Left out where nobody may be asked. */
  measureSkew?: (() => Promise<number | undefined>) | undefined;
  log: Logger;
}

/** What tells how much of a quota is left, where nobody sends. */
export interface QuotaLook extends Pick<QuotaMemory, 'measureSkew' | 'log'> {
  /** The ledger that a run has or would have. */
  name: string;
}

/** A line of `check` about the store. The text of one that is not ok ends with what to do. */
export type StoreFinding = { text: string; place: string } & (
  | { level: 'ok' | 'warning' }
  | { level: 'wrong'; exitCode: 2 }
);
