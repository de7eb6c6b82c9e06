import { DiskError, UsageError } from '../errors.ts';
import { hasCode, remedyFor, troubleInWords } from '../fs-errors.ts';
import { type ChainBeside, checkChainBeside } from './chain-check.ts';
import { FIRST_RECORD } from './line.ts';
import { LEDGER_FORMAT } from './record.ts';
import { type ChainFault, type Scanned, Scanner, type Sink } from './scanner.ts';

/** What hands out the bytes of a ledger by its name: a store, a disk. Errors are its own, or Node's. */
export interface LedgerSource {
  /** From `offset` on; each chunk is valid until the next is asked for. */
  read(name: string, offset?: number): AsyncIterable<Uint8Array>;
}

/** From so many bytes on the chain is checked beside: below it a thread takes longer to start than it saves. */
const BESIDE_FROM_BYTES = 8 << 20;

/**
 * Puts a ledger through a scanner, up to its end or the first fault; `makeSink` is asked anew for each reading. It is read once where everything holds.
 * Throws a UsageError when there is no such ledger, it never was one, or its format is another than ours, and the signal's reason when that ended it.
 */
export async function scanLedger(
  path: string,
  source: LedgerSource,
  makeSink: () => Sink,
  signal?: AbortSignal,
): Promise<{ scanned: Scanned; torn: string }> {
  let scanner = new Scanner(makeSink());
  const read = () => readOrRefuse(path, source, 0, signal);
  if (!(await scanBeside(read(), scanner))) {
    // Line by line, to know where it is that it does not hold.
    scanner = new Scanner(makeSink());
    for await (const chunk of read()) if (!scanner.push(chunk)) break;
  }
  const found = { scanned: scanner.result, torn: scanner.torn };
  refuseOtherFormat(path, found.scanned.fault);
  await refuseOtherFile(path, read(), found);
  return found;
}

/** Scans with a thread beside for the chain of all but the beginning. False where both do not agree that everything holds: then nothing counts that was scanned. */
async function scanBeside(chunks: AsyncIterable<Uint8Array>, scanner: Scanner): Promise<boolean> {
  let beside: ChainBeside | undefined;
  let before = 0;
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
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

/** The bytes of a ledger from `offset` on. Whatever happens to the file meanwhile is told in a sentence: others may take it away at any moment. */
export async function* readOrRefuse(
  path: string,
  source: LedgerSource,
  offset = 0,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of source.read(path, offset)) {
      signal?.throwIfAborted();
      yield chunk;
    }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw new UsageError(`There is no ledger ${path}: check the name.`, { cause: error });
    if (!(error instanceof Error) || typeof (error as NodeJS.ErrnoException).code !== 'string') throw error;
    const what = `The ledger ${path} cannot be read (${troubleInWords(error)})`;
    if (hasCode(error, 'EIO')) throw new DiskError(`${what}: repair the disk, then run again.`, { cause: error });
    const isFolder = hasCode(error, 'EISDIR');
    const remedy = isFolder ? 'name the ledger in it' : (remedyFor(error) ?? 'name a ledger that this user may read');
    throw new UsageError(`${what}: ${remedy}.`, { cause: error });
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
