import type { MachineAction } from '../defender/entity.ts';
import type { ScreenFields } from '../ledger/record.ts';
import type { Screened } from '../ledger/state/run-state.ts';

/** What a lookup shows of an action, as the ledger keeps it. */
export function shownOf(id: string, action: MachineAction): ScreenFields {
  return {
    id,
    status: action.status,
    type: action.type,
    machineId: action.machineId ?? null,
    computer: action.computerDnsName ?? null,
    requestor: action.requestor ?? null,
    created: action.creationDateTimeUtc ?? null,
  };
}

/** The same for a rule that is asked at once. */
export function seenNow(action: MachineAction): Omit<Screened, 'atMs' | 'session'> {
  const { id: _, ...shown } = shownOf(action.id, action);
  return shown;
}
