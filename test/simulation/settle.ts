import { OUTCOMES, type Outcome } from '../../src/ledger/outcomes.ts';
import type { LedgerWatch } from './ledger-watch.ts';
import type { Command } from './program.ts';
import { startSession } from './session.ts';
import { LEDGER, LONGEST_SESSION_MS, type WorldState } from './state.ts';

const SETTLE_SESSIONS = 24;

/** No more faults: sessions until nothing is left, each within its time. */
export async function settle(state: WorldState): Promise<void> {
  state.isCalm = true;
  state.clocks.lie(undefined);
  state.trace.add('calm');
  const isOver = () => state.failure !== undefined || !state.processes.someoneLives();
  if (!(await state.time.runUntil(isOver, LONGEST_SESSION_MS)))
    state.emit('stall', 'a session does not come to an end');
  let waitMs = 90_000;
  let wasFinished = false;
  let refused = false;
  for (let n = 0; n < SETTLE_SESSIONS && state.failure === undefined; n++) {
    await state.time.pass(waitMs);
    if (state.files.mayBeDamaged(LEDGER)) clearAway(state);
    const process = state.processes.start('calm', undefined);
    const watch = state.files.watchAt(LEDGER);
    const isThere =
      watch?.hasIntake === true || (watch !== undefined && watch.run !== '' && state.scenario.source === 'query');
    const left = watch === undefined ? [] : openActions(state, watch);
    // A finished run is done with again by looking, and where that tells nothing, by trying once more.
    const looks = wasFinished && left.length > 0 && state.scenario.reads;
    const retry = looks && n % 2 === 1 ? ['unknown', 'unconfirmed'] : [];
    const begunMs = state.now();
    const callsBefore = state.calls;
    const kind: Command['kind'] = !isThere || refused ? 'run' : looks && n % 2 === 0 ? 'verify' : 'resume';
    const code: number | undefined = await state.until(
      startSession(state, process, { kind, retry, missing: 'withdraw', calm: true }),
    );
    if (state.failure !== undefined) return;
    const afterLies = state.scenario.honestClock !== 'both' || state.history.hasForgotten;
    state.emit('calm', { tookMs: state.now() - begunMs, calls: state.calls - callsBefore, afterLies });
    // Half a list is refused: it is to be given anew. A plan from a lying clock's future or past cannot be started at all.
    if (code === 2 && kind === 'run' && afterLies) clearAway(state);
    refused = code === 2;
    if (code === 11) waitMs = Math.min(waitMs * 2, 6 * 3_600_000);
    else if (code === 0 || code === 3) {
      wasFinished = true;
      if (isSettled(state)) return;
      waitMs = 700_000;
    } else if (code === 4 && !state.scenario.reads) return;
    else waitMs = 90_000;
  }
  const watch = state.files.watchAt(LEDGER);
  state.emit('unsettled', watch === undefined ? state.ids.length : openActions(state, watch).length);
}

/** What a hand has spoilt, or nobody can start any more, is put aside, and the run begun anew. */
function clearAway(state: WorldState): void {
  const inode = state.disk.entries.get(LEDGER);
  if (inode === undefined) return;
  state.trace.add('the operator puts the ledger aside');
  const watch = state.files.watchAt(LEDGER);
  if (watch !== undefined) state.history.forgetAll(watch.run);
  state.disk.unlinkByHand(LEDGER);
}

function isSettled(state: WorldState): boolean {
  const watch = state.files.watchAt(LEDGER);
  if (watch === undefined) return false;
  if (!state.scenario.reads) {
    return [...watch.admitted].every((id) => watch.outcomes.has(id) || state.isOdd(id));
  }
  return openActions(state, watch).length === 0;
}

/** Actions that a session could settle. */
function openActions(state: WorldState, { admitted, outcomes }: LedgerWatch): string[] {
  return [...admitted].filter((id) => {
    const outcome: Outcome | undefined = outcomes.get(id);
    return (outcome === undefined || !OUTCOMES[outcome].final) && !state.isOdd(id);
  });
}
