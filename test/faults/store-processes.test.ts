import { once } from 'node:events';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/sandbox/seeded.ts';
import { openTestDatabase } from '../support/postgres.ts';
import {
  CANCEL_INTENT,
  endLease,
  expectOrderlyStoreEnd,
  expectWhole,
  goOnInStore,
  openStoreWork,
  outcomeOf,
  type StoreWork,
  type StoreWorkOptions,
  untilFree,
} from './store-work.ts';

/* What happens to the processes of a run in a database: they are killed, and stand still for longer than their lease lasts. */

async function workOf(options: StoreWorkOptions): Promise<StoreWork> {
  const database = await openTestDatabase();
  const work = await openStoreWork(database, options);
  const end = async () => {
    await work[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  };
  return { ...work, [Symbol.asyncDispose]: end };
}

/** Where the process is stopped: with an intent that the database has and the answer in its socket, or after so many requests. */
const STOPS: readonly (number | 'right before a send')[] = ['right before a send', 'right before a send', 9, 23];

test.concurrent.for(STOPS.map((at, n) => ({ at, successor: n !== 0 })))(
  'a process that is stopped ($at) for longer than its lease sends nothing once it goes on (another has gone on with the run: $successor)',
  async ({ at, successor }) => {
    await using work = await workOf({ windows: '20/1s' });
    const { log } = work.sandbox;
    await using frozen = work.start([...(await goOnInStore(work)), '--concurrency', '4'], { timeoutMs: 250_000 });
    if (at === 'right before a send') {
      await log.until(() => log.effective().length >= 6);
      await new Promise<void>((resolve) => {
        work.proxy.meet(CANCEL_INTENT, 'after', () => {
          frozen.kill('SIGSTOP');
          resolve();
        });
      });
    } else {
      await log.until(() => log.count() >= at);
      frozen.kill('SIGSTOP');
    }
    const early = await work.run(['resume', 'many', '--yes'], work.direct);
    expect(early.code, early.stderr).toBe(11);
    await untilFree(work);
    if (successor) await expectOrderlyStoreEnd(work, { options: work.direct });
    const { length } = await work.bytes('many');
    const sent = log.count();

    frozen.kill('SIGCONT');
    const end = await frozen.ended;
    // Or it says first that the database did not answer in time, of a question that was under way.
    expect({ ...outcomeOf(end), stderr: end.stderr }).toMatchObject({ code: end.code === 6 ? 6 : 11, signal: null });
    expect(end.stderr).toMatch(/was not renewed for \d+ s|was taken over|Query read timeout/);
    expect(log.count()).toBe(sent);
    if (successor) expect(await work.bytes('many')).toHaveLength(length);
    else await expectOrderlyStoreEnd(work, { options: work.direct });
  },
);

test.concurrent('a run killed at eight random moments and gone on with each time is done once, inside the quota of all its sessions', async () => {
  const random = seededRandom(4711);
  await using work = await workOf({ count: 100, windows: '60/1s' });
  const { log } = work.sandbox;
  let kills = 0;
  for (let n = 0; n < 8; n++) {
    await using command = work.start([...(await goOnInStore(work)), '--concurrency', '4'], { timeoutMs: 100_000 });
    const wanted = log.count() + Math.floor(random() * 15);
    const ended = once(command.child, 'close');
    // A number of requests, and a part of a round trip.
    await Promise.race([log.until(() => log.count() >= wanted), ended]);
    const afterMs = random() * 40;
    await Promise.race([new Promise((resolve) => setTimeout(resolve, afterMs)), ended]);
    command.kill('SIGKILL');
    if ((await command.ended).signal === 'SIGKILL') kills++;
    await endLease(work);
  }
  expect(kills).toBe(8);
  await expectOrderlyStoreEnd(work);
});

test.concurrent('a 429 to one of two runs of a sender pauses both, and each is done once', async () => {
  await using work = await workOf({ count: 400, windows: '20/1s' });
  const { log, faults } = work.sandbox;
  const halves = [work.ids.slice(0, 200), work.ids.slice(200)] as const;
  for (const [index, half] of halves.entries()) await work.file(`half-${index}.txt`, half);
  const names = ['half-0', 'half-1'];
  await using first = work.start(await goOnInStore(work, 'half-0'), { timeoutMs: 250_000 });
  await using second = work.start(await goOnInStore(work, 'half-1'), { timeoutMs: 250_000 });
  const done = (half: readonly string[]) => half.filter((id) => log.effects(id) > 0).length;
  await log.until(() => halves.every((half) => done(half) >= 10));
  faults.next({ kind: 'too-many', seconds: 20 }, { route: 'cancel' });
  await log.until(() => log.entries.some(({ fault, status }) => fault === 'too-many' && status === 429));
  const refused = log.entries.find(({ fault }) => fault === 'too-many');
  const paused = "select from countermand.quota_scope where paused_until > countermand.clock() + interval '15 s'";
  while ((await work.database.sql(paused)).length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
  const ends = await Promise.all([first.ended, second.ended]);
  expect(
    ends.map(({ code }) => code),
    ends.map(({ stderr }) => stderr).join('\n'),
  ).toEqual([0, 0]);
  // What had its slot by then may still be sent, and a busy machine takes its time to hear of a pause; from then on nothing is.
  const fromMs = (refused?.arrivedMs ?? 0) + 6000;
  const untilMs = (refused?.answeredMs ?? 0) + 20_000;
  expect(log.entries.filter(({ arrivedMs }) => arrivedMs > fromMs && arrivedMs < untilMs)).toEqual([]);
  const after = log.entries.filter(({ arrivedMs, route }) => route === 'cancel' && arrivedMs > untilMs);
  for (const half of halves) expect(after.some(({ ids: [id = ''] }) => half.includes(id))).toBe(true);
  for (const [index, name] of names.entries()) await expectWhole(work, { run: name, ids: halves[index] ?? [] });
});
