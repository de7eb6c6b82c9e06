import { CountermandError, UsageError } from '../errors.ts';
import { commandLine, nextCommand } from '../report/facts/next-steps.ts';
import { summarise } from '../report/facts/summary.ts';
import { isPlan } from '../report/facts/view.ts';
import type { Machine } from './machine.ts';
import { decisionsOf } from './plan-facts.ts';
import { readWhatStands } from './read-view.ts';

/** What there is to say where a run was named and only its plan is there; undefined where that is no plan which can be read. */
export async function onlyAPlan(
  given: string,
  plan: string,
  { store, storeWords, clock }: Pick<Machine, 'store' | 'storeWords' | 'clock'>,
): Promise<UsageError | undefined> {
  const view = await readWhatStands(store, plan).catch((error: unknown) => {
    if (error instanceof CountermandError) return undefined;
    throw error;
  });
  if (view === undefined || !view.intact || !isPlan(view)) return undefined;
  const decided = decisionsOf([view]);
  const facts = decided && { decisions: decided.decisions, forecast: undefined };
  const next = nextCommand(summarise([view], { nowMs: clock.wallMs(), plan: facts, storeWords }));
  return new UsageError([
    `There is no ledger ${given}, only its plan, of which nothing was started yet.`,
    ...(next === undefined ? [] : [`Start it:   ${next}`]),
    `Look at it: ${commandLine('report', plan, ...(storeWords ?? []))}`,
  ]);
}
