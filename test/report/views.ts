import { encodeLine } from '../../src/ledger/line.ts';
import type { LedgerRecord, RecordFields } from '../../src/ledger/record.ts';
import { Projection } from '../../src/ledger/state/projection.ts';
import { createTracer, type LedgerView } from '../../src/report/facts/view.ts';

/** The view of a ledger that holds these records. */
export function viewOf(records: readonly LedgerRecord[], path = 'ledgers/nightly.jsonl'): LedgerView {
  const state = new Projection();
  const tracer = createTracer();
  for (const record of records) {
    const atMs = Date.parse(record.at);
    state.apply(record, atMs);
    tracer.add(record, atMs);
  }
  return { path, state, trace: tracer.trace, head: '00112233445566ff00112233445566ff', intact: true };
}

/** The same records as a ledger's file has them, chained. */
export function ledgerText(records: readonly LedgerRecord[]): string {
  let head = '';
  let text = '';
  for (const { seq, at, kind, chain: _, ...fields } of records) {
    const encoded = encodeLine(head, seq, at, kind, fields as RecordFields[typeof kind]);
    text += encoded.line;
    head = encoded.chain;
  }
  return text;
}
