import type { Route } from '../ledger/record.ts';

/** At most `calls` calls in every span of `perMs` milliseconds. */
export interface Window {
  calls: number;
  perMs: number;
}

/** What Microsoft documents for the machine-actions API, for each application in each tenant. */
export const DOCUMENTED_WINDOWS: readonly Window[] = [
  { calls: 100, perMs: 60_000 },
  { calls: 1500, perMs: 3_600_000 },
];

/**
 * The right to make one call, taken in every window at once. It is given back exactly once, by `settle`, `settleUnanswered` or
 * `release`: a slot that is never given back stays taken.
 */
export interface Slot {
  /**
   * Whether a call may still be sent on it. To be asked right before the send, with no wait between: a slot that others share lasts only so long,
   * and a closed gate or a slow disk may have kept it in hand for longer. One that is not usable any more is released, and another taken.
   */
  usable(): boolean;
  /** The answer came: the slot is free again once the window and the margin have passed from now. */
  settle(): void;
  /**
   * No answer came to a call sent at `sentAtMs` (monotonic): it may count until send + 60 s, and is held a window
   * longer.
   */
  settleUnanswered(sentAtMs: number): void;
  /** Nothing was sent: free at once. */
  release(): void;
}

export interface WindowLeft extends Window {
  /** Slots that are free now. */
  left: number;
  /** Monotonic moments (ms) at which the taken slots become free, as far as known, ascending. */
  freeAtMs: readonly number[];
}

/**
 * A call made before this session that may still count. Ages are in ms before now, so that no wall clock leaks in here.
 */
export interface AgedCall {
  route: Route;
  /**
   * How long ago, at the least, the service may have counted it: its latest possible moment. Negative when that is
   * still to come.
   */
  ageMs: number;
}

/**
 * Slots for calls, exact and front-loaded: in every span of a window at most as many calls as it allows, at whatever moment between sending and
 * answering the service counts them. It comes filled with the calls of earlier sessions, from whatever memory it has. What every implementation must
 * hold stands in test/quota/suite.ts.
 */
export interface Quota {
  /**
   * Waits for a slot in every window, first come first served. Rejects with the signal's reason when it aborts before
   * that.
   */
  take(route: Route, signal?: AbortSignal): Promise<Slot>;
  /** The state of the windows that a cancel call goes through, in the order they were given. */
  left(): WindowLeft[];
  /** Left out where no other process sends as this sender. */
  readonly pauses?: SharedPauses;
}

/** What Defender told one process of a sender, for all of them. Moments are monotonic ms. */
export interface SharedPauses {
  /** We were told to wait until then. Until then nobody is given a slot. */
  tell(untilMs: number): void;
  /** Calls `hear` as soon as it is seen that another was told to wait. */
  listen(hear: (untilMs: number) => void): void;
}
