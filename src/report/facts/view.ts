import type { ChainFault } from '../../ledger/scanner.ts';
import type { Action, RunState } from '../../ledger/state/run-state.ts';
import type { Trace } from './trace.ts';

/** One ledger as the reports see it. */
export interface LedgerView {
  /** As it was named by the user. */
  path: string;
  state: RunState;
  trace: Trace;
  /** The last chain value. */
  head: string;
  /** False when the file does not fit its chain; what stands before the fault is still reported. */
  intact: boolean;
  /** The first line that does not fit, where one does not. */
  fault?: ChainFault | undefined;
  /** What is wrong with it, or worth knowing (a torn last line). */
  integrityNote?: string | undefined;
}

/** An action of the merged ledgers, and which of them had the last word on it. */
export interface MergedAction {
  action: Action;
  view: LedgerView;
}

/** Closed as planned and never started: its actions were looked up, and nothing is settled. */
export function isPlan({ state }: LedgerView): boolean {
  return state.start === undefined && state.sessions.at(-1)?.closed?.reason === 'planned';
}

/**
 * Copies of one run are one ledger: the longest is kept, so that no call is counted twice.
 * The order of the others stays as given.
 */
export function distinctRuns(views: readonly LedgerView[]): LedgerView[] {
  const longest = new Map<string, LedgerView>();
  for (const view of views) {
    const other = longest.get(view.state.run);
    if (other === undefined || other.state.lastSeq < view.state.lastSeq) longest.set(view.state.run, view);
  }
  return views.filter((view) => longest.get(view.state.run) === view);
}

/** Every action once, with its latest outcome, in the order of admission. */
export function* mergedActions(views: readonly LedgerView[]): Generator<MergedAction> {
  for (const [index, view] of views.entries()) {
    // By value: pairs of all IDs at once would cost a large ledger megabytes for each table.
    for (const action of view.state.actions.values()) {
      const { id } = action;
      if (views.length === 1) {
        yield { action, view };
        continue;
      }
      // The first ledger that names an action gives it its place; the one with the last word gives the rest.
      if (views.slice(0, index).some((earlier) => earlier.state.actions.has(id))) continue;
      let best: MergedAction = { action, view };
      for (const later of views.slice(index + 1)) {
        const other = later.state.actions.get(id);
        if (other !== undefined && isLater(other, best.action)) best = { action: other, view: later };
      }
      yield best;
    }
  }
}

/** An outcome beats none; between two outcomes, or two actions without one, the later word counts. */
function isLater(a: Action, b: Action): boolean {
  if ((a.outcome === undefined) !== (b.outcome === undefined)) return a.outcome !== undefined;
  return lastWordMs(a) > lastWordMs(b);
}

function lastWordMs(action: Action): number {
  if (action.outcome !== undefined) return action.outcome.atMs;
  return Math.max(action.last?.intentAtMs ?? 0, action.last?.repliedAtMs ?? 0, action.screen?.atMs ?? 0);
}
