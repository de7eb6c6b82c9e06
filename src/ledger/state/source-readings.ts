import type { IntakeFields, RejectReason } from '../record.ts';
import type { Marked } from './run-state.ts';

/**
 * How far the source was read, and how often. A reading begins with the first of its records (`admit`, `reject`, or `intake`
 * where it held nothing) after the end of another, or in a later session, and ends with its `intake`.
 */
export class SourceReadings {
  readonly ended: Marked<IntakeFields>[] = [];
  /** Rejected rows of the last reading. */
  rejected: Record<RejectReason, number> = noRejects();
  /** One was begun and not ended. */
  unfinished = false;
  /** Readings begun by this process. */
  number = 0;
  /** The last of them that ended. */
  lastEnded = 0;
  /** The session whose reading the rejects belong to; 0 once that reading has ended. */
  #session = 0;

  /** The next row, reject or end of reading belongs to a new one. */
  begin(): void {
    this.number++;
    this.#session = 0;
  }

  /** Takes note of a row. */
  row(session: number): void {
    this.unfinished = true;
    if (this.#session === session) return;
    this.#session = session;
    this.rejected = noRejects();
  }

  end({ admitted, rejected, bytes, sha256 }: IntakeFields, atMs: number, session: number): void {
    this.row(session);
    this.ended.push({ admitted, rejected, bytes, sha256, atMs, session });
    this.#session = 0;
    this.unfinished = false;
    this.lastEnded = this.number;
  }
}

function noRejects(): Record<RejectReason, number> {
  return { 'not-an-id': 0, 'bad-row': 0, duplicate: 0 };
}
