import { encodeLine } from '../../src/ledger/line.ts';
import type { LedgerRecord, RecordFields, RecordKind } from '../../src/ledger/record.ts';

/** The complete lines of a ledger's bytes, without what a write left torn. */
export function wholeLines(bytes: Buffer): string[] {
  const text = bytes.toString('utf8');
  const end = text.lastIndexOf('\n');
  return end < 0 ? [] : text.slice(0, end).split('\n');
}

/** The chain value of the last complete line; empty without one. */
export function headOf(bytes: Buffer): string {
  const last = wholeLines(bytes).at(-1);
  return last === undefined ? '' : (JSON.parse(last) as LedgerRecord).chain;
}

/** The IDs that a ledger's complete lines admit, read by a stranger. */
export function admittedIn(bytes: Buffer): Set<string> {
  const ids = new Set<string>();
  for (const line of wholeLines(bytes)) {
    const record = JSON.parse(line) as LedgerRecord;
    if (record.kind === 'admit') ids.add(record.id);
  }
  return ids;
}

/** Lines whose chain goes on rightly from what is there: whoever can write the file can do that. */
export class Scribe {
  #lines: string[];
  #chain: string;

  constructor(bytes: Buffer = Buffer.alloc(0)) {
    this.#lines = wholeLines(bytes);
    this.#chain = headOf(bytes);
  }

  get bytes(): Buffer {
    return Buffer.from(this.#lines.map((line) => `${line}\n`).join(''));
  }

  /** `fields` may be anything: a forger keeps to no types. */
  write(kind: RecordKind, fields: Record<string, unknown>, atMs: number): void {
    const at = new Date(atMs).toISOString();
    const { line, chain } = encodeLine(
      this.#chain,
      this.#lines.length + 1,
      at,
      kind,
      fields as unknown as RecordFields[RecordKind],
    );
    this.#lines.push(line.slice(0, -1));
    this.#chain = chain;
  }
}
