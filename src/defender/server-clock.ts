import type { Clock } from '../clock.ts';
import { NOTABLE_SKEW_MS } from '../quota/call-times.ts';
import { type RawAnswer, skewOf } from './read-answer.ts';
import type { Transport } from './transport.ts';

/** How long whoever wants to know Defender's clock waits for it, in ms. */
export const CLOCK_TIMEOUT_MS = 5000;

/**
 * Defender's clock minus ours in ms, from the `Date` of an answer to `HEAD /`. Whatever the answer is, it has a date; and since no token is sent,
 * the request spends no quota and shows nothing. Undefined when there is no answer in time, or none with a date; never rejects but with the
 * signal's reason.
 *
 * The header has whole seconds and was written before it arrived, so the result is up to a second and the way back too small: past calls look
 * that much younger, which is the safe side.
 */
export async function measureSkew(
  transport: Transport,
  clock: Clock,
  signal?: AbortSignal,
): Promise<number | undefined> {
  const result = await transport({ method: 'HEAD', path: '/', token: undefined, body: undefined }, signal);
  signal?.throwIfAborted();
  return 'raw' in result ? skewOf(result.raw, clock.wallMs()) : undefined;
}

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
