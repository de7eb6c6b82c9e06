// How long N calls take under the documented windows, and whether they stay inside them: the quota of this tool beside
// the usual ways, on a virtual clock, through the real Bottleneck and p-queue. Then what held slots cost, in real time.
//
//   node test/bench/quota.mjs [--json]      (after a build; exits 1 when a bound is missed)
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import FakeTimers from '@sinonjs/fake-timers';
import Bottleneck from 'bottleneck';
import PQueue from 'p-queue';
import { systemClock } from '../../build/clock.js';
import { MARGIN_MS } from '../../build/quota/call-times.js';
import { makeQuota } from '../../build/quota/local/local-quota.js';
import { DOCUMENTED_WINDOWS } from '../../build/quota/quota.js';
import { heldCost } from './quota-held.mjs';

const SIZES = [100, 1500, 5000, 25_000];
const MINUTE = 60_000;
const HOUR = 3_600_000;
const CONCURRENCY = 16;
const LATENCY_MS = { least: 5, most: 300 };
const LONGEST_ROUND_TRIP_MS = 2 * LATENCY_MS.most;
const OURS = 'held slots, nested (this tool)';

/** Each way takes a function that sends one call, and decides when to call it. */
const WAYS = {
  'reservoir refresh, minute chained to hour': () => {
    const minute = reservoir(100, MINUTE);
    minute.chain(reservoir(1500, HOUR));
    return (send) => minute.schedule(send);
  },
  'reservoir refresh, hour chained to minute': () => {
    const hour = reservoir(1500, HOUR);
    hour.chain(reservoir(100, MINUTE));
    return (send) => hour.schedule(send);
  },
  'minTime 2400 ms': () => {
    const limiter = new Bottleneck({ minTime: 2400 });
    return (send) => limiter.schedule(send);
  },
  'p-queue strict, nested': () => {
    const hour = new PQueue({ intervalCap: 1500, interval: HOUR, strict: true });
    const minute = new PQueue({ intervalCap: 100, interval: MINUTE, strict: true });
    return (send) => hour.add(() => minute.add(send));
  },
  'held slots through .chain': () => {
    const minute = new Bottleneck({ maxConcurrent: 100 });
    minute.chain(new Bottleneck({ maxConcurrent: 1500 }));
    return (send) =>
      new Promise((resolve) => {
        void minute.schedule(async () => {
          resolve(await send());
          await systemClock.sleep(MINUTE + MARGIN_MS);
        });
      });
  },
  [OURS]: () => {
    const quota = makeQuota({ windows: DOCUMENTED_WINDOWS, clock: systemClock });
    return async (send) => {
      const slot = await quota.take('cancel');
      await send();
      slot.settle();
    };
  },
};

function reservoir(amount, interval) {
  return new Bottleneck({
    reservoir: amount,
    reservoirRefreshAmount: amount,
    reservoirRefreshInterval: interval,
  });
}

/** Sends `count` calls one way, fed as the engine feeds them, and returns each call's moments in virtual ms. */
async function measure(makeWay, count) {
  const clock = FakeTimers.install({
    now: Date.UTC(2026, 0, 5, 12),
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
  });
  try {
    const random = seededRandom(count);
    const latency = () => LATENCY_MS.least + random() * (LATENCY_MS.most - LATENCY_MS.least);
    const way = makeWay();
    const calls = [];
    const beganMs = performance.now();
    const send = async () => {
      const call = { sentMs: performance.now() - beganMs };
      calls.push(call);
      await systemClock.sleep(latency());
      call.arrivedMs = performance.now() - beganMs;
      await systemClock.sleep(latency());
      call.answeredMs = performance.now() - beganMs;
    };
    let done = false;
    const feed = async () => {
      const workers = new PQueue({ concurrency: CONCURRENCY });
      for (let n = 0; n < count; n += 1) {
        await workers.onSizeLessThan(4 * CONCURRENCY);
        void workers.add(() => way(send));
      }
      await workers.onIdle();
      done = true;
    };
    void feed();
    const settle = () => new Promise((resolve) => setImmediate(resolve));
    for (await settle(); !done; await settle()) clock.next();
    return calls;
  } finally {
    clock.uninstall();
  }
}

/** The fullest span, each call counted at its worst moment between send and answer. */
function mostInAnySpan(calls, perMs) {
  const sent = calls.map(({ sentMs }) => sentMs).sort((a, b) => a - b);
  const answered = calls.map(({ answeredMs }) => answeredMs).sort((a, b) => a - b);
  let most = 0;
  let begun = 0;
  for (const [passed, startMs] of answered.entries()) {
    while (begun < sent.length && sent[begun] <= startMs + perMs) begun += 1;
    most = Math.max(most, begun - passed);
  }
  return most;
}

/**
 * Refusals of a server that counts each call when it arrives, in sliding windows, and does not count those it refuses.
 */
function refusals(calls) {
  const accepted = [];
  let refused = 0;
  for (const atMs of calls.map(({ arrivedMs }) => arrivedMs).sort((a, b) => a - b)) {
    const full = DOCUMENTED_WINDOWS.some(({ calls: cap, perMs }) => (accepted.at(-cap) ?? -Infinity) > atMs - perMs);
    if (full) refused += 1;
    else accepted.push(atMs);
  }
  return refused;
}

/** The least that both windows allow: every hour's 1500 calls at once, in bursts of 100 a minute. */
function optimumMs(count) {
  return Math.floor((count - 1) / 1500) * HOUR + Math.floor(((count - 1) % 1500) / 100) * MINUTE;
}

/** The optimum, one longest round trip and margin for each burst, and what the first burst takes itself. */
function boundMs(count, calls) {
  const firstBurstMs = calls[Math.min(count, 100) - 1].answeredMs;
  return optimumMs(count) + Math.ceil(count / 100) * (LONGEST_ROUND_TRIP_MS + MARGIN_MS) + firstBurstMs;
}

function seededRandom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function compare() {
  const rows = [];
  for (const count of SIZES) {
    for (const [way, makeWay] of Object.entries(WAYS)) {
      const calls = await measure(makeWay, count);
      const makespanMs = Math.max(...calls.map(({ answeredMs }) => answeredMs));
      rows.push({
        calls: count,
        way,
        makespanS: makespanMs / 1000,
        optimumS: optimumMs(count) / 1000,
        // Of a single burst the optimum is no time at all.
        ratio: optimumMs(count) === 0 ? null : makespanMs / optimumMs(count),
        mostIn60s: mostInAnySpan(calls, MINUTE),
        mostIn3600s: mostInAnySpan(calls, HOUR),
        refusals: refusals(calls),
        ...(way === OURS && { boundS: boundMs(count, calls) / 1000, withinBound: makespanMs <= boundMs(count, calls) }),
      });
    }
  }
  return rows;
}

function table(rows) {
  const heads = ['calls', 'way', 'makespan s', 'optimum s', 'ratio', 'most in 60 s', 'most in 3600 s', 'refusals'];
  const lines = rows.map((row) => [
    row.calls,
    row.way === OURS ? `**${row.way}**` : row.way,
    row.makespanS.toFixed(1),
    row.optimumS,
    row.ratio?.toFixed(4) ?? '–',
    row.mostIn60s,
    row.mostIn3600s,
    row.refusals,
  ]);
  return [heads, heads.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function measureHeld() {
  const script = fileURLToPath(new URL('quota-held.mjs', import.meta.url));
  const child = spawnSync(process.execPath, ['--expose-gc', script], { encoding: 'utf8' });
  if (child.status !== 0) throw new Error(`measuring the held slots failed: ${child.stderr}`);
  return JSON.parse(child.stdout);
}

const rows = await compare();
const held = measureHeld();
const missed = [
  ...rows
    .filter(({ way, withinBound, refusals: refused, mostIn60s, mostIn3600s }) => {
      return way === OURS && !(withinBound && refused === 0 && mostIn60s <= 100 && mostIn3600s <= 1500);
    })
    .map(({ calls }) => `${calls} calls`),
  ...heldCost.filter(({ key, most }) => !(held[key] <= most)).map(({ key }) => key),
];
if (process.argv.includes('--json')) {
  console.log(JSON.stringify({ rows, held, missed }, null, 2));
} else {
  console.log(table(rows));
  for (const { key, says, most } of heldCost) console.log(`${says}: ${held[key].toFixed(1)} (at most ${most})`);
  if (missed.length > 0) console.log(`Missed: ${missed.join(', ')}`);
}
process.exitCode = missed.length > 0 ? 1 : 0;
