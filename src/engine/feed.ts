import { cancelOne } from './cancel-one.ts';
import type { Next } from './cancel-rules.ts';
import { isOutdated } from './next-step.ts';
import type { Task } from './task.ts';
import type { Work } from './work.ts';
import type { Taken } from './work-queue.ts';

/** Feeds the workers until the queue is empty, or `most` actions were begun and have ended. Rejects with the stop signal's reason. */
export async function feed(work: Work, most: number): Promise<void> {
  const { queue, workers, parts } = work;
  let begun = 0;
  for (;;) {
    const taken = begun < most ? queue.take() : queue.takeBegun();
    if (taken.length > 0) {
      begun += await serve(work, taken, most - begun);
      continue;
    }
    await workers.onIdle();
    parts.stop.signal.throwIfAborted();
    if (!queue.hasBegun) return;
  }
}

/** What needs a lookup is looked up together, then each task takes its next step. Returns how many more were begun, `most` at most. */
async function serve(work: Work, taken: readonly Taken[], most: number): Promise<number> {
  const { screening, queue, settle, fail } = work;
  const { signal } = work.parts.stop;
  const unknown = taken.filter(({ step }) => step.kind === 'look').map(({ task }) => task);
  if (unknown.length > 0) await screening.look(unknown, signal);
  const settling: Promise<void>[] = [];
  const later: Task[] = [];
  let begun = 0;
  try {
    for (const { task, step: asTaken } of taken) {
      signal.throwIfAborted();
      const step = asTaken.kind === 'look' ? work.stepOf(task) : asTaken;
      if (isOutdated(step, task, screening)) {
        later.push(task);
      } else if (step.kind === 'settle') {
        const settled = settle(task, step.settlement);
        // Nobody waits for it before the end of the loop, which may be an hour away.
        settled.catch(fail);
        settling.push(settled);
      } else if (step.kind === 'work') {
        const isNew = task.timesPutBack === 0 && step.next.kind === 'again';
        if (isNew && begun >= most) later.push(task);
        else await begin(work, task, step.next);
        if (isNew && begun < most) begun++;
      }
    }
  } finally {
    // Together, so that they share their syncs.
    await Promise.all(settling);
  }
  queue.holdOver(later);
  return begun;
}

/** Hands a task to a worker as soon as one is near. */
async function begin(work: Work, task: Task, next: Next): Promise<void> {
  const { workers, queue, fail, parts } = work;
  const cancelling = workers.add(async () => {
    if ((await cancelOne(work, task, next)) === 'put-back') queue.putBack(task);
  });
  cancelling.catch(fail);
  await workers.onSizeLessThan(parts.job.concurrency);
}
