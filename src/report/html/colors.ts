import type { Decision } from '../../ledger/decisions.ts';
import type { Outcome } from '../../ledger/outcomes.ts';

/** Names of CSS variables of the page. */
export function outcomeColor(outcome: Outcome | 'open'): string {
  return outcome === 'open' ? 'not-settled' : outcome;
}

const DECISION_COLORS = {
  cancel: 'cancelled',
  unscreened: 'not-settled',
  'already-final': 'already-final',
  excluded: 'excluded',
  'not-found': 'not-found',
} as const satisfies Record<Decision, string>;

export function decisionColor(decision: Decision): string {
  return DECISION_COLORS[decision];
}

const STATUS_COLORS = new Map([
  ['Cancelled', 'cancelled'],
  ['Pending', 'not-settled'],
  ['InProgress', 'route-cancel'],
  ['Succeeded', 'already-final'],
  ['Failed', 'failed'],
  ['TimeOut', 'ran-anyway'],
]);

/** Defender's statuses are an open set: what is not known is grey. */
export function statusColor(status: string): string {
  return STATUS_COLORS.get(status) ?? 'other';
}
