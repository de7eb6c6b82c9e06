import type { Clock } from '../clock.ts';
import { type RawAnswer, skewOf } from './read-answer.ts';

/** Below this the `Date` header, which has whole seconds, says nothing. */
const NOTABLE_SKEW_MS = 2000;

/**
 * Defender's clock minus ours in ms, rounded, where an answer that came at `nowWallMs` shows more than two seconds of it.
 *
 * An answer without a `Date` (a proxy's page) shows none. It is judged by the last one that had a date and the monotonic time since then, so that a
 * wall clock that was set back meanwhile does not make its call look old; never the other way, which a machine that slept would look like.
 */
export function makeSkewWatch(clock: Clock): (raw: RawAnswer, nowWallMs: number) => number | undefined {
  let defenderMinusMonotonicMs: number | undefined;
  return (raw, nowWallMs) => {
    const monotonicMs = clock.monotonicMs();
    const shown = skewOf(raw, nowWallMs);
    if (shown !== undefined) defenderMinusMonotonicMs = nowWallMs + shown - monotonicMs;
    const supposed =
      defenderMinusMonotonicMs === undefined ? 0 : Math.max(0, defenderMinusMonotonicMs + monotonicMs - nowWallMs);
    const skewMs = Math.round(shown ?? supposed);
    return Math.abs(skewMs) > NOTABLE_SKEW_MS ? skewMs : undefined;
  };
}
