import { UsageError } from '../errors.ts';
import { project, type ReadLedger, throwIfDamaged } from '../ledger/read-ledger.ts';
import type { LedgerSource } from '../ledger/scan-ledger.ts';
import { createTracer, type LedgerView, type Trace } from '../report/facts/view.ts';

/**
 * Reads a ledger once for a report, without its lock: one that grows meanwhile is reported as it stood when its end was
 * reached. A damaged one is reported up to the damage, with `intact` false.
 * Throws a UsageError for a file that is no ledger, or one of another format, and a DamageError where nothing stands before the damage.
 */
export async function readView(source: LedgerSource, path: string): Promise<LedgerView> {
  const view = await readWhatStands(source, path);
  if (view.state.sessions.length === 0) {
    throwIfDamaged(path, view.fault);
    throw new UsageError(`${path} holds no ledger record: name a ledger that plan or run has written.`);
  }
  return view;
}

/** As {@link readView}, also where nothing stands before the damage, or nothing was written yet. */
export async function readWhatStands(source: LedgerSource, path: string): Promise<LedgerView> {
  const tracer = createTracer();
  return viewOf(path, await project(path, source, { trace: tracer }), tracer.trace);
}

/** A ledger that was read, as a report sees it. */
export function viewOf(path: string, { state, head, fault, tornBytes }: ReadLedger, trace: Trace): LedgerView {
  let integrityNote: string | undefined;
  if (fault !== undefined) integrityNote = `line ${fault.line} ${fault.what}; only what stands before it is reported`;
  else if (tornBytes > 0)
    integrityNote = 'the last line is torn and left out: the ledger is being written, or its writer was killed';
  else if (state.sessions[0]?.opened.redacted === true)
    integrityNote = 'a copy with its names taken out, and its chain made anew';
  return { path, state, trace, head, intact: fault === undefined, fault, integrityNote };
}
