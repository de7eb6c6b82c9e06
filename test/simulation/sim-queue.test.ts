import { expect } from 'vitest';
import { workQueueSuite } from '../fleet/work-queue-suite.ts';
import { VirtualTime } from './clock.ts';
import { HONEST } from './fleet/fleet-scenario.ts';
import { SimQueue } from './fleet/sim-queue.ts';
import { SimProcess } from './process.ts';
import { Random } from './seed.ts';

workQueueSuite('the one of the simulation, where it is honest', async () => {
  const time = new VirtualTime();
  const queue = new SimQueue({
    ...{ random: new Random('a queue'), lies: HONEST, now: () => time.now(), isCalm: () => false },
    ...{ trace: () => undefined, onBegin: () => undefined, onTold: ({ queued }) => queued.row },
  });
  let pid = 0;
  return {
    open: () => queue.open(new SimProcess({ pid: ++pid, name: `worker-${pid}`, onKill: () => undefined })),
    submit: (submission) => Promise.resolve(queue.submit(submission)),
    takeOut: (run) => Promise.resolve(queue.takeOut(run)),
    revive: (run) => Promise.resolve(queue.revive(run)),
    until: async (what) => {
      let isOver = false;
      const over = what.finally(() => {
        isOver = true;
      });
      expect(await time.runUntil(() => isOver, 3_600_000)).toBe(true);
      return await over;
    },
    [Symbol.asyncDispose]: () => time.uninstall(),
  };
});
