import { OUTCOMES, type Outcome } from '../../../src/ledger/outcomes.ts';
import type { Facts } from '../facts.ts';
import type { LedgerEnd } from '../ledger-end.ts';
import type { LedgerWatch } from '../ledger-watch.ts';
import type { Truth } from '../truth.ts';
import type { Invariant } from './rule.ts';

/** What a ledger says of its actions in the end. */
export const OUTCOME_RULES: readonly Invariant[] = [
  {
    name: 'order',
    promise: 'A reply follows its intent, and an outcome the reply to its cancel.',
    check: { end: ({ folded }) => folded.disorder[0] },
  },
  {
    name: 'one outcome',
    promise: 'An action has one final outcome, but for a retry that was asked for.',
    check: { end: ({ folded }) => folded.repeated[0] },
  },
  {
    name: 'truth',
    promise: 'A final outcome is what Defender knows to be true.',
    check: { end: wrongOutcome },
  },
];

function isSettled(outcome: Outcome | undefined): outcome is Outcome {
  return outcome !== undefined && OUTCOMES[outcome].final;
}

function wrongOutcome({ folded, watch, isOdd }: LedgerEnd, facts: Facts): string | undefined {
  const { admitted, outcomes, sent } = folded;
  const { defender, scenario, isExcluded, clockWasRight, history } = facts;
  const stamp = `[countermand ${watch.run.slice(0, 8)}] `;
  for (const id of admitted) {
    const outcome = outcomes.get(id);
    const truth = defender.at(id);
    const called = sent.get(id) ?? 0;
    if (!isSettled(outcome) || isOdd(id) || history.isForgottenAction(watch.run, id)) continue;
    const wrong = (why: string) =>
      `${id} is ${outcome}, but ${why} (${describe(truth)})\n${recordsOf(watch, id).join('\n')}`;
    const effects = truth?.effects.filter(({ comment }) => comment.startsWith(stamp)).length ?? 0;
    // Accepted while another client's cancel is under way: nobody can tell whose it then was that ended it.
    const accepted = truth?.accepted.some((comment) => comment.startsWith(stamp)) ?? false;
    switch (outcome) {
      case 'cancelled':
        if (!accepted) return wrong('no cancel of ours was accepted');
        if (truth?.status !== 'Cancelled' || truth.completed) return wrong('it did not end so');
        break;
      case 'ran-anyway':
        if (!accepted) return wrong('no cancel of ours was accepted');
        if (truth?.status !== 'Succeeded' && !truth?.completed) return wrong('it did not run');
        break;
      case 'ended-otherwise':
        if (!accepted) return wrong('no cancel of ours was accepted');
        if (truth?.status !== 'Failed' && truth?.status !== 'TimeOut') return wrong('it did not end so');
        break;
      case 'already-final':
        if (effects > 0) return wrong('a cancel of ours had an effect');
        if (!defender.isFinal(id)) return wrong('it is open');
        break;
      case 'excluded':
        if (effects > 0) return wrong('a cancel of ours had an effect');
        if (truth === undefined || !(isExcluded(truth) || truth.type === 'Unisolate'))
          return wrong('no guard keeps it out');
        break;
      case 'withdrawn':
        if (called > 0) return wrong('it was called');
        break;
      case 'not-found':
        // What was never looked up is not asked for again when it is too young to be found.
        // Nor where our clock makes it look older than it is.
        if (truth !== undefined && !truth.missingFromList && watch.screened.has(id) && clockWasRight)
          return wrong('Defender knows it');
        if (effects > 0) return wrong('a cancel of ours had an effect');
        break;
      case 'forbidden':
      case 'failed':
        // Without permission to read nothing tells a refusal from a repetition; nor does a look, while Defender shows no trace of our cancel.
        if (effects > 0 && scenario.reads && showsAtOnce(truth)) return wrong('a cancel of ours had an effect');
        break;
      default:
        break;
    }
  }
  return undefined;
}

function showsAtOnce(truth: Truth | undefined): boolean {
  return truth?.onCancel.kind !== 'later' || truth.onCancel.stamped;
}

function recordsOf({ written }: LedgerWatch, id: string): string[] {
  const calls = new Set<number>();
  return written.flatMap(({ record }) => {
    const isIts = 'id' in record && record.id === id;
    if (isIts && record.kind === 'intent') calls.add(record.call);
    if (!isIts && !('call' in record && calls.has(record.call))) return [];
    return [`    ${JSON.stringify(record)}`];
  });
}

function describe(truth: Truth | undefined): string {
  if (truth === undefined) return 'unknown to Defender';
  const { type, status, effects, calls, completed, onCancel } = truth;
  return `${type} ${status}${completed ? ' completed' : ''}, ${effects.length} effects of ${calls} calls, ${JSON.stringify(onCancel)}`;
}
