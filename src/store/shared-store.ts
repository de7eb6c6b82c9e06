import type { LedgerSource } from '../ledger/read-ledger.ts';
import type { Store } from './store.ts';

/** A store that several machines share, and what is done to it beside the work on runs. */
export interface SharedStore extends Store {
  readonly keeps: 'runs';
  /** For messages, without secrets. */
  readonly where: string;
  /**
   * Makes what is missing there, or brings it to this version. Returns what was done, and what is unsafe about the place where that may be borne. Throws a
   * UsageError (exit 2) for a place that is unsafe, for missing rights, and where a newer version was there.
   */
  init(): Promise<{ applied: readonly string[]; warnings: readonly string[] }>;
  /** Reads a ledger's file in, byte for byte. Throws as said beside `importRun`. */
  import(name: string, path: string, source: LedgerSource): Promise<ImportedRun>;
  /** Hands out a ledger as the file that it is, to whoever puts it somewhere. Throws as said beside `exportRun`. */
  export<T>(name: string, put: (bytes: AsyncIterable<Uint8Array>) => Promise<T>): Promise<ExportedRun<T>>;
}

export interface ImportedRun {
  /** `extended`: the store had an earlier copy of it. */
  what: 'new' | 'extended' | 'same';
  records: number;
  head: string;
  /** Bytes of a last write that was cut off, which are left out. */
  tornBytes: number;
}

export interface ExportedRun<T> {
  records: number;
  head: string;
  /** What became of it. */
  end: T;
}

export function isShared(store: Store): store is SharedStore {
  return store.keeps === 'runs';
}
