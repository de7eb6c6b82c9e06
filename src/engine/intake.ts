import { oneLine } from '../clean.ts';
import { UsageError } from '../errors.ts';
import type { Intake } from '../intake/rows.ts';
import { MAX_REJECT_TEXT } from '../ledger/field.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { cut } from '../ledger/line.ts';
import type { IntakeFields } from '../ledger/record.ts';

const WHY = { 'not-an-id': 'is not an action ID', 'bad-row': 'is not a whole row' } as const;
const SHOWN = 60;
/** A list that names its actions a hundred times over is not meant, and each repetition is a record. */
const REPEATED_AT_MOST = 100_000;
const REPEATED_PER_ACTION = 100;

export interface IntakeOptions {
  /** Stop at the first row that is not an ID. */
  strict: boolean;
  /** Ends the reading between two rows. */
  signal: AbortSignal;
  /** What messages call the source. */
  name: string;
  /** May throw a UsageError for a row's own comment, before anything of the row is recorded. */
  refuse?: (comment: string, line: number) => void;
  /** Told of a priority that is no number, and so counts as none. */
  onNoPriority?: (text: string, line: number) => void;
}

/** What an intake tells a ledger. */
export type IntakeLedger = Pick<Ledger, 'beginIntake' | 'admit' | 'reject' | 'intake'>;

/**
 * Reads a source to its end into the ledger, which says what is new, known or repeated. The reading counts only with the `intake` record
 * that closes it; rejects with the signal's reason, or the source's UsageError, without writing one.
 */
export async function runIntake(
  ledger: IntakeLedger,
  intake: Intake,
  { strict, signal, name, refuse, onNoPriority }: IntakeOptions,
): Promise<IntakeFields> {
  ledger.beginIntake();
  let admitted = 0;
  let rejected = 0;
  let named = 0;
  let repeated = 0;
  for await (const row of intake) {
    signal.throwIfAborted();
    if (row.kind === 'id') {
      const { id, line, comment, notPriority } = row;
      if (comment !== undefined) refuse?.(comment, line);
      if (notPriority !== undefined) onNoPriority?.(notPriority, line);
      const result = await ledger.admit(row);
      if (result === 'admitted') admitted++;
      if (result !== 'repeated') {
        named++;
        continue;
      }
      rejected++;
      repeated++;
      if (repeated >= REPEATED_AT_MOST && repeated > REPEATED_PER_ACTION * named) {
        throw new UsageError(
          `${name} names the same ${named} action${named === 1 ? '' : 's'} again and again (${repeated} repeated rows up to line ${line}): give each action ID once`,
        );
      }
      await ledger.reject({ line, reason: 'duplicate', text: id });
      continue;
    }
    const text = row.place === undefined ? row.text : cut(`entry ${row.place}: ${row.text}`, MAX_REJECT_TEXT);
    if (strict) {
      throw new UsageError(
        `${name}, line ${row.line}: "${oneLine(text, SHOWN)}" ${WHY[row.reason]}, and --strict-input takes no such row: correct it, ` +
          'or leave the flag out to reject it and go on',
      );
    }
    rejected++;
    await ledger.reject({ line: row.line, reason: row.reason, text });
  }
  const summary = { admitted, rejected, ...intake.summary() };
  await ledger.intake(summary);
  return summary;
}
