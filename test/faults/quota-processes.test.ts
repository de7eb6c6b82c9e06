import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/sandbox/seeded.ts';
import { type QuotaWindow, StrictQuota } from '../../src/sandbox/strict-quota.ts';
import { makeTestDatabase } from '../support/postgres.ts';
import { startPostgres } from '../support/postgres-server.ts';

/* Real processes, a real database and a service that counts each call at a moment of its own, in windows much shorter than the documented ones. */

const CHILD = fileURLToPath(new URL('../support/quota-child.mjs', import.meta.url));
const windowsOf = (shortMs: number) => [
  { calls: 20, perMs: shortMs },
  { calls: 100, perMs: 10 * shortMs },
];
const PROCESSES = 4;
/** A burst costs its round trip besides, which on a busy machine is a tenth of a second and more. */
const SHORT_MS = Number(process.env['COUNTERMAND_TEST_SHORT_MS'] ?? 2000);

/** Refuses whatever is beyond the windows, and says 410 once it has counted `most`. */
async function startService(most: number, windows: readonly QuotaWindow[], random: () => number) {
  const quota = new StrictQuota({ windows, rule: 'sliding', offsetMs: 0, countRefused: false });
  const seen = { refused: 0, countedAtMs: [] as number[] };
  const server = createServer(async (_, response) => {
    const answerInMs = 5 + random() * 35;
    const countInMs = random() * answerInMs;
    await sleep(countInMs);
    const nowMs = performance.now();
    if (seen.countedAtMs.length >= most) response.statusCode = 410;
    else if (quota.count('sender', nowMs) === undefined) seen.countedAtMs.push(nowMs);
    else {
      seen.refused += 1;
      response.statusCode = 429;
    }
    await sleep(answerInMs - countInMs);
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    seen,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** As many processes as there shall be; who ends before the work is done is replaced. */
function startProcesses(
  argument: string,
  env: Record<string, string>,
  { isDone, random }: { isDone: () => boolean; random: () => number },
) {
  const children = new Set<ChildProcess>();
  const start = () => {
    const child = spawn(process.execPath, [CHILD, argument], { env: { ...process.env, ...env }, stdio: 'ignore' });
    children.add(child);
    child.once('exit', () => {
      children.delete(child);
      if (!isDone()) start();
    });
  };
  for (let n = 0; n < PROCESSES; n += 1) start();
  return {
    killOne: () => [...children][Math.floor(random() * children.size)]?.kill('SIGKILL'),
    [Symbol.asyncDispose]: async () => {
      const ended = [...children].map((child) => once(child, 'exit'));
      for (const child of children) child.kill('SIGKILL');
      await Promise.all(ended);
    },
  };
}

interface Tools {
  /** Of the processes, any. */
  killOne(): void;
  /** The database, which is then started again. */
  crash(): Promise<void>;
  seen: { readonly countedAtMs: readonly number[] };
  isDone(): boolean;
}

async function run(
  { most, shortMs, concurrency, seed }: { most: number; shortMs: number; concurrency: number; seed: number },
  trouble: (tools: Tools) => Promise<void>,
) {
  await using server = await startPostgres();
  await using database = await makeTestDatabase(server);
  const windows = windowsOf(shortMs);
  const random = seededRandom(seed);
  await using service = await startService(most, windows, random);
  const { seen } = service;
  let isOver = false;
  const isDone = () => isOver || seen.countedAtMs.length >= most;
  const argument = JSON.stringify({ store: database.url, service: service.url, windows, concurrency });
  await using processes = startProcesses(argument, database.passwordOf(database.url), { isDone, random });
  const crash = async () => {
    await server.crash();
    await sleep(300);
    await server.restart();
  };
  await trouble({ killOne: () => void processes.killOne(), crash, seen, isDone });
  isOver = true;
  const [first = 0] = seen.countedAtMs;
  return { refused: seen.refused, counted: seen.countedAtMs.length, tookMs: (seen.countedAtMs.at(-1) ?? 0) - first };
}

/** The time that four processes take for 300 calls, over the best that the windows allow. */
async function makespan(shortMs: number): Promise<number> {
  const work = { most: 300, shortMs, concurrency: 8, seed: 0 };
  const { refused, counted, tookMs } = await run(work, async ({ isDone }) => {
    while (!isDone()) await sleep(50);
  });
  expect({ refused, counted }).toEqual({ refused: 0, counted: 300 });
  // Two of the long windows, and of the third five bursts.
  const ratio = tookMs / (24 * shortMs);
  console.info(`300 calls of four processes took ${ratio.toFixed(3)} of the optimum, in windows of ${shortMs} ms`);
  return ratio;
}

test('four processes of one sender are refused nothing, and take hardly longer than the windows want', async () => {
  let ratio = await makespan(SHORT_MS);
  // What a busy machine adds to each burst weighs a third in windows three times as long, and what the quota gives away weighs as much as before.
  if (ratio > 1.05) ratio = await makespan(3 * SHORT_MS);
  expect(ratio).toBeGreaterThanOrEqual(1);
  expect(ratio).toBeLessThanOrEqual(1.05);
}, 500_000);

/** How many of the seeds run: few beside the other suites, all before a release. */
const SEEDS = Array.from({ length: Number(process.env['COUNTERMAND_SEEDS'] ?? 2) }, (_, n) => n + 1);
/** At a time: the processes mostly wait for windows. */
const LANES = 2;

test(
  'four processes of one sender are refused nothing while they are killed at random, and the database crashes twice, under every seed',
  async () => {
    const left = [...SEEDS];
    const lane = async () => {
      for (let seed = left.shift(); seed !== undefined; seed = left.shift()) await killAtRandom(seed);
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  },
  Math.ceil(SEEDS.length / LANES) * 240_000,
);

/** Calls that are made between two kills. What was under way at a kill is held for a minute and a half, so that too many at once leave nothing to do. */
const BETWEEN_KILLS = { least: 8, most: 50 };
/** Where so little is left to do that the next would not come: then it does all the same. */
const MOST_WAIT_MS = 15_000;
const CRASHES_AT = [60, 120];

async function killAtRandom(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const beganMs = performance.now();
  let kills = 0;
  const crashesAt = [...CRASHES_AT];
  // Few calls of each under way, so that a kill holds few slots.
  const work = { most: 300, shortMs: 1000, concurrency: 2, seed };
  const { refused, counted, tookMs } = await run(work, async ({ killOne, crash, seen, isDone }) => {
    const isOver = () => isDone() || performance.now() - beganMs > 200_000;
    while (!isOver()) {
      const { least, most } = BETWEEN_KILLS;
      const next = seen.countedAtMs.length + least + random() * (most - least);
      const untilMs = performance.now() + MOST_WAIT_MS;
      while (!isOver() && seen.countedAtMs.length < next && performance.now() < untilMs) await sleep(5);
      if (isOver()) return;
      killOne();
      kills += 1;
      if (seen.countedAtMs.length >= (crashesAt[0] ?? Number.POSITIVE_INFINITY)) {
        crashesAt.shift();
        await crash();
      }
    }
  });
  console.info(
    `seed ${seed}: ${counted} calls in ${Math.round(tookMs / 1000)} s with ${kills} kills and ${CRASHES_AT.length - crashesAt.length} crashes, ${refused} refused`,
  );
  expect({ seed, refused, crashesAt }).toEqual({ seed, refused: 0, crashesAt: [] });
  expect(counted).toBeGreaterThan(150);
}
