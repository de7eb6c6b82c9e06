/** Longer than this is a mistake of the other side rather than a wait. */
const LONGEST_MS = 24 * 3_600_000;

const SECONDS = /^(?:\d+(?:\.\d*)?|\.\d+)$/;
const HTTP_DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? .*\d\d:\d\d:\d\d/;

/**
 * Milliseconds that a `Retry-After` header asks for, in seconds or as an HTTP date (all three forms of RFC 9110). A fraction of a second is
 * not in the RFC, but on the wire: it is rounded up to whole seconds.
 * `nowWallMs` is the wall clock; give the answer's own `Date` where it has one, so that a skewed clock here does no
 * harm. What is not understood, or is no wait at all (0, a date that has passed), is undefined and never 0.
 */
export function retryAfterMs(header: string | null | undefined, nowWallMs: number): number | undefined {
  const text = header?.trim() ?? '';
  if (SECONDS.test(text)) return sensible(Math.ceil(Number(text)) * 1000);
  if (!HTTP_DATE.test(text)) return undefined;
  // The asctime form carries no zone and means GMT.
  return sensible(Date.parse(text.endsWith('GMT') ? text : `${text} GMT`) - nowWallMs);
}

/** The longest of several, since a proxy may add its own to Defender's: as headers, or in one of them with commas. */
export function longestWaitMs(headers: readonly string[], nowWallMs: number): number | undefined {
  const waits = headers
    .flatMap(
      (header) => retryAfterMs(header, nowWallMs) ?? header.split(',').map((each) => retryAfterMs(each, nowWallMs)),
    )
    .filter((ms) => ms !== undefined);
  return waits.length === 0 ? undefined : Math.max(...waits);
}

/**
 * The seconds in Defender's own words for a 429, `You can send requests again in N seconds`; undefined when it says no
 * such thing.
 */
export function secondsFromMessage(message: string | null | undefined): number | undefined {
  const seconds = Math.ceil(Number(/send requests again in (\d+(?:\.\d+)?) seconds?/i.exec(message ?? '')?.[1]));
  return sensible(seconds * 1000) === undefined ? undefined : seconds;
}

function sensible(ms: number): number | undefined {
  return ms > 0 && ms <= LONGEST_MS ? ms : undefined;
}
