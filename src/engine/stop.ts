import { setMaxListeners } from 'node:events';
import type { CountermandError } from '../errors.ts';
import type { StopSignal } from '../exit-codes.ts';
import type { CloseReason } from '../ledger/record.ts';

/** Why a session ends before its work does. The waits of a session are ended with one of these as their reason. */
export interface StopReason {
  close: CloseReason;
  /** What is said to the user, and the exit code; undefined for a signal. */
  error: CountermandError | undefined;
  signal: StopSignal | undefined;
}

/** The one switch that ends a session: new work stops and waits end at once, what is sent is still awaited. */
export interface Stop {
  /** Aborts with an AbortError once stopped. */
  readonly signal: AbortSignal;
  readonly reason: StopReason | undefined;
  /** The first reason stays. */
  request(reason: Partial<StopReason> & Pick<StopReason, 'close'>): void;
}

export function makeStop(): Stop {
  const controller = new AbortController();
  // Every call in flight and every wait listens to it.
  setMaxListeners(0, controller.signal);
  let given: StopReason | undefined;
  return {
    signal: controller.signal,
    get reason() {
      return given;
    },
    request: ({ close, error, signal }) => {
      if (given !== undefined) return;
      given = { close, error, signal };
      controller.abort();
    },
  };
}
