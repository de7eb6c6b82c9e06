/** What the clock of a sender's quota showed at some moment between the question and its answer. */
export interface ClockReading {
  /** Epoch ms. */
  shownMs: number;
  /** Monotonic, like the next. */
  askedAtMs: number;
  answeredAtMs: number;
}

/** Two clocks that run true differ by less between two grants: this, and a thousandth of the time for what they are being corrected meanwhile. */
const JUMP_MS = 1000;
const DRIFT = 0.001;

/** The latest that the clock may show in an answer to what is asked now, if the answer takes no time; later is to be looked into. */
export function notAfterMs(before: ClockReading, askedAtMs: number): number {
  return before.shownMs + allowedMs(askedAtMs - before.askedAtMs);
}

/** By how much the clock has jumped ahead between two readings, at the most; undefined when that may as well be the time the answer took. */
export function jumpMs(before: ClockReading, after: ClockReading): number | undefined {
  const byClockMs = after.shownMs - before.shownMs;
  if (byClockMs <= allowedMs(after.answeredAtMs - before.askedAtMs)) return undefined;
  return byClockMs - Math.max(0, after.askedAtMs - before.answeredAtMs);
}

function allowedMs(passedMs: number): number {
  return passedMs * (1 + DRIFT) + JUMP_MS;
}

/** A clock that is set back by less is waited for without a word. */
export const NOTABLE_STAND_MS = 10_000;

/** What a person can do is said in docs/operations.md. */
export function standingWords(untilMs: number): string {
  return `the database's clock was set back: no slot that is spent is given again before ${new Date(untilMs).toISOString()}; where that is long, see "The server's clock" in docs/operations.md`;
}
