import type { Clock } from '../clock.ts';
import { LOOKUP_SIZE } from '../defender/routes.ts';
import { type Action, isOpen, type RunState } from '../ledger/state/run-state.ts';
import { type CallOrder, inTurn, isAsGiven, ordered, SOURCE_ORDER } from './order.ts';
import { type NextStep, Task } from './task.ts';

/** Tasks taken at a time, at most, when few of them need a lookup. */
const CHUNK = 1000;

/** A task off the queue, with what is to be done with it as it was taken. */
export interface Taken {
  readonly task: Task;
  readonly step: NextStep;
}

/**
 * The actions that still want something, in the order in which they are taken: what was begun by an earlier session, what was put back by
 * a worker, what was held over, and the others; each of these in the order that the session goes by.
 */
export interface WorkQueue {
  /** As many as a lookup holds of those that need one, with all between them. None when the queue is empty. */
  take(): Taken[];
  /** The same of what was begun alone. */
  takeBegun(): Taken[];
  /** Its slot came too late: it is to be screened again, and called from that attempt on. */
  putBack(task: Task): void;
  /** Taken, but not yet to be worked on: these come next, in their order. */
  holdOver(tasks: readonly Task[]): void;
  readonly hasBegun: boolean;
  /** Whoever was put back is to be taken before anybody else is begun. */
  readonly hasPutBack: boolean;
  readonly isEmpty: boolean;
}

export interface WorkQueueParts {
  state: Pick<RunState, 'actions'>;
  /** Actions with a final outcome that are to be tried once more. */
  retry: ReadonlySet<string>;
  clock: Clock;
  /** @default as they stand in the ledger */
  order?: CallOrder | undefined;
  stepOf(task: Task): NextStep;
}

export function makeWorkQueue({
  state: { actions },
  retry,
  clock,
  order = SOURCE_ORDER,
  stepOf,
}: WorkQueueParts): WorkQueue {
  const isWanted = (action: Action) => isOpen(action) || retry.has(action.id);
  const wasBegun = ({ id, last }: Action) => last !== undefined && !retry.has(id);
  const early = new Set<string>();
  for (const action of actions.values()) if (isWanted(action) && wasBegun(action)) early.add(action.id);

  const taskOf = (action: Action) => new Task(action, actions, retry.has(action.id), clock);
  const isFresh = (action: Action) => isWanted(action) && !early.has(action.id);
  const asGiven = isAsGiven(actions.values(), order);
  const inOrder = (given: Iterable<Action>) => (asGiven ? given : ordered(given, order))[Symbol.iterator]();
  const begun = tasksOf(inOrder([...early].flatMap((id) => actions.get(id) ?? [])), taskOf);
  const fresh = tasksOf(inOrder(picked(actions.values(), isFresh)), taskOf);
  const back: Task[] = [];
  let held: Task[] = [];
  const putBack = (tasks: readonly Task[]) => {
    back.push(...tasks);
    back.sort((one, other) => inTurn(one.action, other.action, order));
  };

  return {
    take: () => takeFrom([begun, back, held, fresh], stepOf),
    takeBegun: () => takeFrom([begun, back], stepOf),
    // What was seen of a task counts only until it waits again.
    putBack: (task) => {
      task.found = undefined;
      putBack([task]);
    },
    holdOver: (tasks) => {
      for (const task of tasks) task.found = undefined;
      putBack(tasks.filter(({ timesPutBack }) => timesPutBack > 0));
      held = [...tasks.filter(({ timesPutBack }) => timesPutBack === 0), ...held];
    },
    get hasBegun() {
      return !begun.isOver || back.length > 0;
    },
    get hasPutBack() {
      return back.length > 0;
    },
    get isEmpty() {
      return begun.isOver && fresh.isOver && back.length === 0 && held.length === 0;
    },
  };
}

interface Source {
  shift(): Task | undefined;
}

/** From the first sources first. */
function takeFrom(sources: readonly Source[], stepOf: (task: Task) => NextStep): Taken[] {
  const taken: Taken[] = [];
  let looks = 0;
  for (const source of sources) {
    while (taken.length < CHUNK && looks < LOOKUP_SIZE) {
      const task = source.shift();
      if (task === undefined) break;
      const step = stepOf(task);
      if (step.kind === 'look') looks++;
      taken.push({ task, step });
    }
  }
  return taken;
}

/** Those of the actions that are wanted when they are come to. */
function* picked(actions: Iterable<Action>, isWanted: (action: Action) => boolean): Generator<Action> {
  for (const action of actions) if (isWanted(action)) yield action;
}

/** Tasks of these actions, a million perhaps, so each is made when it is taken. */
function tasksOf(actions: Iterator<Action>, taskOf: (action: Action) => Task): Source & { readonly isOver: boolean } {
  // Ahead by one, to know whether there is another.
  let next = actions.next();
  return {
    get isOver() {
      return next.done === true;
    },
    shift: () => {
      if (next.done) return undefined;
      const task = taskOf(next.value);
      next = actions.next();
      return task;
    },
  };
}
