import { UsageError } from '../errors.ts';
import type { Disk } from '../ledger/disk.ts';
import { hasCode } from '../ledger/file-disk.ts';
import { Projection } from '../ledger/projection.ts';
import { LEDGER_FORMAT } from '../ledger/record.ts';
import { Scanner } from '../ledger/scanner.ts';
import { createTracer } from './trace.ts';
import type { LedgerView } from './view.ts';

/**
 * Reads a ledger once for a report, without its lock: one that grows meanwhile is reported as it stood when its end was
 * reached. A damaged one is reported up to the damage, with `intact` false.
 * Throws a UsageError for a file that is no ledger, or one of a newer format.
 */
export async function readView(disk: Pick<Disk, 'read'>, path: string): Promise<LedgerView> {
  const book = new Projection();
  const tracer = createTracer();
  const scanner = new Scanner({
    apply(record, atMs) {
      if (record.kind === 'open' && record.format > LEDGER_FORMAT) {
        throw new UsageError(
          `The ledger ${path} has format ${record.format}, and this version reads up to ${LEDGER_FORMAT}: use the version that wrote it (${record.tool}) or a newer one.`,
        );
      }
      book.apply(record, atMs);
      tracer.add(record, atMs);
    },
    admitted(seq, atMs, id, line) {
      book.admitted(seq, atMs, id, line);
      tracer.admitted();
    },
  });
  try {
    for await (const chunk of disk.read(path)) if (!scanner.push(chunk)) break;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw new UsageError(`There is no ledger ${path}: check the name.`, { cause: error });
    throw error;
  }
  const { head, fault, tornBytes } = scanner.result;
  if (book.sessions.length === 0) {
    throw new UsageError(
      `${path} holds no ledger record that could be read: name a ledger that plan or run has written.`,
    );
  }
  let integrityNote: string | undefined;
  if (fault !== undefined) integrityNote = `line ${fault.line} ${fault.what}; only what stands before it is reported`;
  else if (tornBytes > 0)
    integrityNote = 'the last line is torn and left out: the ledger is being written, or its writer was killed';
  return { path, book, trace: tracer.trace, head, intact: fault === undefined, integrityNote };
}
