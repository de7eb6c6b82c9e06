import { type Action, isAccepted, type RunState } from './run-state.ts';

/** Admitted actions without any outcome, by what is known of them. With the counts of the outcomes they are all that was admitted. */
export interface LeftCounts {
  /** The cancel was accepted, and its end was not seen yet. */
  accepted: number;
  /** Sent, and no answer that can be relied on: to be looked up before anything is sent again. */
  inDoubt: number;
  /** Answered, and to be tried again. */
  again: number;
  /** No cancel was sent. */
  notCalled: number;
}

export function nothingLeft(): LeftCounts {
  return { accepted: 0, inDoubt: 0, again: 0, notCalled: 0 };
}

export function leftCounts(state: Pick<RunState, 'left'>): LeftCounts {
  const counts = nothingLeft();
  for (const action of state.left()) if (action.outcome === undefined) counts[whereIs(action)]++;
  return counts;
}

/** Of an action without an outcome. */
export function whereIs(action: Action): keyof LeftCounts {
  const { last } = action;
  if (last === undefined) return 'notCalled';
  if (isAccepted(action)) return 'accepted';
  // A refusal (400) says that it may be over, and not how it ended.
  return last.http === undefined || last.error !== undefined || last.http === 400 ? 'inDoubt' : 'again';
}
