import { isIsoTime } from '../../ledger/field.ts';
import { decodeLine, FIRST_RECORD } from '../../ledger/line.ts';
import { LineCutter } from '../../ledger/line-cutter.ts';
import type { LedgerRecord, RecordKind } from '../../ledger/record.ts';
import { fieldsFault } from '../../ledger/record-fields.ts';
import type { Disk } from './disk.ts';

const NEWLINE = 10;

const BEGINNING = Buffer.from(FIRST_RECORD);

/** `kind` stands this near the beginning of a line, whatever its `seq`. */
const KIND_WITHIN_BYTES = 80;

/**
 * The records of some kinds, without checking the chain and without parsing the other lines: for what must be quick, or must
 * make the best of a ledger that is damaged. Their fields are checked as ever, but for the job, of which nothing is asked here. A line that looks
 * like one of these kinds but cannot be read is given as its line number.
 * Yields nothing for a file that is no ledger.
 */
export async function* readKinds(
  path: string,
  disk: Disk,
  kinds: readonly RecordKind[],
): AsyncGenerator<LedgerRecord | number> {
  const wanted = kinds.map((kind) => `"kind":"${kind}"`);
  const cutter = new LineCutter();
  let number = 0;
  let begun = false;
  for await (const chunk of disk.read(path)) {
    if (!begun && !isBeginning(chunk)) return;
    begun = true;
    const block = cutter.push(chunk);
    for (let from = 0; block !== undefined && from < block.length; ) {
      const to = block.indexOf(NEWLINE, from);
      number++;
      const envelope = block.toString('latin1', from, Math.min(to, from + KIND_WITHIN_BYTES));
      if (wanted.some((kind) => envelope.includes(kind))) yield recordIn(block.toString('utf8', from, to)) ?? number;
      from = to + 1;
    }
    if (cutter.tooLong) return;
  }
}

/** Whatever number it has: lines before it may be lost. */
function recordIn(line: string): LedgerRecord | undefined {
  const record = decodeLine(line);
  if (record === undefined || !isIsoTime(record.at)) return undefined;
  const fault = fieldsFault(record.kind, record as unknown as Readonly<Record<string, unknown>>, ['job']);
  return fault === undefined ? record : undefined;
}

function isBeginning(chunk: Uint8Array): boolean {
  const length = Math.min(chunk.length, BEGINNING.length);
  return BEGINNING.subarray(0, length).equals(chunk.subarray(0, length));
}
