import type { StopSignal } from '../exit-codes.ts';

/**
 * What a person or a scheduler asks by a signal. The first one ends the command in order: whoever holds a ledger is told and closes it; a command that
 * holds nothing ends at once. The second one gives up what the first left to wait for.
 */
export interface Interrupts {
  /** Aborts at the first signal, with an InterruptedError. */
  readonly signal: AbortSignal;
  /** The first that came. */
  readonly first: StopSignal | undefined;
  /** While it is not disposed of, its holder ends itself: `tell` gets each signal, and how many came so far. Throws what `signal` aborts with once one came. */
  hold(tell: (signal: StopSignal, nth: number) => void): Disposable;
}
