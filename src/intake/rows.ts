import { commentFault } from '../comment.ts';
import { UsageError } from '../errors.ts';
import { MAX_REJECT_TEXT } from '../ledger/field.ts';
import { cut } from '../ledger/line.ts';
import { parseActionId, withoutApostrophes } from './as-written.ts';

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
  /** In a list of JSON, from 1: its entries may all stand on one line. */
  place?: number;
  /** Whether an ID is a duplicate is for the ledger to say, which remembers them. */
  reason: 'not-an-id' | 'bad-row';
  /** The beginning of what stood there, as long as a ledger keeps it. */
  text: string;
}

/** A source being read: rows in order, and once they have all been taken, what was read. Can be iterated once. */
export interface Intake extends AsyncIterable<IntakeRow> {
  /** Bytes and their SHA-256 (hex), as they came, before any decoding. Throws an Error before the rows have ended. */
  summary(): { bytes: number; sha256: string };
  /** Sentences about what was read that its reader should know, once the rows have all been taken. */
  remarks(): readonly string[];
}

/** One row as it stands in a source, of whatever form. */
export interface WrittenRow {
  line: number;
  place?: number | undefined;
  /** Where the row names its action. */
  id: string;
  comment?: string | undefined;
  priority?: string | undefined;
  /** All of the row, for when it is none. */
  text: string;
}

/** Throws a UsageError for a comment that cannot be sent. `name` is what messages call the source. */
export function toRow(row: WrittenRow, name: string): IntakeRow {
  const { line, comment: given = '' } = row;
  const id = parseActionId(row.id);
  if (id === undefined) return rejected('not-an-id', row);
  const comment = withoutApostrophes(given.trim());
  const priority = row.priority === undefined ? undefined : priorityOf(row.priority);
  if (comment === '') return { kind: 'id', id, line, ...priority };
  const fault = commentFault(comment);
  if (fault !== undefined) {
    throw new UsageError(`${whereIs(row, name)}: the comment ${fault}; correct it and run again`);
  }
  return { kind: 'id', id, line, comment, ...priority };
}

const NUMBER = /^[+-]?(?:\d{1,15}(?:\.\d{0,15})?|\.\d{1,15})$/;

/** Empty is none, and so is 0. */
function priorityOf(written: string): Pick<IdRow, 'priority' | 'notPriority'> {
  const text = withoutApostrophes(written.trim());
  if (text === '') return {};
  if (!NUMBER.test(text)) return { notPriority: cut(text, MAX_REJECT_TEXT) };
  const priority = Number(text);
  return priority === 0 ? {} : { priority };
}

export function rejected(
  reason: RejectedRow['reason'],
  { line, place, text }: Pick<WrittenRow, 'line' | 'place' | 'text'>,
): RejectedRow {
  const row: RejectedRow = { kind: 'reject', line, reason, text: cut(text, MAX_REJECT_TEXT) };
  return place === undefined ? row : { ...row, place };
}

/** As messages name a row. */
export function whereIs({ line, place }: Pick<WrittenRow, 'line' | 'place'>, name: string): string {
  return `${name}, line ${line}${place === undefined ? '' : `, entry ${place}`}`;
}
