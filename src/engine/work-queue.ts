import type { Clock } from '../clock.ts';
import { LOOKUP_SIZE } from '../defender/routes.ts';
import { type Action, isOpen, type RunState } from '../ledger/state/run-state.ts';
import type { NextStep } from './next-step.ts';
import { Task } from './task.ts';

/** Tasks taken at a time, at most, when few of them need a lookup. */
const CHUNK = 1000;

/** A task off the queue, with what is to be done with it as it was taken. */
export interface Taken {
  readonly task: Task;
  readonly step: NextStep;
}

/**
 * The actions that still want something, in the order in which they are taken: what was begun by an earlier session or put back by
 * a worker, then what was held over, then the ledger's own order.
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
  readonly isEmpty: boolean;
}

export interface WorkQueueParts {
  state: Pick<RunState, 'actions'>;
  /** Actions with a final outcome that are to be tried once more. */
  retry: ReadonlySet<string>;
  clock: Clock;
  stepOf(task: Task): NextStep;
}

export function makeWorkQueue({ state: { actions }, retry, clock, stepOf }: WorkQueueParts): WorkQueue {
  const isWanted = (action: Action) => isOpen(action) || retry.has(action.id);
  const taskOf = (action: Action) => new Task(action, actions, retry.has(action.id), clock);

  const early = new Set<string>();
  for (const action of actions.values()) {
    if (isWanted(action) && action.last !== undefined && !retry.has(action.id)) early.add(action.id);
  }
  const begun = tasksOf(early, (id) => actions.get(id));
  const fresh = tasksOf(actions.values(), (action) => (isWanted(action) && !early.has(action.id) ? action : undefined));
  const back: Task[] = [];
  let held: Task[] = [];

  /** Tasks of what is picked; `isOver` looks ahead, so that a queue knows whether it is empty. */
  function tasksOf<T>(all: Iterable<T>, pick: (one: T) => Action | undefined) {
    const picked = (function* () {
      for (const one of all) {
        const action = pick(one);
        if (action !== undefined) yield action;
      }
    })();
    let ahead = picked.next();
    return {
      get isOver() {
        return ahead.done === true;
      },
      shift: () => {
        if (ahead.done) return undefined;
        const task = taskOf(ahead.value);
        ahead = picked.next();
        return task;
      },
    };
  }

  function takeFrom(...sources: { shift(): Task | undefined }[]): Taken[] {
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

  function putBack(task: Task): void {
    // What was seen of it counts only until it waits again.
    task.found = undefined;
    back.push(task);
  }

  return {
    take: () => takeFrom(begun, back, held, fresh),
    takeBegun: () => takeFrom(begun, back),
    putBack,
    holdOver: (tasks) => {
      for (const task of tasks) task.found = undefined;
      back.push(...tasks.filter(({ timesPutBack }) => timesPutBack > 0));
      held = [...tasks.filter(({ timesPutBack }) => timesPutBack === 0), ...held];
    },
    get hasBegun() {
      return !begun.isOver || back.length > 0;
    },
    get isEmpty() {
      return begun.isOver && fresh.isOver && back.length === 0 && held.length === 0;
    },
  };
}
