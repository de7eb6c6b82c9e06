import { describe, expect, it } from 'vitest';
import type { NextStep } from '../../src/engine/task.ts';
import { makeWorkQueue, type Taken } from '../../src/engine/work-queue.ts';
import { ManualClock } from '../support/clock/manual-clock.ts';
import { id, ids } from './run.ts';
import { Told } from './state.ts';

const WORK: NextStep = { kind: 'work', next: { kind: 'again', attempt: 1 } };
const LOOK: NextStep = { kind: 'look' };

function queueOf({ state }: Told, { retry = [] as string[], step = WORK } = {}) {
  let asked = 0;
  const queue = makeWorkQueue({
    state,
    retry: new Set(retry),
    clock: new ManualClock(),
    stepOf: () => {
      asked++;
      return step;
    },
  });
  return { queue, asked: () => asked };
}

const idsOf = (taken: readonly Taken[]) => taken.map(({ task }) => task.id);
const taskOf = (taken: readonly Taken[], index: number) => {
  const task = taken[index]?.task;
  if (task === undefined) throw new Error(`nothing was taken at ${index}`);
  return task;
};

describe('the queue', () => {
  it('the queue gives what an earlier session began first, then the ledger’s own order', () => {
    const told = new Told(4).tell((script) => script.cancel(id(3), { http: 503 }));
    const { queue } = queueOf(told);
    expect(queue.hasBegun).toBe(true);
    expect(idsOf(queue.take())).toEqual([id(3), id(1), id(2), id(4)]);
    expect(queue.isEmpty).toBe(true);
  });

  it('the queue gives what was begun alone when that is asked for', () => {
    const told = new Told(3).tell((script) => script.cancel(id(2), { http: 503 }));
    const { queue } = queueOf(told);
    expect(idsOf(queue.takeBegun())).toEqual([id(2)]);
    expect(queue.takeBegun()).toEqual([]);
    expect(queue.isEmpty).toBe(false);
  });

  it('the queue leaves out what is settled, unless it is to be tried again, which is nothing begun', () => {
    const told = new Told(3).tell((script) => {
      script.cancel(id(1), { http: 409 }).cancel(id(2), { http: 409 });
      for (const n of [1, 2]) script.add('outcome', { id: id(n), outcome: 'failed', attempts: 1 });
    });
    const { queue } = queueOf(told, { retry: [id(2)] });
    expect(queue.hasBegun).toBe(false);
    const taken = queue.take();
    expect(idsOf(taken)).toEqual([id(2), id(3)]);
    expect(taken.map(({ task }) => task.retried)).toEqual([true, false]);
  });

  it('the queue gives as many as a lookup holds, and asks for the step of each once', () => {
    const { queue, asked } = queueOf(new Told(250), { step: LOOK });
    expect([queue.take().length, queue.take().length, queue.take().length]).toEqual([100, 100, 50]);
    expect(asked()).toBe(250);
  });

  it('the queue gives a thousand at a time when none needs a lookup', () => {
    const { queue, asked } = queueOf(new Told(1500));
    expect([queue.take().length, queue.take().length]).toEqual([1000, 500]);
    expect(asked()).toBe(1500);
  });

  it('the queue gives what was held over next, in its order', () => {
    const { queue } = queueOf(new Told(150), { step: LOOK });
    const taken = queue.take();
    queue.holdOver([taskOf(taken, 3), taskOf(taken, 5)]);
    expect(queue.hasBegun).toBe(false);
    expect(idsOf(queue.take())).toEqual([id(4), id(6), ...ids(50, 101)]);
  });

  it('the queue gives what a worker put back before all else, also when it was held over since', () => {
    const { queue } = queueOf(new Told(3));
    const taken = queue.take();
    const late = taskOf(taken, 2);
    late.timesPutBack = 1;
    queue.holdOver([taskOf(taken, 0), late]);
    expect(queue.hasBegun).toBe(true);
    expect(idsOf(queue.take())).toEqual([id(3), id(1)]);
  });

  it('the queue forgets what was seen of a task that goes back to it', () => {
    const { queue } = queueOf(new Told(2));
    const taken = queue.take();
    for (const { task } of taken) task.found = { kind: 'unknown' };
    queue.putBack(taskOf(taken, 0));
    queue.holdOver([taskOf(taken, 1)]);
    expect(taken.map(({ task }) => task.found)).toEqual([undefined, undefined]);
  });
});
