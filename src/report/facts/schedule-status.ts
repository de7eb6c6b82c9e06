import type { ExitCode } from '../../exit-codes.ts';

/**
 * What became of a turn. `made`: a run, or the one before that had work left, was put into the queue. `under-way`: the one before waits there or is at
 * work, so that nothing was begun beside it. `dead-letter`: somebody has to look at the one before first. `refused`: no run could be made of it. `removed`:
 * the schedule had been taken away. `too-early`: it was due before the schedule was submitted.
 */
export type TurnEnd =
  | { kind: 'made' | 'under-way' | 'dead-letter'; run: string }
  | { kind: 'refused'; exitCode: ExitCode; reason: string }
  | { kind: 'removed' | 'too-early' };

/** A schedule as `status` shows it. */
export interface ScheduleStatus {
  name: string;
  tenant: string;
  cron: string;
  tz: string;
  /** Epoch ms; null for what another version has kept and this one cannot read. */
  nextAtMs: number | null;
  last: { atMs: number; end: TurnEnd | undefined } | null;
}

/** What somebody should know of the last turn, if it made no run. */
export function turnWords(end: TurnEnd | undefined): string {
  switch (end?.kind) {
    case undefined:
      return 'is being made';
    case 'made':
      return `made ${end.run}`;
    case 'under-way':
      return `left out, because ${end.run} was not over`;
    case 'dead-letter':
      return `left out, because ${end.run} is a dead letter`;
    case 'refused':
      return `refused, exit ${end.exitCode}: ${end.reason}`;
    case 'removed':
      return 'left out, because the schedule had been taken away';
    case 'too-early':
      return 'left out, because the schedule was submitted after it';
  }
}

/** Whether the next turn may go as wrong as the last one did, until somebody has looked. */
export function needsLook({ last }: Pick<ScheduleStatus, 'last'>): boolean {
  return last?.end?.kind === 'refused';
}
