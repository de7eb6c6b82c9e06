import { CountermandError, DiskError } from '../errors.ts';
import type { Tape } from './tape.ts';

/** Bytes that wait in memory before an appending caller is made to wait for the disk. */
const QUEUE_LIMIT_BYTES = 1 << 18;
/** The longest encoding of one UTF-16 code unit in UTF-8. */
const MAX_BYTES_PER_UNIT = 3;

/**
 * Group commit. Lines queue up in order; one loop writes all that is queued in one write, another one syncs what was written for all who
 * wait for it. What is queued while it syncs is written meanwhile and synced in the next turn. The first write or sync that fails ends
 * it for good: whoever waits and whoever comes later gets that error, and nothing is ever written behind a gap.
 */
export class Appender {
  readonly #tape: Tape;
  readonly #name: string;
  /** What is queued, as bytes: a queue of strings would outlive the young generation, and cost more memory than the actions. */
  #queue = Buffer.allocUnsafeSlow(QUEUE_LIMIT_BYTES);
  #queuedBytes = 0;
  #queuedLines = 0;
  /** The queue of the turn before, used again. */
  #spare = Buffer.allocUnsafeSlow(QUEUE_LIMIT_BYTES);
  /** Lines pushed, written and synced so far. */
  #pushed = 0;
  #written = 0;
  #synced = 0;
  /** In the order of their lines. */
  #waiters: Waiter[] = [];
  #room: Waiter[] = [];
  #writing: Promise<void> | undefined;
  #syncing: Promise<void> | undefined;
  #failure: CountermandError | undefined;
  #failureSeen = false;

  /** `name` is the ledger's, for messages. */
  constructor(tape: Tape, name: string) {
    this.#tape = tape;
    this.#name = name;
  }

  /** Queues a line, newline included. Throws the DiskError of an earlier failure. */
  push(line: string): void {
    this.#throwIfFailed();
    const needed = this.#queuedBytes + line.length * MAX_BYTES_PER_UNIT;
    if (needed > this.#queue.length) {
      const larger = Buffer.allocUnsafeSlow(needed * 2);
      this.#queue.copy(larger, 0, 0, this.#queuedBytes);
      this.#queue = larger;
    }
    this.#queuedBytes += this.#queue.write(line, this.#queuedBytes, 'utf8');
    this.#queuedLines++;
    this.#pushed++;
    this.#start();
  }

  /** Resolves at once while the queue is short, else when the disk has caught up. */
  room(): Promise<void> | undefined {
    return this.#queuedBytes < QUEUE_LIMIT_BYTES ? undefined : this.#wait(this.#room, 0);
  }

  /** Resolves when everything pushed so far is on disk. */
  synced(): Promise<void> {
    this.#throwIfFailed();
    if (this.#synced === this.#pushed) return Promise.resolve();
    const done = this.#wait(this.#waiters, this.#pushed);
    this.#start();
    return done;
  }

  /** Brings all to disk and closes the tape. Throws a failure that nobody was told of. */
  async close(): Promise<void> {
    try {
      if (this.#failure === undefined) await this.synced();
    } finally {
      await Promise.all([this.#writing, this.#syncing]);
      await this.#tape.close();
    }
    if (this.#failure !== undefined && !this.#failureSeen) throw this.#failure;
  }

  #throwIfFailed(): void {
    if (this.#failure === undefined) return;
    this.#failureSeen = true;
    throw this.#failure;
  }

  #wait(list: Waiter[], upTo: number): Promise<void> {
    return new Promise((resolve, reject) => {
      list.push({ upTo, resolve, reject });
    });
  }

  #start(): void {
    if (this.#queuedLines > 0) this.#writing ??= this.#write();
    if (this.#isAwaited) this.#syncing ??= this.#syncAll();
  }

  async #write(): Promise<void> {
    try {
      // One microtask later, so that callers of the same turn share the first write.
      await Promise.resolve();
      while (this.#queuedLines > 0) {
        await this.#writeQueue();
        if (this.#isAwaited) this.#syncing ??= this.#syncAll();
      }
    } catch (cause) {
      this.#fail(cause);
    } finally {
      this.#writing = undefined;
    }
  }

  async #syncAll(): Promise<void> {
    try {
      while (this.#failure === undefined && this.#isAwaited) await this.#sync();
    } catch (cause) {
      this.#fail(cause);
    } finally {
      this.#syncing = undefined;
    }
  }

  /** Whether somebody waits for what is written and not synced. */
  get #isAwaited(): boolean {
    const [first] = this.#waiters;
    return first !== undefined && first.upTo <= this.#written;
  }

  async #writeQueue(): Promise<void> {
    const lines = this.#queuedLines;
    const bytes = this.#queue.subarray(0, this.#queuedBytes);
    [this.#queue, this.#spare] = [this.#spare, this.#queue];
    this.#queuedBytes = 0;
    this.#queuedLines = 0;
    // A sync that failed meanwhile.
    if (this.#failure !== undefined) throw this.#failure;
    await this.#tape.write(bytes);
    this.#written += lines;
    for (const { resolve } of this.#room.splice(0)) resolve();
  }

  async #sync(): Promise<void> {
    const upTo = this.#written;
    await this.#tape.datasync();
    this.#synced = upTo;
    const later: Waiter[] = [];
    for (const waiter of this.#waiters) {
      if (waiter.upTo <= upTo) waiter.resolve();
      else later.push(waiter);
    }
    this.#waiters = later;
  }

  #explain(cause: unknown): DiskError {
    const what = cause instanceof Error ? cause.message : String(cause);
    const message = `The ledger ${this.#name} could not be written (${what}): nothing more was sent. Make room or repair the disk, then run again to resume.`;
    return new DiskError(message, { cause });
  }

  #fail(cause: unknown): void {
    this.#failure ??= cause instanceof CountermandError ? cause : this.#explain(cause);
    const waiting = [...this.#waiters, ...this.#room];
    this.#waiters = [];
    this.#room = [];
    this.#queuedLines = 0;
    if (waiting.length > 0) this.#failureSeen = true;
    for (const { reject } of waiting) reject(this.#failure);
  }
}

interface Waiter {
  /** Lines that must be on disk. */
  upTo: number;
  resolve: () => void;
  reject: (error: unknown) => void;
}
