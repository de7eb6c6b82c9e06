import { type Forgery, forge } from './forge.ts';
import { jobOf } from './job.ts';
import { runToEnd } from './operator.ts';
import { Random } from './seed.ts';
import { startSession } from './session.ts';
import { LEDGER, type WorldState } from './state.ts';

/** Somebody left a ledger for the operator, who goes on with it, sees what comes of it, and puts it away. */
export async function playForgedLedger(state: WorldState, forgery: Forgery): Promise<void> {
  const random = new Random(forgery.seed).fork('operator');
  // Actions that the operator was never asked about.
  const ids = Array.from({ length: random.int(1, 40) }, (_, index) => {
    const id = random.uuid();
    state.defender.add(id, { known: true, index: 10_000 + index });
    return id;
  });
  const { bytes, damaged } = forge(forgery, ids, jobOf(state.scenario, LEDGER), Date.now());
  const inode = state.disk.putByHand(LEDGER, bytes);
  if (damaged) state.files.foreign.add(inode);
  state.files.handled.add(inode);
  state.trace.add(`a forged ledger: ${forgery.what}`);
  state.files.readAnew(inode);
  for (const kind of ['resume', 'verify'] as const) {
    const process = state.processes.start('forged', undefined);
    const stream = `forged-${process.pid}`;
    await runToEnd(state, process, startSession(state, process, { kind, missing: 'keep', stream }));
    if (state.failure !== undefined) return;
  }
  state.disk.unlinkByHand(LEDGER);
  await state.time.pass(4 * 3_600_000);
}
