import type { Outcome } from '../ledger/outcomes.ts';
import { type Action, isAccepted, isInDoubt, type RunState } from '../ledger/state/run-state.ts';
import { settledBy, stampOf } from './outcome-rules.ts';
import type { EngineParts } from './session.ts';

/** An action that a later look settled, or could not. */
export interface Verified {
  id: string;
  computer: string | null;
  was: Outcome | 'no outcome';
  now: Outcome | undefined;
  status: string | undefined;
}

/** What was called and has no final outcome: these can be settled by looking alone. */
export function toVerify(state: RunState): Action[] {
  return [...state.left()].filter(
    (action) =>
      action.outcome !== undefined || isAccepted(action) || isInDoubt(action) || action.last?.error !== undefined,
  );
}

/** Looks up what is not final yet and records what Defender shows by now. Sends nothing but lookups. */
export async function verifyAll(parts: EngineParts): Promise<Verified[]> {
  const { ledger, lookups, stop } = parts;
  const stamp = stampOf(ledger.state.run);
  const open = toVerify(ledger.state);
  const found = await lookups.many(
    open.map(({ id }) => id),
    stop.signal,
  );
  const verified: Verified[] = [];
  const writing: Promise<void>[] = [];
  for (const action of open) {
    const { id, outcome, sent, screen } = action;
    const shown = found.get(id);
    const accepted = outcome?.outcome === 'unconfirmed' || isAccepted(action);
    const settlement = shown?.kind === 'found' ? settledBy(shown.action, { accepted, stamp }) : undefined;
    verified.push({
      id,
      computer: screen?.computer ?? null,
      was: outcome?.outcome ?? 'no outcome',
      now: settlement?.outcome,
      status: shown?.kind === 'found' ? shown.action.status : undefined,
    });
    if (settlement !== undefined) writing.push(ledger.outcome({ id, ...settlement, attempts: sent }));
  }
  await Promise.all(writing);
  return verified;
}
