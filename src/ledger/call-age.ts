import { CLOCK_DOUBT_MS, LATEST_COUNT_MS } from '../quota/call-times.ts';
import type { PastCall } from './state/run-state.ts';

/** What the clocks show now (epoch ms), of which none is believed for itself. */
export interface ClocksNow {
  /** This machine's. */
  wallMs: number;
  /** Defender's; undefined where nobody was asked, or the answer had no date that can be one. */
  defenderMs: number | undefined;
  /** That of the file system with the ledgers; undefined where nothing was written to it just now. */
  fileMs: number | undefined;
}

/** For who can ask no other clock. */
export function byOurClock(wallMs: number): ClocksNow {
  return { wallMs, defenderMs: undefined, fileMs: undefined };
}

/**
 * How long ago (ms) Defender may have counted a past call at the latest: the one judgement on which calls are over and which still count, for what is read
 * from ledgers and for what the quota is filled with. The wall clock decides here what happens across a restart, and it is doubted in the one direction that matters: a call must never look older than it is. So the
 * age is the least that any clock shows, each compared with itself:
 *
 * - our clock now and the record's time;
 * - Defender's clock now and the record's time moved by the skew that the reply showed. A reply without a `Date` has the skew before it, a call
 *   without an answer takes the largest there is. Where Defender's clock is not known now, such a skew may make a call younger, never older;
 * - the file system's clock now and then: the file's modification time belongs to its last record.
 *
 * As long as one of them ran true between the call and now, the call is no older than the result. A record from the future counts as now. What was not
 * answered counts until {@link LATEST_COUNT_MS} after its intent. From all of it the doubt is taken off that small skews, which are not recorded, leave:
 * four seconds that a resumed run waits once. So an age may be negative: the call may count yet.
 */
export function leastAgeMs(call: PastCall, now: ClocksNow, largestSkewMs: number): number {
  const answered = call.repliedAtMs !== undefined && !call.unanswered;
  const skewMs = answered ? call.skewMs : largestSkewMs;
  const ageOf = (atMs: number) => {
    const byDefender =
      now.defenderMs === undefined ? now.wallMs - Math.max(0, skewMs) - atMs : now.defenderMs - skewMs - atMs;
    const byFile = now.fileMs === undefined ? Number.POSITIVE_INFINITY : now.fileMs - (call.fileAheadMs ?? 0) - atMs;
    return Math.max(0, Math.min(now.wallMs - atMs, byDefender, byFile));
  };
  const replyAgeMs = call.repliedAtMs === undefined ? Number.POSITIVE_INFINITY : ageOf(call.repliedAtMs);
  const ageMs = answered ? replyAgeMs : Math.min(replyAgeMs, ageOf(call.intentAtMs) - LATEST_COUNT_MS);
  return ageMs - CLOCK_DOUBT_MS;
}

/** The largest of the skews that calls have, this machine's own included. */
export function largestSkewOf(skewsMs: Iterable<number>, { wallMs, defenderMs }: ClocksNow): number {
  let largest = Math.max(0, (defenderMs ?? wallMs) - wallMs);
  for (const skewMs of skewsMs) largest = Math.max(largest, skewMs);
  return largest;
}

/** The clock that shows the least: what is older than a span by it is so by each of them. */
export function slowestOf({ wallMs, defenderMs, fileMs }: ClocksNow): number {
  return Math.min(wallMs, defenderMs ?? wallMs, fileMs ?? wallMs);
}
