import type { Action, Book } from '../ledger/book.ts';
import { OUTCOMES } from '../ledger/outcomes.ts';

/** An action whose turn comes. `attempt` is set when it was in a worker's hands already. */
export interface Entry {
  action: Action;
  attempt: number | undefined;
}

/** The actions that still want something, in the order in which they are taken. */
export interface Line {
  /** What was put back first, then what was held over, then the ledger's own order, until `full` says that it is enough. */
  take(full: (taken: readonly Entry[]) => boolean): Entry[];
  /** Only what was put back. */
  takePutBack(): Entry[];
  putBack(action: Action, attempt: number): void;
  holdOver(entry: Entry): void;
  readonly hasPutBack: boolean;
  readonly isEmpty: boolean;
}

export function makeLine(book: Book, retry: ReadonlySet<string>): Line {
  let back: Entry[] = [];
  let held: Entry[] = [];
  const rest = candidates(book, retry);
  let ahead = rest.next();
  return {
    take: (full) => {
      const taken = [...back, ...held];
      back = [];
      held = [];
      for (; !ahead.done && !full(taken); ahead = rest.next()) taken.push({ action: ahead.value, attempt: undefined });
      return taken;
    },
    takePutBack: () => back.splice(0),
    putBack: (action, attempt) => {
      back.push({ action, attempt });
    },
    holdOver: (entry) => {
      held.push(entry);
    },
    get hasPutBack() {
      return back.length > 0;
    },
    get isEmpty() {
      return ahead.done === true && back.length === 0 && held.length === 0;
    },
  };
}

function* candidates(book: Book, retry: ReadonlySet<string>): Generator<Action, undefined> {
  for (const action of book.actions.values()) {
    const { outcome } = action;
    if (outcome === undefined || !OUTCOMES[outcome.outcome].final || retry.has(action.id)) yield action;
  }
}
