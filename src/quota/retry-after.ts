/** Longer than this is a mistake of the other side rather than a wait. */
const LONGEST_MS = 24 * 3_600_000;

const HTTP_DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? .*\d\d:\d\d:\d\d/;

/**
 * Milliseconds that a `Retry-After` header asks for, in seconds or as an HTTP date (all three forms of RFC 9110).
 * `nowWallMs` is the wall clock; give the answer's own `Date` where it has one, so that a skewed clock here does no
 * harm. What is not understood, or is no wait at all (0, a date that has passed), is undefined and never 0.
 */
export function retryAfterMs(header: string | null | undefined, nowWallMs: number): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d+$/.test(text)) return sensible(Number(text) * 1000);
  if (!HTTP_DATE.test(text)) return undefined;
  // The asctime form carries no zone and means GMT.
  return sensible(Date.parse(text.endsWith('GMT') ? text : `${text} GMT`) - nowWallMs);
}

/**
 * The seconds in Defender's own words for a 429, `You can send requests again in N seconds`; undefined when it says no
 * such thing.
 */
export function secondsFromMessage(message: string | null | undefined): number | undefined {
  const seconds = Number(/send requests again in (\d+) seconds?/i.exec(message ?? '')?.[1]);
  return sensible(seconds * 1000) === undefined ? undefined : seconds;
}

function sensible(ms: number): number | undefined {
  return ms > 0 && ms <= LONGEST_MS ? ms : undefined;
}
