import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { silentLog } from '../../../src/log.ts';
import type { Database } from '../../../src/store/postgres/database.ts';
import { openQuota } from '../../../src/store/postgres/quota.ts';
import { countUnknown, rememberCalls } from '../../../src/store/postgres/quota-memory.ts';
import { openTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { type Harness, machine, makeHarness, OPEN } from '../folder/harness.ts';

const MINUTE = 60_000;
const OPTIONS = { windows: [{ calls: 40, perMs: MINUTE }], share: 1, routes: 'shared' as const };

let made: TestDatabase;
let database: Database;
let pid = 100;
let tenants = 0;

beforeAll(async () => {
  made = await openTestDatabase();
  database = await made.connect();
});
afterAll(() => made[Symbol.asyncDispose]());

/** A session that makes `count` calls, and meanwhile what else is to be done with its ledger, which is of a folder: what is imported is the same. */
async function session<T>(harness: Harness, count: number, work: (ledger: Ledger) => Promise<T>): Promise<T> {
  const ledger = await harness.open({ processes: machine(++pid, new Map()) });
  const done = await work(ledger);
  for (let n = 0; n < count; n++) {
    const call = await ledger.intent({ route: 'list', ids: 100, attempt: 1 });
    await ledger.reply({ call, ms: 1, http: 200 });
  }
  await ledger.close('planned');
  await ledger[Symbol.asyncDispose]();
  return done;
}

const newSender = () => ({ ...OPEN, tenant: `tenant-${++tenants}` });

/** What a session finds to be taken, and how often it asked Defender for its clock. */
async function taken({ clock }: Harness, ledger: Ledger | undefined, sender: ReturnType<typeof newSender>, skewMs = 0) {
  let asked = 0;
  const measureSkew = async () => {
    asked++;
    return skewMs;
  };
  await using quota = await openQuota(database, sender, OPTIONS, { ledger, measureSkew, log: silentLog }, clock);
  return { taken: 40 - (quota.left()[0]?.left ?? 0), asked };
}

it('calls of an imported ledger from before its import count once, however often it is gone on with', async () => {
  const harness = makeHarness();
  const sender = newSender();
  await session(harness, 3, async () => {});
  const find = (ledger: Ledger) => taken(harness, ledger, sender);
  // What these sessions call would stand in the database by itself.
  expect(await session(harness, 5, find)).toEqual({ taken: 3, asked: 1 });
  expect(await session(harness, 5, find)).toEqual({ taken: 3, asked: 0 });
});

it('calls of an imported ledger are judged by every clock, as in a folder', async () => {
  const harness = makeHarness();
  await session(harness, 3, async () => {});
  harness.clock.moveWall(50 * MINUTE);
  const bySkew = (ledger: Ledger) => taken(harness, ledger, newSender(), -50 * MINUTE);
  expect(await session(harness, 0, bySkew)).toEqual({ taken: 3, asked: 1 });
});

it('calls of an imported ledger that are over do not count', async () => {
  const harness = makeHarness();
  await session(harness, 3, async () => {});
  harness.clock.stand(2 * MINUTE);
  expect(await session(harness, 0, (ledger) => taken(harness, ledger, newSender()))).toEqual({ taken: 0, asked: 1 });
});

it('calls in a folder after an export count when that is imported again', async () => {
  const harness = makeHarness();
  const sender = newSender();
  const find = (ledger: Ledger) => taken(harness, ledger, sender);
  expect(await session(harness, 0, find)).toEqual({ taken: 0, asked: 0 });
  await session(harness, 4, async () => {});
  expect(await session(harness, 0, find)).toEqual({ taken: 4, asked: 1 });
});

it('whoever only looks fills in nothing, and asks nobody', async () => {
  expect(await taken(makeHarness(), undefined, newSender())).toEqual({ taken: 0, asked: 0 });
});

it('calls that a folder holds are told to the store once, and count for all of its runs', async () => {
  const sender = newSender();
  const ledgers = [
    { run: 'run-1', ended: [1, 2], calls: callsOf([1, 1, 2]) },
    { run: 'run-2', ended: [1], calls: callsOf([1, 1]) },
  ];
  const clock = makeHarness().clock;
  const tell = () => rememberCalls(database, sender, { longestMs: MINUTE, ledgers }, { clock, log: silentLog });
  expect(await countUnknown(database, ledgers)).toBe(5);
  expect(await tell()).toBe(5);
  expect(await countUnknown(database, ledgers)).toBe(0);
  expect(await tell()).toBe(0);
  expect((await taken(makeHarness(), undefined, sender)).taken).toBe(5);
  expect((await taken(makeHarness(), undefined, newSender())).taken).toBe(0);
});

it('a session that goes on in a folder is asked again, so that none of its calls is missed', async () => {
  const sender = newSender();
  const clock = makeHarness().clock;
  const tell = (sessions: readonly number[], ended: readonly number[]) => {
    const ledgers = [{ run: 'run-3', ended, calls: callsOf(sessions) }];
    return rememberCalls(database, sender, { longestMs: MINUTE, ledgers }, { clock, log: silentLog });
  };
  expect(await tell([1, 2], [1])).toBe(2);
  expect(await tell([1, 2, 2], [1, 2])).toBe(2);
  expect(await tell([1, 2, 2], [1, 2])).toBe(0);
});

/** Calls of these sessions, just made. */
function callsOf(sessions: readonly number[]) {
  return (among: (session: number) => boolean) =>
    sessions.filter(among).map(() => ({ route: 'cancel' as const, ageMs: 0 }));
}
