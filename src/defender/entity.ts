import { ACTION_STATUSES, ACTION_TYPES } from '../job/known-names.ts';

/**
 * A machine action as the wire carries it. Only what we read is declared; `type` and `status` are open sets, because
 * Microsoft's own descriptions disagree about them.
 */
export interface MachineAction {
  id: string;
  type: string;
  status: string;
  requestor?: string | null;
  requestorComment?: string | null;
  machineId?: string | null;
  computerDnsName?: string | null;
  creationDateTimeUtc?: string | null;
  lastUpdateDateTimeUtc?: string | null;
  cancellationRequestor?: string | null;
  cancellationComment?: string | null;
  cancellationDateTimeUtc?: string | null;
  commands?: MachineActionCommand[] | null;
}

export interface MachineActionCommand {
  commandStatus?: string | null;
  endTime?: string | null;
}

/**
 * A name of a type or a status in the form in which two spellings of it are equal: letters and digits alone, in lower case, and with the
 * two Ls of Microsoft's own documentation. `Live Response`, `live_response` and `LiveResponse` are one name, and so are `Canceled` and
 * `Cancelled`.
 */
export function normalName(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '')
    .replace(/^canceled$/, 'cancelled');
}

export function isSameName(one: string, other: string): boolean {
  return normalName(one) === normalName(other);
}

const TYPES = spellings(ACTION_TYPES);
const STATUSES = spellings(ACTION_STATUSES);

/** The spelling that Microsoft documents, for a type in any spelling; a type that is not known stays as it is. */
export function canonicalType(type: string): string {
  return TYPES.get(normalName(type)) ?? type.trim();
}

/** As {@link canonicalType}, for a status. */
export function canonicalStatus(status: string): string {
  return STATUSES.get(normalName(status)) ?? status.trim();
}

/** The statuses from which an action does not move any more. Every other one, known or not, is open. */
const FINAL_STATUSES: ReadonlySet<string> = new Set(['Succeeded', 'Failed', 'TimeOut', 'Cancelled'].map(normalName));

export function isFinalStatus(status: string): boolean {
  return FINAL_STATUSES.has(normalName(status));
}

/** Whether any of its commands ran to its end: a status of Cancelled does not undo that. */
export function hasCompletedCommand(action: MachineAction): boolean {
  return (action.commands ?? []).some(({ commandStatus }) => isSameName(commandStatus ?? '', 'Completed'));
}

function spellings(names: readonly string[]): ReadonlyMap<string, string> {
  return new Map(names.map((name) => [normalName(name), name]));
}
