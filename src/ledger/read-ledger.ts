import { DamageError, DiskError, UsageError } from '../errors.ts';
import { hasCode, remedyFor, troubleInWords } from '../fs-errors.ts';
import { type ChainBeside, checkChainBeside } from './chain-beside.ts';
import { FIRST_RECORD } from './line.ts';
import { LEDGER_FORMAT, type LedgerRecord } from './record.ts';
import { type ChainFault, type Scanned, Scanner, type Sink } from './scanner.ts';
import { Projection } from './state/projection.ts';
import type { RunState } from './state/run-state.ts';

/** What hands out the bytes of a ledger by its name: a store, a disk. Errors are its own, or Node's. */
export interface LedgerSource {
  /** From `offset` on; each chunk is valid until the next is asked for. */
  read(name: string, offset?: number): AsyncIterable<Uint8Array>;
}

/** Whoever wants every record as it is read or written, in their order. */
export interface RecordSink {
  /** The next record, written at `atMs` (epoch ms). */
  add(record: LedgerRecord, atMs: number): void;
  /** The next record is a plain `admit`. */
  admitted(): void;
  /** What came so far belongs to a ledger that was set aside: another one begins. */
  restart(): void;
}

export interface LedgerFacts {
  records: number;
  /** Wall clock of the first and last record, epoch ms; undefined without records. */
  from: number | undefined;
  to: number | undefined;
  /** The last chain value; empty without records. */
  head: string;
  /** Bytes after the last newline: a write that was cut off, or that is going on just now. Not damage. */
  tornBytes: number;
  /** The first line that does not fit; everything else here, and the state, is of the lines before it. */
  fault: ChainFault | undefined;
}

export interface ReadLedger extends LedgerFacts {
  state: RunState;
}

/**
 * Reads a ledger without a lock and without writing anything; stops before a torn tail and at the first line that does not fit.
 * Throws a UsageError when there is no such file, it never was a ledger, or its format is another than ours.
 */
export async function readLedger(name: string, source: LedgerSource): Promise<ReadLedger> {
  const { state, scanned } = await project(name, source);
  return { state, ...factsOf(state, scanned) };
}

/** The reading itself, for the reader and for whoever opens the ledger to write. */
export async function project(
  path: string,
  source: LedgerSource,
  trace?: RecordSink,
): Promise<{ state: Projection; scanned: Scanned; torn: string }> {
  let state = new Projection();
  const { scanned, torn } = await scanLedger(path, source, () => {
    const begun = new Projection();
    state = begun;
    if (trace === undefined) {
      return {
        apply: (record, atMs) => begun.apply(record, atMs),
        admitted: (seq, atMs, id, line) => begun.admitted(seq, atMs, id, line),
      };
    }
    trace.restart();
    return {
      apply(record, atMs) {
        begun.apply(record, atMs);
        trace.add(record, atMs);
      },
      admitted(seq, atMs, id, line) {
        begun.admitted(seq, atMs, id, line);
        trace.admitted();
      },
    };
  });
  return { state, scanned, torn };
}

/** From so many bytes on the chain is checked beside: below it a thread takes longer to start than it saves. */
const BESIDE_FROM_BYTES = 8 << 20;

/** Puts a file through a scanner, up to its end or the first fault; `makeSink` is asked anew for each reading. Throws as {@link readLedger} does. */
async function scanLedger(
  path: string,
  source: LedgerSource,
  makeSink: () => Sink,
): Promise<{ scanned: Scanned; torn: string }> {
  let scanner = new Scanner(makeSink());
  if (!(await scanBeside(path, source, scanner))) {
    // Line by line, to know where it is that it does not hold.
    scanner = new Scanner(makeSink());
    for await (const chunk of readOrRefuse(path, source)) if (!scanner.push(chunk)) break;
  }
  const read = { scanned: scanner.result, torn: scanner.torn };
  refuseOtherFormat(path, read.scanned.fault);
  await refuseOtherFile(path, readOrRefuse(path, source), read);
  return read;
}

/** Scans with a thread beside for the chain of all but the beginning. False where both do not agree that everything holds: then nothing counts that was scanned. */
async function scanBeside(path: string, source: LedgerSource, scanner: Scanner): Promise<boolean> {
  let beside: ChainBeside | undefined;
  let before = 0;
  let bytes = 0;
  try {
    for await (const chunk of readOrRefuse(path, source)) {
      beside?.push(chunk);
      if (!scanner.push(chunk)) break;
      bytes += chunk.length;
      if (beside !== undefined || bytes < BESIDE_FROM_BYTES) continue;
      before = scanner.result.records;
      beside = checkChainBeside(scanner.leaveChain());
    }
    if (beside === undefined) return true;
    const { fault, records, head } = scanner.result;
    if (fault !== undefined) return false;
    const found = await beside.end();
    return found !== undefined && !found.broken && found.lines === records - before && found.head === head;
  } finally {
    await beside?.[Symbol.asyncDispose]();
  }
}

/** Throws a DamageError (exit 12) when there is a fault. */
export function throwIfDamaged(path: string, fault: ChainFault | undefined): void {
  if (fault === undefined) return;
  throw new DamageError(
    `The ledger ${path} is damaged: line ${fault.line} ${fault.what}. Nothing was sent; look at it, or restore the file from a copy.`,
  );
}

function refuseOtherFormat(path: string, fault: ChainFault | undefined): void {
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

function factsOf(state: Projection, { records, head, tornBytes, fault }: Scanned): LedgerFacts {
  const [from, to] = records === 0 ? [] : [state.firstAtMs, state.lastAtMs];
  return { records, from, to, head, tornBytes, fault };
}

/** The bytes of a ledger from `offset` on. Whatever happens to the file meanwhile is told in a sentence: others may take it away at any moment. */
export async function* readOrRefuse(path: string, source: LedgerSource, offset = 0): AsyncGenerator<Uint8Array> {
  try {
    yield* source.read(path, offset);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw new UsageError(`There is no ledger ${path}: check the name.`, { cause: error });
    if (!(error instanceof Error) || typeof (error as NodeJS.ErrnoException).code !== 'string') throw error;
    const what = `The ledger ${path} cannot be read (${troubleInWords(error)})`;
    if (hasCode(error, 'EIO')) throw new DiskError(`${what}: repair the disk, then run again.`, { cause: error });
    throw new UsageError(`${what}: ${remedyFor(error) ?? 'name a ledger that this user may read'}.`, { cause: error });
  }
}

const ANY_RECORD = /\n\{"seq":\d+,"at":"/;

/** Longer than what the pattern takes. */
const OVERLAP = 64;

/** A first write that was cut off, or nothing at all, is nothing lost; any other text without a newline is somebody's file. */
export function isBeginning(torn: string): boolean {
  return torn.startsWith(FIRST_RECORD) || FIRST_RECORD.startsWith(torn);
}

/**
 * Throws a UsageError for a file that never was a ledger: its first line does not fit, and no line looks like a record. A ledger whose
 * first lines were lost or changed is left to whoever calls it damaged. `again` reads it once more from its beginning, where that is needed.
 */
async function refuseOtherFile(
  path: string,
  again: AsyncIterable<Uint8Array>,
  { scanned, torn }: { scanned: Scanned; torn: string },
): Promise<void> {
  if (scanned.records > 0 || (scanned.fault === undefined && isBeginning(torn))) return;
  let before = '\n';
  for await (const chunk of again) {
    const text = before + Buffer.from(chunk).toString('latin1');
    if (ANY_RECORD.test(text)) return;
    before = text.slice(-OVERLAP);
  }
  throw new UsageError(
    `${path} is not a ledger: none of its lines is a record of one. Name a ledger (.jsonl) that plan or run has written. Action IDs as JSON Lines are a source under another name (.json), or piped into countermand run -.`,
  );
}

export interface CheckedLedger extends LedgerFacts {
  /** Where the head that was asked for stands; undefined when none was asked for. */
  headFound: HeadFound | undefined;
}

/**
 * `last`: at the last record, as it should. `earlier`: at this line, and more was written behind it. `absent`: nowhere, so records
 * were removed from the end, or it is the head of another ledger.
 */
export type HeadFound = { kind: 'last' } | { kind: 'earlier'; line: number } | { kind: 'absent' };

/**
 * Checks the whole of a ledger against its chain, and its last chain value against a `head` noted earlier (32 hex digits, in lower case). Neither takes a
 * lock nor writes. Throws a UsageError when there is no such file or its format is another than ours.
 */
export async function checkLedger(name: string, source: LedgerSource, wanted?: string): Promise<CheckedLedger> {
  const head = wanted?.trim().toLowerCase();
  let line: number | undefined;
  let [from, to]: [number | undefined, number | undefined] = [undefined, undefined];
  const { scanned } = await scanLedger(name, source, () => {
    line = from = to = undefined;
    return {
      apply(_record, atMs) {
        from ??= atMs;
        to = atMs;
      },
      linked(seq, chain) {
        if (chain === head) line = seq;
      },
    };
  });
  const { records, tornBytes, fault } = scanned;
  const headFound = head === undefined ? undefined : whereIs(line, records);
  return { records, from, to, head: scanned.head, tornBytes, fault, headFound };
}

function whereIs(line: number | undefined, records: number): HeadFound {
  if (line === undefined) return { kind: 'absent' };
  return line === records ? { kind: 'last' } : { kind: 'earlier', line };
}
