// One process of a sender that shares its quota in a database: calls until the service says that there is no more to do. Needs a build.
import { systemClock } from '../../build/clock.js';
import { silentLog } from '../../build/log.js';
import { keepAlive } from '../../build/quota/keep-alive.js';
import { openDatabase } from '../../build/store/postgres/database.js';
import { openQuota } from '../../build/store/postgres/quota.js';

const { store, service, windows, concurrency } = JSON.parse(process.argv[2]);
const sender = { tenant: 'tenant', client: 'client', api: 'https://api.security.microsoft.com' };
const options = { windows, share: 1, routes: 'shared' };

const alive = keepAlive();
const database = await openDatabase(store, { env: process.env, log: silentLog });
const quota = await openQuota(database, sender, options, { log: silentLog }, systemClock);

async function work() {
  for (let more = true; more; ) {
    const slot = await quota.take('cancel');
    if (!slot.usable()) {
      slot.release();
      continue;
    }
    const sentAtMs = systemClock.monotonicMs();
    try {
      const answer = await fetch(service);
      await answer.text();
      slot.settle();
      more = answer.status !== 410;
    } catch {
      slot.settleUnanswered(sentAtMs);
    }
  }
}

try {
  await Promise.all(Array.from({ length: concurrency }, work));
} catch {
  // The database is gone: the next process goes on when it is back.
  process.exitCode = 6;
}
await quota[Symbol.asyncDispose]();
await database[Symbol.asyncDispose]().catch(() => {});
alive[Symbol.dispose]();
