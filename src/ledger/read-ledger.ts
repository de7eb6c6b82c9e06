import { remedyFor, troubleInWords } from '../disk-trouble.ts';
import { DamageError, DiskError, UsageError } from '../errors.ts';
import type { Book } from './book.ts';
import type { Disk } from './disk.ts';
import { hasCode } from './file-disk.ts';
import { Projection } from './projection.ts';
import { LEDGER_FORMAT, type LedgerRecord } from './record.ts';
import { refuseOtherFile } from './refuse-other-file.ts';
import { type Fault, type Scanned, Scanner, type Sink } from './scanner.ts';

export interface LedgerFacts {
  records: number;
  /** Wall clock of the first and last record, epoch ms; undefined without records. */
  from: number | undefined;
  to: number | undefined;
  /** The last chain value; empty without records. */
  head: string;
  /** Bytes after the last newline: a write that was cut off, or that is going on just now. Not damage. */
  tornBytes: number;
  /** The first line that does not fit; everything else here, and the book, is of the lines before it. */
  fault: Fault | undefined;
}

export interface ReadLedger extends LedgerFacts {
  book: Book;
}

/**
 * Reads a ledger without a lock and without writing anything; stops before a torn tail and at the first line that does not fit.
 * Throws a UsageError when there is no such file, it never was a ledger, or its format is another than ours.
 */
export async function readLedger({ path, disk }: { path: string; disk: Disk }): Promise<ReadLedger> {
  const { book, scanned } = await project(path, disk);
  return { book, ...factsOf(book, scanned) };
}

/** The reading itself, for the reader and for whoever opens the ledger to write. */
export async function project(
  path: string,
  disk: Pick<Disk, 'read'>,
): Promise<{ book: Projection; scanned: Scanned; torn: string }> {
  const book = new Projection();
  const { scanned, torn } = await scanFile(path, disk, {
    apply: (record, atMs) => book.apply(record, atMs),
    admitted: (seq, atMs, id, line) => book.admitted(seq, atMs, id, line),
  });
  return { book, scanned, torn };
}

/** Puts a file through a scanner, up to its end or the first fault. Throws as {@link readLedger} does. */
export async function scanFile(
  path: string,
  disk: Pick<Disk, 'read'>,
  sink: Sink,
): Promise<{ scanned: Scanned; torn: string }> {
  const scanner = new Scanner(sink);
  for await (const chunk of readOrRefuse(path, disk)) if (!scanner.push(chunk)) break;
  const read = { scanned: scanner.result, torn: scanner.torn };
  refuseOtherFormat(path, read.scanned.fault);
  await refuseOtherFile(path, readOrRefuse(path, disk), read);
  return read;
}

/** The records one at a time, checked against the chain. Throws a DamageError at a line that does not fit; a torn tail is left out. */
export async function* readRecords({ path, disk }: { path: string; disk: Disk }): AsyncGenerator<LedgerRecord> {
  const records: LedgerRecord[] = [];
  const scanner = new Scanner({
    apply: (record) => void records.push(record),
  });
  for await (const chunk of readOrRefuse(path, disk)) {
    scanner.push(chunk);
    yield* records.splice(0);
    refuseOtherFormat(path, scanner.result.fault);
    throwIfDamaged(path, scanner.result.fault);
  }
}

/** Throws a DamageError (exit 12) when there is a fault. */
export function throwIfDamaged(path: string, fault: Fault | undefined): void {
  if (fault === undefined) return;
  throw new DamageError(
    `The ledger ${path} is damaged: line ${fault.line} ${fault.what}. Nothing was sent; look at it, or restore the file from a copy.`,
  );
}

function refuseOtherFormat(path: string, fault: Fault | undefined): void {
  if (fault?.other === undefined) return;
  const { format, tool = 'the version that wrote it' } = fault.other;
  const advice =
    format < LEDGER_FORMAT
      ? `format ${format} was never released, so make a new ledger with plan or run`
      : `use ${tool}, or a newer one`;
  throw new UsageError(
    `The ledger ${path} has format ${format} (line ${fault.line}), and this version reads only format ${LEDGER_FORMAT}: ${advice}.`,
  );
}

function factsOf(book: Projection, { records, head, tornBytes, fault }: Scanned): LedgerFacts {
  const [from, to] = records === 0 ? [] : [book.firstAtMs, book.lastAtMs];
  return { records, from, to, head, tornBytes, fault };
}

/** The bytes of a ledger from `offset` on. Whatever happens to the file meanwhile is told in a sentence: others may take it away at any moment. */
export async function* readOrRefuse(path: string, disk: Pick<Disk, 'read'>, offset = 0): AsyncGenerator<Uint8Array> {
  try {
    yield* disk.read(path, offset);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw new UsageError(`There is no ledger ${path}: check the name.`, { cause: error });
    if (!(error instanceof Error) || typeof (error as NodeJS.ErrnoException).code !== 'string') throw error;
    const what = `The ledger ${path} cannot be read (${troubleInWords(error)})`;
    if (hasCode(error, 'EIO')) throw new DiskError(`${what}: repair the disk, then run again.`, { cause: error });
    throw new UsageError(`${what}: ${remedyFor(error) ?? 'name a ledger that this user may read'}.`, { cause: error });
  }
}
