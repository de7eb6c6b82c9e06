import { checkLedger } from '../../src/ledger/read-ledger.ts';
import { readView } from '../../src/run/read-view.ts';
import { NO_TROUBLE } from './disk.ts';
import { fold } from './ledger-end.ts';
import { LEDGER, SECOND_LEDGER, type WorldState } from './state.ts';

/** What must hold in the end: of the ledger that was gone on with until nothing was left, and of its neighbour as its last session left it. */
export async function checkEnd(state: WorldState): Promise<void> {
  const { refusedAlone } = state.defender;
  state.emit('refused', refusedAlone);
  for (const path of [LEDGER, SECOND_LEDGER]) {
    if (state.failure !== undefined) return;
    const watch = state.files.watchAt(path);
    if (watch !== undefined && watch.written.length > 0 && !state.files.mayBeDamaged(path)) {
      await state.until(checkLedgerEnd(state, path));
    }
  }
}

async function checkLedgerEnd(state: WorldState, path: string): Promise<void> {
  const disk = state.disk.of(state.processes.start('reader', undefined), () => NO_TROUBLE);
  const watch = state.files.watchAt(path);
  if (watch === undefined) return;
  const checked = await checkLedger(path, disk);
  if (checked.fault !== undefined) {
    state.emit('damaged', `line ${checked.fault.line} ${checked.fault.what}`);
    return;
  }
  const records = watch.written.map(({ record }) => record);
  if (checked.records !== records.length) {
    state.emit('damaged', `${checked.records} records are read and ${records.length} were written`);
    return;
  }
  state.emit('end', {
    watch,
    records,
    folded: fold(records, (session) => state.retriedIn(watch.run, session)),
    view: await readView(disk, path),
    nowMs: Date.now(),
    settled: path === LEDGER,
    secrets: [...state.authority.issued.keys()],
    logs: state.logs,
    isOdd: (id) => state.isOdd(id),
  });
}
