import { once } from 'node:events';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/sandbox/seeded.ts';
import { ids, openHarness } from '../support/harness.ts';
import { type Doubt, doubtIn, expectLookedUpFirst, expectOrderlyEnd, goOn } from './after-kill.ts';

const RUNS = 100;
const KILLS_A_RUN = 2;
/** Runs at a time: they mostly wait for windows and for what became of their cancels. */
const LANES = 10;
const COUNT = 90;
/** A sixth is over and never called: so many requests are made for certain, and each of the kills falls into its share of them. */
const REQUESTS = 75;
const LEDGER = 'ledgers/many.jsonl';
/** Who is killed in the moment between making its lock and writing into it leaves one that says nothing: the next watches it for a minute. */
const WATCHED_MS = 150_000;

/** What has happened when a session is killed: so many requests of the run, and so much time. */
interface Moment {
  requests: number;
  afterMs: number;
}

test('runs killed at 200 random moments are each gone on with, and nothing is done twice', async () => {
  const random = seededRandom(4711);
  const runs = Array.from({ length: RUNS }, (_, run) =>
    Array.from({ length: KILLS_A_RUN }, (_, kill): Moment => {
      // A tenth of the sessions is killed before its first call, while it starts, reads or screens.
      if (run % 10 === kill) return { requests: 0, afterMs: 150 + random() * 300 };
      return { requests: Math.floor(((kill + random()) * REQUESTS) / KILLS_A_RUN), afterMs: random() * 40 };
    }),
  );
  const killed: Killed[] = [];
  const lane = async () => {
    for (let moments = runs.pop(); moments !== undefined; moments = runs.pop())
      killed.push(await killAndResume(moments));
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const total = (count: (run: Killed) => number) => killed.reduce((sum, run) => sum + count(run), 0);
  expect(total(({ kills }) => kills)).toBe(RUNS * KILLS_A_RUN);
  // Else it would say little that those in doubt were looked up first.
  const inDoubt = total(({ doubts }) => doubts.filter(({ ids: doubtful }) => doubtful.length > 0).length);
  expect(inDoubt).toBeGreaterThan(RUNS);
});

/** How many sessions of a run were killed before they had ended, and what each kill left in doubt. */
interface Killed {
  kills: number;
  doubts: Doubt[];
}

async function killAndResume(moments: readonly Moment[]): Promise<Killed> {
  await using harness = await openHarness({
    windows: '40/1s',
    actions: ids(COUNT).map((id, index) => ({
      id,
      status: index % 6 === 5 ? 'Succeeded' : 'InProgress',
      type: 'RunAntiVirusScan',
    })),
    behaviours: {
      seed: 9,
      mix: [
        { share: 8, behaviour: {} },
        { share: 1, behaviour: { onCancel: { kind: 'later', becomes: 'Cancelled', afterMs: 500 } } },
        { share: 1, behaviour: { onCancel: { kind: 'later', becomes: 'Failed', afterMs: 500 } } },
      ],
    },
    latencyMs: [2, 60],
  });
  const { log } = harness.sandbox;
  await harness.file('many.txt', ids(COUNT));
  let kills = 0;
  const doubts: Doubt[] = [];
  for (const { requests, afterMs } of moments) {
    const args = await goOn(harness, 'many.txt', LEDGER);
    await using command = harness.start([...args, '--concurrency', '6'], { timeoutMs: WATCHED_MS });
    await Promise.race([log.until(() => log.entries.length >= requests), once(command.child, 'close')]);
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    command.kill('SIGKILL');
    if ((await command.ended).signal === 'SIGKILL') kills++;
    doubts.push(await doubtIn(harness, LEDGER));
  }
  await expectOrderlyEnd(harness, 'many.txt', LEDGER, ids(COUNT));
  for (const doubt of doubts) expectLookedUpFirst(harness, doubt);
  return { kills, doubts };
}
