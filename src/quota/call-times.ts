/** Timers fire up to 1 ms early and clocks tick apart, so a slot is held this much longer than its window. */
export const MARGIN_MS = 25;

/** A call is given up 30 s after it was sent; another 30 s for what is still on its way to Defender. */
export const UNANSWERED_MS = 60_000;

/** Between an intent and its send: a call whose sync took longer is not sent. */
export const SLOWEST_SYNC_MS = 5000;

/** Two clocks, each off by up to the two seconds below which a skew is not recorded. */
export const CLOCK_DOUBT_MS = 4000;
