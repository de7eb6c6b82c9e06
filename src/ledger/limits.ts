import { LONGEST_COMMENT } from '../comment.ts';

/** Names, statuses, types, requestors, moments and codes, as Defender sends them. UTF-16 units, like all lengths here. */
export const LONGEST_NAME = 256;
/** Free text: an outcome's detail. */
export const LONGEST_DETAIL = LONGEST_COMMENT;
/** Of what stood in a rejected row. */
export const LONGEST_REJECT_TEXT = 100;
/** The most that a number of milliseconds may say: beyond it no Date can be. */
export const MOST_MS = 8_640_000_000_000_000;
/**
 * A line longer than this is no record, and is not gathered in memory. Only an `open` record could come near it, by a job with lists of
 * names: it may have {@link LONGEST_RECORD} and is refused before it is written; any other takes less than 10 kB.
 */
export const LONGEST_LINE_BYTES = 1 << 25;
/** UTF-16 units, so at most three times as many bytes. */
export const LONGEST_RECORD = 1 << 22;
/** Nothing that we write is nested deeper than a job is (5). */
export const DEEPEST = 32;
