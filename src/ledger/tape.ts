/** Ordered, durable bytes: a file, or the chunks of a database. One process writes to it, and only behind what it has written. */
export interface Tape {
  /**
   * Writes all of these bytes behind those before. Throws once what is written to may be another's, and after a failure for good: nothing is ever
   * written behind a gap.
   */
  write(bytes: Uint8Array): Promise<void>;
  /** Resolves when all that was written survives a loss of power. */
  datasync(): Promise<void>;
  /** Throws when whoever looks for the ledger by its name would not find this tape: asked before its last record. */
  assertFound(): Promise<void>;
  close(): Promise<void>;
}

/** The right to write to a ledger and to send for it: a lock, a lease, a file that is still the one that was opened. */
export interface Hold {
  /** Throws when the right to write is lost by what is known already; asked before each record. */
  assertFresh(): void;
  /** Throws when no call may be begun by what is known already; asked before each intent. */
  assertMaySend(): void;
  /** Looks, and throws when the right to send is lost; asked right before each send. */
  assertHeld(): Promise<void>;
  /** Since it was renewed last (ms). */
  readonly ageMs: number;
  /** Gives it back. */
  [Symbol.asyncDispose](): Promise<void>;
}
