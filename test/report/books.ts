import { Projection } from '../../src/ledger/projection.ts';
import type { LedgerRecord } from '../../src/ledger/record.ts';
import { createTracer } from '../../src/report/trace.ts';
import type { LedgerView } from '../../src/report/view.ts';

/** The view of a ledger that holds these records. */
export function viewOf(records: readonly LedgerRecord[], path = 'ledgers/nightly.jsonl'): LedgerView {
  const book = new Projection();
  const tracer = createTracer();
  for (const record of records) {
    const atMs = Date.parse(record.at);
    book.apply(record, atMs);
    tracer.add(record, atMs);
  }
  return { path, book, trace: tracer.trace, head: '00112233445566ff', intact: true };
}
