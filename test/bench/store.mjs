/**
 * What a store in PostgreSQL costs, on a server of its own with all that makes it durable. Needs a build. Exits 1 when a bound is missed.
 *
 *   node test/bench/store.mjs [--json] [--only ledger|quota] [--actions 1000000] [--senders 500] [--calls 1400] [--seconds 30] [--connections 8]
 *
 * Ledger: see store-ledger.mjs.
 * Quota: 500 senders with 1,400 calls each in the last hour, as when all go at full speed, which is 208 calls a second.
 * The rates are also said as parts of what the server makes of the smallest durable commits, one after the other and with as many at once: what else the
 * machine does slows both. Growth: the late third of the paced calls against the early one, which says something from some minutes on.
 */
import { parseArgs } from 'node:util';
import { systemClock } from '../../build/clock.js';
import { silentLog } from '../../build/log.js';
import { DOCUMENTED_WINDOWS } from '../../build/quota/quota.js';
import { openDatabase } from '../../build/store/postgres/database.js';
import { openQuota } from '../../build/store/postgres/quota.js';
import { applyMigrations } from '../../build/store/postgres/schema.js';
import { ledgerWords, measureLedger } from './store-ledger.mjs';
import { startServer } from './store-server.mjs';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
    actions: { type: 'string', default: '1000000' },
    senders: { type: 'string', default: '500' },
    calls: { type: 'string', default: '1400' },
    seconds: { type: 'string', default: '30' },
    connections: { type: 'string', default: '8' },
  },
});
const [senders, calls, seconds, connections] = ['senders', 'calls', 'seconds', 'connections'].map((key) =>
  Number(values[key]),
);
const ROUNDS = 500;
/** 25 calls a minute for each sender, the most that an hour's window allows in the long run. */
const PACE_PER_S = (senders * 25) / 60;
const P99_MOST_MS = 100;

/** Turns a second, `together` at once. */
async function rate(together, turn) {
  let turns = 0;
  const beganMs = performance.now();
  const work = async () => {
    while (turns < ROUNDS) await turn(turns++);
  };
  await Promise.all(Array.from({ length: together }, work));
  return (1000 * ROUNDS) / (performance.now() - beganMs);
}

function percentile(sorted, part) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

/** Each call of the pace, begun when it is due: how long it waited for its slot (ms), and the latest begin. */
async function pace(quotas) {
  const waits = [];
  const beganMs = performance.now();
  const count = Math.round(PACE_PER_S * seconds);
  const pending = [];
  let lateMs = 0;
  for (let n = 0; n < count; n += 1) {
    const dueMs = beganMs + (1000 * n) / PACE_PER_S;
    const aheadMs = dueMs - performance.now();
    if (aheadMs > 1) await systemClock.sleep(aheadMs);
    lateMs = Math.max(lateMs, performance.now() - dueMs);
    const call = async () => {
      const askedMs = performance.now();
      const slot = await quotas[n % quotas.length].take('cancel');
      waits[n] = performance.now() - askedMs;
      await systemClock.sleep(200);
      slot.settle();
    };
    pending.push(call());
  }
  await Promise.all(pending);
  return { waits, lateMs };
}

async function measureQuota(server) {
  const database = await openDatabase(server.url, { env: server.env, log: silentLog, connections });
  const options = { windows: DOCUMENTED_WINDOWS, share: 1, routes: 'shared' };
  const open = (tenant) =>
    openQuota(
      database,
      { tenant, client: 'c', api: 'https://api.security.microsoft.com' },
      options,
      { log: silentLog },
      systemClock,
    );
  const quotas = await Promise.all(Array.from({ length: senders }, (_, n) => open(`tenant-${n}`)));
  const admin = await openDatabase(server.url, { env: server.env, log: silentLog, statementTimeoutMs: 120_000 });
  await admin.query(
    `insert into countermand.quota_call (scope, route, counted_at, flying)
       select scope, 'cancel', clock_timestamp() - interval '70 seconds' - n * interval '3500 seconds' / $1::int, false
         from countermand.quota_scope, generate_series(1, $1::int) as n`,
    [calls],
  );
  await admin.query('vacuum analyze countermand.quota_call');
  await admin.query('create table public.bare (id int primary key, n int not null) with (fillfactor = 50)');
  await admin.query('insert into public.bare select id, 0 from generate_series(0, $1::int) as id', [ROUNDS]);
  const size = async () => {
    const [row] = await admin.query("select pg_total_relation_size('countermand.quota_call') / 1048576.0 as mib");
    return Number(row.mib);
  };

  const bare = (n) => database.query('update public.bare set n = n + 1 where id = $1', [n]);
  const call = async (n) => (await quotas[n % quotas.length].take('cancel')).settle();
  const oneBare = await rate(1, bare);
  const one = await rate(1, call);
  const manyBare = await rate(connections, bare);
  const many = await rate(connections, call);
  const mibBefore = await size();
  const { waits, lateMs } = await pace(quotas);
  const third = Math.floor(waits.length / 3);
  const sorted = waits.toSorted((a, b) => a - b);
  const p99Of = (part) =>
    percentile(
      part.toSorted((a, b) => a - b),
      0.99,
    );
  const result = {
    rows: senders * calls,
    takePerS: one,
    takeOfBare: one / oneBare,
    takePerSTogether: many,
    takeOfBareTogether: many / manyBare,
    pacePerS: PACE_PER_S,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
    p99Growth: p99Of(waits.slice(-third)) / p99Of(waits.slice(0, third)),
    lateMs,
    mibBefore,
    mibAfter: await size(),
  };
  for (const quota of quotas) await quota[Symbol.asyncDispose]();
  await admin[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
  return result;
}

function quotaWords(found) {
  const shown = (value, digits = 0) => value.toFixed(digits);
  const lines = [
    `${senders} senders with ${calls} calls each in the last hour (${found.rows} rows, ${shown(found.mibBefore)} MiB)`,
    `a slot taken and given back, one at a time: ${shown(found.takePerS)}/s, ${shown(found.takeOfBare, 2)} of the smallest durable commits`,
    `${connections} at a time: ${shown(found.takePerSTogether)}/s, ${shown(found.takeOfBareTogether, 2)} of those commits`,
    `paced ${shown(found.pacePerS)}/s for ${seconds} s: a slot after ${shown(found.p50Ms, 1)} ms (p50), ${shown(found.p99Ms, 1)} ms (p99, at most ${P99_MOST_MS}); late third ÷ early third ${shown(found.p99Growth, 2)}, ${shown(found.mibAfter)} MiB`,
  ];
  return { lines, missed: found.p99Ms <= P99_MOST_MS ? [] : ['p99 of the paced calls'] };
}

const PARTS = {
  ledger: { measure: (server) => measureLedger(server, Number(values.actions)), words: ledgerWords },
  quota: { measure: measureQuota, words: quotaWords },
};

const server = await startServer();
const figures = {};
const missed = [];
try {
  const database = await openDatabase(server.url, { env: server.env, log: silentLog });
  await applyMigrations(database);
  await database[Symbol.asyncDispose]();
  for (const [name, { measure, words }] of Object.entries(PARTS)) {
    if (values.only !== undefined && values.only !== name) continue;
    figures[name] = await measure(server);
    const told = words(figures[name]);
    missed.push(...told.missed);
    if (!values.json) console.log(told.lines.join('\n'));
  }
} finally {
  await server.stop();
}
if (values.json) console.log(JSON.stringify({ ...figures, missed }, null, 2));
else if (missed.length > 0) console.log(`Missed: ${missed.join(', ')}`);
process.exitCode = missed.length > 0 ? 1 : 0;
