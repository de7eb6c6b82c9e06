import type { Action, Book } from '../ledger/book.ts';
import { OUTCOMES } from '../ledger/outcomes.ts';

/** An action whose turn comes. `attempt` is set when it was in a worker's hands already. */
export interface Entry {
  action: Action;
  attempt: number | undefined;
}

/** The actions that still want something, in the order in which they are taken. */
export interface Line {
  /** What was begun first, then what was held over, then the ledger's own order, until `full` says that it is enough. */
  take(full: (taken: readonly Entry[]) => boolean): Entry[];
  /** Only what was begun: by an earlier session, or by a worker that put it back. */
  takeBegun(full: (taken: readonly Entry[]) => boolean): Entry[];
  putBack(action: Action, attempt: number): void;
  /** These come next after what was begun, in their order. */
  holdOver(entries: readonly Entry[]): void;
  readonly hasBegun: boolean;
  readonly isEmpty: boolean;
}

export function makeLine(book: Book, retry: ReadonlySet<string>): Line {
  const isCandidate = ({ id, outcome }: Action) =>
    outcome === undefined || !OUTCOMES[outcome.outcome].final || retry.has(id);
  const wasBegun = ({ id, last }: Action) => last !== undefined && !retry.has(id);

  let begun: Entry[] = [];
  let held: Entry[] = [];
  const early = new Set<Action>();
  for (const action of book.actions.values()) {
    if (!isCandidate(action) || !wasBegun(action)) continue;
    early.add(action);
    begun.push({ action, attempt: undefined });
  }
  const rest = candidates();
  let ahead = rest.next();

  function* candidates(): Generator<Action, undefined> {
    for (const action of book.actions.values()) if (isCandidate(action) && !early.has(action)) yield action;
  }

  /** The first of the entries, as many as `full` allows; the others stay. */
  function some(entries: Entry[], taken: Entry[], full: (taken: readonly Entry[]) => boolean): Entry[] {
    let count = 0;
    for (; count < entries.length && !full(taken); count++) taken.push(...entries.slice(count, count + 1));
    return entries.slice(count);
  }

  return {
    take: (full) => {
      const taken: Entry[] = [];
      begun = some(begun, taken, full);
      held = some(held, taken, full);
      if (begun.length > 0 || held.length > 0) return taken;
      for (; !ahead.done && !full(taken); ahead = rest.next()) taken.push({ action: ahead.value, attempt: undefined });
      return taken;
    },
    takeBegun: (full) => {
      const taken: Entry[] = [];
      begun = some(begun, taken, full);
      return taken;
    },
    putBack: (action, attempt) => {
      begun.push({ action, attempt });
    },
    holdOver: (entries) => {
      held = [...entries, ...held];
    },
    get hasBegun() {
      return begun.length > 0;
    },
    get isEmpty() {
      return ahead.done === true && begun.length === 0 && held.length === 0;
    },
  };
}
