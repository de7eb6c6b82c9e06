const FIRST_MS = 1000;
const MOST_MS = 60_000;

export interface BackoffInput {
  /** Number of the attempt that failed, from 1. */
  attempt: number;
  /** What the answer's `Retry-After` asked for; it goes first. */
  retryAfterMs: number | undefined;
  /** At least 0, below 1. */
  random: () => number;
}

/** Milliseconds before the next attempt: full jitter under a ceiling that doubles from 1 s to 60 s. */
export function backoffMs({ attempt, retryAfterMs, random }: BackoffInput): number {
  return retryAfterMs ?? random() * Math.min(MOST_MS, FIRST_MS * 2 ** (attempt - 1));
}
