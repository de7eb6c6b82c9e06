import { type Action, isOpen, type RunState } from '../ledger/state/run-state.ts';

/** An action to be worked on. `attempt` is set when it was in a worker's hands already. */
export interface Task {
  action: Action;
  attempt: number | undefined;
}

/** The actions that still want something, in the order in which they are taken. */
export interface WorkQueue {
  /** What was begun first, then what was held over, then the ledger's own order, until `full` says that it is enough. */
  take(full: (taken: readonly Task[]) => boolean): Task[];
  /** Only what was begun: by an earlier session, or by a worker that put it back. */
  takeBegun(full: (taken: readonly Task[]) => boolean): Task[];
  putBack(action: Action, attempt: number): void;
  /** These come next after what was begun, in their order. */
  holdOver(tasks: readonly Task[]): void;
  readonly hasBegun: boolean;
  readonly isEmpty: boolean;
}

export function makeWorkQueue(state: RunState, retry: ReadonlySet<string>): WorkQueue {
  const isCandidate = (action: Action) => isOpen(action) || retry.has(action.id);
  const wasBegun = ({ id, last }: Action) => last !== undefined && !retry.has(id);

  let begun: Task[] = [];
  let held: Task[] = [];
  const early = new Set<Action>();
  for (const action of state.actions.values()) {
    if (!isCandidate(action) || !wasBegun(action)) continue;
    early.add(action);
    begun.push({ action, attempt: undefined });
  }
  const rest = candidates();
  let ahead = rest.next();

  function* candidates(): Generator<Action, undefined> {
    for (const action of state.actions.values()) if (isCandidate(action) && !early.has(action)) yield action;
  }

  /** The first of the tasks, as many as `full` allows; the others stay. */
  function some(tasks: Task[], taken: Task[], full: (taken: readonly Task[]) => boolean): Task[] {
    let count = 0;
    for (; count < tasks.length && !full(taken); count++) taken.push(...tasks.slice(count, count + 1));
    return tasks.slice(count);
  }

  return {
    take: (full) => {
      const taken: Task[] = [];
      begun = some(begun, taken, full);
      held = some(held, taken, full);
      if (begun.length > 0 || held.length > 0) return taken;
      for (; !ahead.done && !full(taken); ahead = rest.next()) taken.push({ action: ahead.value, attempt: undefined });
      return taken;
    },
    takeBegun: (full) => {
      const taken: Task[] = [];
      begun = some(begun, taken, full);
      return taken;
    },
    putBack: (action, attempt) => {
      begun.push({ action, attempt });
    },
    holdOver: (tasks) => {
      held = [...tasks, ...held];
    },
    get hasBegun() {
      return begun.length > 0;
    },
    get isEmpty() {
      return ahead.done === true && begun.length === 0 && held.length === 0;
    },
  };
}
