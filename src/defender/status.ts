import type { MachineAction } from './entity.ts';

/** The statuses from which an action does not move any more. Every other one, known or not, is open. */
const FINAL_STATUSES: ReadonlySet<string> = new Set(['Succeeded', 'Failed', 'TimeOut', 'Cancelled']);

export function isFinalStatus(status: string): boolean {
  return FINAL_STATUSES.has(status);
}

/** Whether any of its commands ran to its end: a status of Cancelled does not undo that. */
export function hasCompletedCommand(action: MachineAction): boolean {
  return (action.commands ?? []).some(({ commandStatus }) => commandStatus === 'Completed');
}
