import type { ExitCode } from '../../exit-codes.ts';
import { textTable } from '../../report/table.ts';
import type { Context } from '../../run/console.ts';
import type { Target } from '../../run/target.ts';
import { whatIsLeftOf } from '../../run/what-is-left.ts';
import { styled } from '../../styled.ts';

/** `resume --dry-run`: what a resume would do with each action that is left, by the ledger alone. */
export function showWhatIsLeft(
  { job, state }: Target,
  retry: ReadonlySet<string>,
  { out, terminal }: Context,
): ExitCode {
  const steps = new Map<string, number>();
  for (const action of state?.actions.values() ?? []) {
    const step = whatIsLeftOf(action, retry, job.guards);
    if (step !== undefined) steps.set(step, (steps.get(step) ?? 0) + 1);
  }
  if (steps.size === 0) {
    out('Nothing is left to do.\n');
    return 0;
  }
  const rows = [...steps].map(([step, n]) => [String(n), step]);
  const columns = [{ head: 'Actions', align: 'right' as const }, { head: 'A resume would' }];
  out(styled(`${textTable(columns, rows, terminal)}\n`));
  return 0;
}
