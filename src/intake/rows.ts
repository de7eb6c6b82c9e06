/** What one row of a source is: an action ID, or something that is not one. Rows that hold nothing are not mentioned. */
export type IntakeRow = IdRow | RejectedRow;

export interface IdRow {
  kind: 'id';
  /** Lower-case GUID. */
  id: string;
  /** Line on which the row begins, from 1; for a query, the place in its answer. */
  line: number;
  /** The row's own comment. */
  comment?: string;
  /** The row's own: higher goes first, none is 0. */
  priority?: number;
  /** What stands in its place and is no number, which counts as none. */
  notPriority?: string;
}

interface RejectedRow {
  kind: 'reject';
  line: number;
  /** Whether an ID is a duplicate is for the ledger to say, which remembers them. */
  reason: 'not-an-id' | 'bad-row';
  /** The beginning of what stood there, as long as a ledger keeps it. */
  text: string;
}

/** A source being read: rows in order, and once they have all been taken, what was read. Can be iterated once. */
export interface Intake extends AsyncIterable<IntakeRow> {
  /** Bytes and their SHA-256 (hex), as they came, before any decoding. Throws an Error before the rows have ended. */
  summary(): { bytes: number; sha256: string };
}
