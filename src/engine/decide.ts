import { isFinalStatus } from '../defender/status.ts';
import type { Guards } from '../job/job.ts';
import { NOT_FOUND_STATUS } from '../ledger/record.ts';
import type { Screened } from '../ledger/state/run-state.ts';
import { keptOutBy, undoesAnUndo } from './guards.ts';

/** What a plan says of an action. */
export type Decision = 'cancel' | 'already-final' | 'excluded' | 'not-found' | 'unscreened';

export interface Decided {
  kind: Decision;
  reason: string | undefined;
}

const UNSCREENED: Decided = { kind: 'unscreened', reason: undefined };
/** Defender shows the action, but not what it does: as good as not looked up. */
const NO_TYPE: Decided = { kind: 'unscreened', reason: 'Defender shows no type of it' };

/** What is to be done with an action that was not called yet, by what its last lookup showed. */
export function decide(screen: Omit<Screened, 'atMs'> | undefined, guards: Guards): Decided {
  if (screen === undefined) return UNSCREENED;
  if (screen.status === NOT_FOUND_STATUS) return { kind: 'not-found', reason: 'Defender does not know it' };
  const kept = keptOutBy(guards, screen);
  if (kept !== undefined) return { kind: 'excluded', reason: kept };
  if (isFinalStatus(screen.status)) return { kind: 'already-final', reason: screen.status };
  const undo = undoesAnUndo(guards, screen);
  if (undo !== undefined) return { kind: 'excluded', reason: undo };
  if (screen.type === '') return NO_TYPE;
  return { kind: 'cancel', reason: undefined };
}
