import type { Stop } from '../engine/session.ts';
import { OUTCOMES, type Outcome } from '../ledger/outcomes.ts';
import type { Action } from '../ledger/state/run-state.ts';
import type { Console } from './console.ts';

/** Shows what became of the first N, and asks; with `--yes` the outcomes are the answer. */
export async function approveAfterFirstBatch(
  first: readonly Action[],
  { yes, stop }: { yes: boolean; stop: Stop },
  console: Console,
): Promise<boolean> {
  const { say } = console;
  const counts = new Map<Outcome | 'open', number>();
  for (const { outcome } of first) {
    const name = outcome?.outcome ?? 'open';
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const message = [...counts].map(([name, n]) => `${n} ${name}`).join(', ');
  say(`\nThe first ${first.length}: ${message}\n`);
  for (const { id, outcome, screen } of first) {
    if (outcome !== undefined && !OUTCOMES[outcome.outcome].good) {
      say(`  ${id}  ${screen?.computer ?? ''}  ${outcome.outcome}${outcome.detail ? `: ${outcome.detail}` : ''}\n`);
    }
  }
  if (yes) return [...counts.keys()].every((name) => name !== 'open' && OUTCOMES[name].good);
  const goOn = await console.ask('Cancel the rest?', stop.signal);
  stop.signal.throwIfAborted();
  return goOn;
}
