import type { LedgerRecord } from '../../src/ledger/record.ts';
import type { CallHistory } from './call-history.ts';
import type { Inode, SimDisk } from './disk.ts';
import type { Worker } from './facts.ts';
import type { Emit } from './invariants.ts';
import { LedgerWatch } from './ledger-watch.ts';
import type { SimProcess } from './process.ts';

export interface LedgerFilesOptions {
  disk(): SimDisk;
  emit: Emit;
  history: CallHistory;
  workers: ReadonlyMap<SimProcess, Worker>;
  /** True ms. */
  now(): number;
  /** Those that are hosted by others too. */
  everyWorker(): Iterable<Worker>;
  /** A process of ours has written a record. */
  onRecord(record: LedgerRecord, by: SimProcess, watch: LedgerWatch, inode: Inode): void;
}

/** The ledgers of a world as files: which file says what, and what hands other than the program's did to it. */
export class LedgerFiles {
  /** Files under a ledger's name that are none of ours. */
  readonly foreign = new Set<Inode>();
  /** Files that a hand made, or changed while somebody worked on them: they may be damaged. */
  readonly handled = new Set<Inode>();
  readonly #watches = new Map<Inode, LedgerWatch>();
  readonly #options: LedgerFilesOptions;

  constructor(options: LedgerFilesOptions) {
    this.#options = options;
  }

  at(path: string): Inode | undefined {
    return this.#options.disk().entries.get(path);
  }

  watchAt(path: string): LedgerWatch | undefined {
    const inode = this.at(path);
    return inode === undefined ? undefined : this.#watches.get(inode);
  }

  watchOf(inode: Inode): LedgerWatch {
    const there = this.#watches.get(inode);
    if (there !== undefined) return there;
    const { emit, onRecord } = this.#options;
    const watch = new LedgerWatch({
      garbage: (line) => {
        if (!this.handled.has(inode)) emit('garbage', line);
      },
      lost: (record) => emit('lost', record),
      record: (record, by) => {
        if (by !== undefined) onRecord(record, by, watch, inode);
      },
    });
    this.#watches.set(inode, watch);
    return watch;
  }

  /** Whether it can still be read by some name. */
  isThere(inode: Inode): boolean {
    for (const each of this.#options.disk().entries.values()) if (each === inode) return true;
    return false;
  }

  /** Not by the program alone. */
  mayBeDamaged(path: string): boolean {
    const inode = this.at(path);
    return inode !== undefined && (this.handled.has(inode) || this.foreign.has(inode));
  }

  /** A hand changed what is at `path`; `was` is the file that was there. Nobody can know what no file says any more. */
  swapped(path: string, was: Inode, loses: boolean): void {
    const { everyWorker, history, now } = this.#options;
    const { run } = this.watchOf(was);
    const inode = this.at(path);
    for (const worker of everyWorker()) {
      if (!worker.process.exists) continue;
      if (worker.inode === was) worker.swappedAtMs ??= now();
      // What a hand left is what it opens: a plan with another head, or no ledger at all.
      if (worker.path === path && worker.inode === undefined) worker.disturbed = true;
      if (worker.path === path && inode !== undefined) this.handled.add(inode);
    }
    // A copy of what more than the program wrote is no better.
    if (inode !== undefined && this.handled.has(was)) this.handled.add(inode);
    if (loses) history.forgetAll(run);
    if (inode === was) this.#watches.delete(was);
    if (inode !== undefined) this.readAnew(inode);
  }

  /** What a hand wrote was written by none of our processes. */
  readAnew(inode: Inode): void {
    if (this.foreign.has(inode)) return;
    const watch = this.watchOf(inode);
    watch.onWritten(inode, undefined);
    watch.onSynced(inode);
  }

  written(inode: Inode, by: SimProcess): void {
    if (!this.foreign.has(inode)) {
      this.watchOf(inode).onWritten(inode, by);
      return;
    }
    const { disk, emit, workers } = this.#options;
    const path = [...disk().entries].find(([, each]) => each === inode)?.[0] ?? 'a file without a name';
    emit('foreign', { worker: workers.get(by), path });
  }

  synced(inode: Inode): void {
    this.#watches.get(inode)?.onSynced(inode);
  }

  truncated(inode: Inode): void {
    this.#watches.get(inode)?.onTruncated(inode);
  }
}
