/*
 * When a call may count, and how far a clock is believed: the one table. Sending, the ledger's judgement of past calls, the quota and the engine all
 * reckon with these numbers, and what follows from others is computed here. The quota is exact only while they agree.
 */

/** From the send to the last byte of the answer, however slowly it comes; then the call is given up. */
export const ANSWER_LIMIT_MS = 30_000;

/** A call that was given up may still be on its way to Defender for this long: a grace of ours, no documented number. */
const ON_THE_WAY_MS = 30_000;

/** From the send until a call without an answer has been counted, if it ever is. */
export const UNANSWERED_MS = ANSWER_LIMIT_MS + ON_THE_WAY_MS;

/** An intent that took this long or longer to become durable is not sent on: its time in the ledger would be too early where the next session counts past calls. */
export const SLOW_SYNC_MS = 5000;

/** From the time of an intent until a call without an answer has been counted: it was sent before its sync was a slow one. */
export const LATEST_COUNT_MS = SLOW_SYNC_MS + UNANSWERED_MS;

/** Timers fire up to 1 ms early and clocks tick apart, so a slot is held this much longer than its window. */
export const MARGIN_MS = 25;

/** Below this a difference between two clocks is not recorded: a `Date` header has whole seconds and was under way. */
export const NOTABLE_SKEW_MS = 2000;

/** The clock that wrote a past call's times and the one that reads them, each off by as much as is not recorded. */
export const CLOCK_DOUBT_MS = 2 * NOTABLE_SKEW_MS;
