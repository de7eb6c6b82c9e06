import { RunQueue } from '../../src/fleet/queue.ts';
import { silentLog } from '../../src/log.ts';
import { openTestDatabase, storeOf } from '../support/postgres.ts';
import { workQueueSuite } from './work-queue-suite.ts';

workQueueSuite('pg-boss in PostgreSQL', async () => {
  const made = await openTestDatabase();
  const queueAt = async (as: 'worker' | 'client') => await RunQueue.open(storeOf(await made.connect()), silentLog, as);
  const client = await queueAt('client');
  return {
    open: () => queueAt('worker'),
    submit: (submission) => client.submit(submission),
    takeOut: (run) => client.takeOut(run),
    revive: (run) => client.revive(run),
    until: (what) => what,
    [Symbol.asyncDispose]: async () => {
      await client[Symbol.asyncDispose]();
      await made[Symbol.asyncDispose]();
    },
  };
});
