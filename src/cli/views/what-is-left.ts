import { afterRestart } from '../../engine/cancel-rules.ts';
import { decide } from '../../engine/decide.ts';
import type { ExitCode } from '../../exit-codes.ts';
import { isFinal } from '../../ledger/outcomes.ts';
import type { Action } from '../../ledger/state/run-state.ts';
import { textTable } from '../../report/table.ts';
import { terminalOf } from '../../report/terminal.ts';
import type { Target } from '../../run/target.ts';
import { styled } from '../../styled.ts';
import type { CliContext } from '../context.ts';

/** `resume --dry-run`: what a resume would do with each action that is left, by the ledger alone. */
export function showWhatIsLeft(
  { job, before }: Target,
  retry: ReadonlySet<string>,
  { out, env }: CliContext,
): ExitCode {
  const steps = new Map<string, number>();
  for (const action of before?.actions.values() ?? []) {
    const step = whatIsLeftOf(action, retry, job.guards);
    if (step !== undefined) steps.set(step, (steps.get(step) ?? 0) + 1);
  }
  if (steps.size === 0) {
    out('Nothing is left to do.\n');
    return 0;
  }
  const rows = [...steps].map(([step, n]) => [String(n), step]);
  const columns = [{ head: 'Actions', align: 'right' as const }, { head: 'A resume would' }];
  out(styled(`${textTable(columns, rows, terminalOf(process.stdout, env))}\n`));
  return 0;
}

function whatIsLeftOf(
  { outcome, last, screen, sent }: Action,
  retry: ReadonlySet<string>,
  guards: Target['job']['guards'],
): string | undefined {
  if (outcome !== undefined && retry.has(outcome.outcome))
    return `look up again, and try again if open (${outcome.outcome})`;
  if (outcome?.outcome === 'unconfirmed') return 'look up what became of the accepted cancel';
  if (outcome !== undefined)
    return isFinal(outcome.outcome) ? undefined : `leave for verify or --retry (${outcome.outcome})`;
  if (last !== undefined) {
    const { kind: next } = afterRestart(last, { canRead: true, createdAtMs: undefined, sent });
    if (next === 'look-up') return 'look up first: sent, but not known to be answered';
    if (next === 'confirm') return 'look up what became of the accepted cancel';
    if (next === 'again') return 'cancel (next attempt)';
  }
  switch (decide(screen, guards).kind) {
    case 'cancel':
    case 'unscreened':
      return 'look up, and cancel if open';
    case 'already-final':
      return 'note as over already';
    case 'excluded':
      return 'note as kept out by a guard';
    case 'not-found':
      return 'look up again: was unknown to Defender';
  }
}
