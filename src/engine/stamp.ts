import type { MachineAction } from '../defender/entity.ts';

/** What every comment of a run begins with, so that a cancel whose answer was lost can be told to be ours. */
export function stampOf(run: string): string {
  return `[countermand ${run.slice(0, 8)}] `;
}

export function isOurs(action: MachineAction, stamp: string): boolean {
  return action.cancellationComment?.startsWith(stamp) ?? false;
}
