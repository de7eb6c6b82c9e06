import type { Clock } from '../../clock.ts';
import { CountermandError, DiskError } from '../../errors.ts';
import type { Tape } from '../../ledger/tape.ts';
import type { Database } from './database.ts';
import { LEASE_MS, type Lease, momentOf } from './lease.ts';
import { type AppendAnswer, appendLines } from './run-functions.ts';
import { askAgain } from './trouble.ts';

/** What waits for a commit, at most: in bytes, and for how long the first of it has waited. */
const MAX_BYTES = 1 << 18;
const LONGEST_WAIT_MS = 100;

export interface PostgresTapeParts {
  database: Database;
  clock: Clock;
  lease: Lease;
  /** Where the ledger ends. */
  at: number;
}

/**
 * A ledger's end in the database. `write` gathers whole lines, as a file's page cache would; `datasync` commits them as one chunk, and so does whatever
 * has waited for long. A chunk is written at its position under its epoch, so that asking again writes it once and no more: where an answer is lost, it
 * is asked again for as long as the lease lasts, and nothing is sent or written behind it meanwhile. The first failure ends the tape for good.
 */
export class PostgresTape implements Tape {
  readonly #parts: PostgresTapeParts;
  readonly #closed = new AbortController();
  #at: number;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #failure: unknown;
  #later: Promise<void> | undefined;
  /** The last commit, or the last that will be. */
  #commits: Promise<void> = Promise.resolve();

  constructor(parts: PostgresTapeParts) {
    this.#parts = parts;
    this.#at = parts.at;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#parts.lease.assertFresh();
    // A copy: the writer uses its buffer again.
    this.#waiting.push(Uint8Array.from(bytes));
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes >= MAX_BYTES) await this.datasync();
    else this.#later ??= this.#commitLater();
  }

  async datasync(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const done = this.#commits.then(() => this.#commit());
    this.#commits = done.catch((error: unknown) => {
      this.#failure ??= error;
    });
    await done;
  }

  /** A run keeps its name for as long as it is held: each commit has asked for that. */
  assertFound(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#commits;
  }

  /** What was not synced soon is committed all the same, so that a process that is killed loses no more than a moment. */
  async #commitLater(): Promise<void> {
    try {
      await this.#parts.clock.sleep(LONGEST_WAIT_MS, { signal: this.#closed.signal, ref: false });
      this.#later = undefined;
      await this.datasync();
    } catch {
      // The tape was closed, or whoever comes next is told.
    }
  }

  async #commit(): Promise<void> {
    // The commit before, for whose end this one has waited, was the last.
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#waitingBytes === 0) return;
    const lines = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    await this.#append(lines);
    this.#at += lines.length;
  }

  async #append(lines: Uint8Array): Promise<void> {
    const { database, clock, lease } = this.#parts;
    const append = async () => {
      lease.assertFresh();
      const begun = momentOf(clock);
      const answer = await appendLines(database, lease.held, this.#at, lines, LEASE_MS);
      if (answer.outcome !== 'written') throw this.#refused(answer);
      lease.renewed(begun, answer.stop);
    };
    await askAgain(append, {
      clock,
      leftMs: () => lease.leftMs,
      onTrouble: (error) => {
        if (error instanceof CountermandError) lease.notRenewed(error);
      },
    });
  }

  #refused(answer: Exclude<AppendAnswer, { outcome: 'written' }>): CountermandError {
    const { lease, database } = this.#parts;
    if (answer.outcome === 'taken') return lease.taken(answer.holder);
    const what =
      answer.outcome === 'gone'
        ? 'was removed from the store'
        : `ends at byte ${answer.bytes} in the store, and ${this.#at} bytes of it were written`;
    return new DiskError(
      `The ledger of the run ${lease.name} ${what}: ${database.where} was changed by hand, restored, or replaced by a copy that lacks the last commits. Nothing more was sent; find out which, then run again.`,
    );
  }
}
