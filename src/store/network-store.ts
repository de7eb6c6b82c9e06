import type { LedgerSource } from '../ledger/scan-ledger.ts';
import type { SenderId } from '../ledger/sender.ts';
import type { AgedCall } from '../quota/quota.ts';
import type { RunHolder, Store } from './store.ts';

/** The way to a store's database, for the queue that lies in it and brings a client of its own. */
export interface DatabaseAccess {
  host: string;
  port: number;
  user: string;
  database: string;
  /** Left out where there is none. */
  password?: string;
  /** False: no TLS. */
  ssl: false | { rejectUnauthorized: boolean };
}

/** A store that several machines share, and what is done to it beside the work on runs. */
export interface NetworkStore extends Store {
  readonly keeps: 'runs';
  /** For messages, without secrets. */
  readonly where: string;
  readonly access: DatabaseAccess;
  /** What the database said to another client, as the error that this store throws for it; what it did not say comes back as it is. */
  trouble(thrown: unknown): unknown;
  /**
   * Makes what is missing there, or brings it to this version. Returns what was done, and what is unsafe about the place where that may be borne. Throws a
   * UsageError (exit 2) for a place that is unsafe, for missing rights, and where a newer version was there.
   */
  init(): Promise<{ applied: readonly string[]; warnings: readonly string[] }>;
  /** Asks whoever works on a run to end its session within seconds, and says who that is; undefined when nobody does. Throws a UsageError where there is no such run. */
  stop(name: string): Promise<RunHolder | undefined>;
  /** The runs of a campaign, by name: of those whose names begin with it and a slash, where each ledger ends. Reads no ledger. */
  campaign(name: string): Promise<readonly CampaignEntry[]>;
  /** Reads a ledger's file in, byte for byte. Throws as said beside `importRun`. */
  import(name: string, path: string, source: LedgerSource): Promise<ImportedRun>;
  /** Takes note of a sender's calls that were made elsewhere, each once, for windows of at most so long. Returns how many were new. */
  remember(sender: SenderId, longestMs: number, ledgers: readonly CallsElsewhere[]): Promise<number>;
  /** How many of these were neither made here nor remembered. Writes nothing. */
  unknownCalls(ledgers: readonly CallsElsewhere[]): Promise<number>;
  /** Hands out a ledger as the file that it is, to whoever puts it somewhere. Throws as said beside `exportRun`. */
  export<T>(name: string, put: (bytes: AsyncIterable<Uint8Array>) => Promise<T>): Promise<ExportedRun<T>>;
}

/** Calls of a ledger that is not in the store, or went on outside of it. */
export interface CallsElsewhere {
  run: string;
  /** Sessions of which no more calls will come. */
  ended: readonly number[];
  /** Those that can still count, of some of its sessions. */
  calls(among: (session: number) => boolean): readonly AgedCall[];
}

/** A run of a campaign, as the store knows it without its ledger. */
export interface CampaignEntry {
  name: string;
  tenant: string;
  /** The last chain value of its ledger. */
  head: string;
}

export interface ImportedRun {
  /** `extended`: the store had an earlier copy of it. */
  what: 'new' | 'extended' | 'same';
  records: number;
  head: string;
  /** Bytes of a last write that was cut off, which are left out. */
  tornBytes: number;
  /** Who made its calls, as it spells them. */
  senders: readonly SenderId[];
  /** Calls of this age (ms) matter to none of its windows, nor to Defender's. */
  lookBackMs: number;
}

export interface ExportedRun<T> {
  records: number;
  head: string;
  /** What became of it. */
  end: T;
}

export function isShared(store: Store): store is NetworkStore {
  return store.keeps === 'runs';
}
