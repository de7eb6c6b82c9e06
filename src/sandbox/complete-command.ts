import { type SandboxAction, type SandboxCommand, serviceTime } from './sandbox-action.ts';

/** Marks the first command, if there is one, as completed at that moment (ms since the epoch). */
export function completeFirstCommand(action: SandboxAction, atMs: number): void {
  const first = action.commands[0];
  if (first === undefined) return;
  first.commandStatus = 'Completed';
  first.startTime ??= serviceTime(atMs - 1_000);
  first.endTime = serviceTime(atMs);
}

/** A live response command that has not begun. */
export function emptyCommand(): SandboxCommand {
  return {
    index: 0,
    startTime: null,
    endTime: null,
    commandStatus: 'Created',
    errors: [],
    command: { type: 'RunScript', params: [{ key: 'ScriptName', value: 'collect.ps1' }] },
  };
}
