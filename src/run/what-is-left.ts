import { afterRestart } from '../engine/cancel-rules.ts';
import { decide } from '../engine/guards.ts';
import { DECISIONS } from '../ledger/decisions.ts';
import { isFinal } from '../ledger/outcomes.ts';
import type { Action } from '../ledger/state/run-state.ts';
import type { Target } from './target.ts';

export function whatIsLeftOf(
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
  return DECISIONS[decide(screen, guards).kind].next;
}
