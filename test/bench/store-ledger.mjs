/**
 * The ledger's half of `store.mjs`: runs through the real ledger and openings of a long one, in PostgreSQL and in a folder beside it, in turns, so that
 * what else the machine does slows both. Each opening is a process of its own.
 */
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../build/clock.js';
import { readLedger } from '../../build/ledger/read-ledger.js';
import { silentLog } from '../../build/log.js';
import { fileDisk } from '../../build/store/folder/file-disk.js';
import { FolderStore } from '../../build/store/folder/folder-store.js';
import { openDatabase } from '../../build/store/postgres/database.js';
import { PostgresStore } from '../../build/store/postgres/postgres-store.js';
import { OPEN } from './bench-job.mjs';
import { idOf } from './ledger-ids.mjs';

const SELF = fileURLToPath(import.meta.url);
const LEDGER_BENCH = fileURLToPath(new URL('ledger.mjs', import.meta.url));
const CONCURRENCY = 16;
/** Of actions in a run, so that a round takes some seconds on any machine. */
const MOST_ACTIONS = 100_000;
const ROUND_MS = 4000;
const ROUNDS = 3;
/** What DESIGN asks for. */
const BOUNDS = { ofFolder: 0.15, perS: 500, ofParse: 3.5 };

async function storeAt(url, env) {
  const database = await openDatabase(url, { env, log: silentLog });
  const self = { pid: process.pid, host: hostname() };
  return new PostgresStore({ database, clock: systemClock, log: silentLog, self, uuid: randomUUID });
}

/** Actions a second: an intent that is durable, its reply, an outcome that is durable. */
async function actionsPerS(store, name) {
  const ledger = await (await store.hold({ name })).begin({ open: OPEN });
  ledger.beginIntake();
  for (let i = 0; i < MOST_ACTIONS; i++) await ledger.admit({ id: idOf(i), line: i + 1 });
  await ledger.intake({ admitted: MOST_ACTIONS, rejected: 0, bytes: 0, sha256: 'ab'.repeat(32) });
  await ledger.start({ by: 'yes', count: MOST_ACTIONS });
  let next = 0;
  const beganMs = performance.now();
  const work = async () => {
    while (next < MOST_ACTIONS && performance.now() - beganMs < ROUND_MS) {
      const id = idOf(next++);
      const call = await ledger.intent({ route: 'cancel', id, attempt: 1 });
      await ledger.reply({ call, id, attempt: 1, ms: 180, http: 200 });
      await ledger.outcome({ id, outcome: 'cancelled', attempts: 1, status: 'Cancelled' });
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  const perS = (1000 * next) / (performance.now() - beganMs);
  await ledger.close('interrupted');
  await ledger[Symbol.asyncDispose]();
  return perS;
}

function inProcess(args, env = process.env) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env });
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`);
  return stdout === '' ? {} : JSON.parse(stdout);
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

export async function measureLedger({ url, env }, actions) {
  const folder = await mkdtemp(join(tmpdir(), 'countermand-bench-'));
  const files = new FolderStore({ disk: fileDisk, clock: systemClock, log: silentLog });
  const store = await storeAt(url, env);
  try {
    const rounds = [];
    for (let round = 0; round < ROUNDS; round++) {
      const inFolder = await actionsPerS(files, join(folder, `rate-${round}.jsonl`));
      rounds.push({ inFolder, inStore: await actionsPerS(store, `rate-${round}`) });
    }
    const path = join(folder, 'long.jsonl');
    inProcess([LEDGER_BENCH, '--task', 'fill', path, String(actions)]);
    await store.import('long', path, fileDisk);
    const openings = [];
    for (let round = 0; round < ROUNDS; round++) {
      const parse = inProcess([LEDGER_BENCH, '--task', 'parse', path]);
      const inFolder = inProcess([LEDGER_BENCH, '--task', 'state', path, String(actions)]);
      const inStore = inProcess([SELF, url, 'long', String(actions)], { ...process.env, ...env });
      openings.push({ parseMs: parse.ms, folderMs: inFolder.ms, storeMs: inStore.ms });
    }
    // The least is what the work takes; all else is what others did meanwhile.
    const least = (name) => Math.min(...openings.map((each) => each[name]));
    const [parseMs, folderMs, storeMs] = ['parseMs', 'folderMs', 'storeMs'].map(least);
    return {
      actionsPerS: median(rounds.map(({ inStore }) => inStore)),
      actionsOfFolder: median(rounds.map(({ inFolder, inStore }) => inStore / inFolder)),
      ...{ actions, parseMs, folderMs, storeMs },
      openingOfParse: storeMs / parseMs,
      folderOfParse: folderMs / parseMs,
    };
  } finally {
    await store[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  }
}

/** As lines to show, and the bounds that were missed. */
export function ledgerWords(found) {
  const { actionsPerS: perS, actionsOfFolder, actions, parseMs, storeMs, openingOfParse, folderOfParse } = found;
  const lines = [
    `through the ledger, ${CONCURRENCY} at a time: ${perS.toFixed(0)} actions/s (at least ${BOUNDS.perS}), ${actionsOfFolder.toFixed(2)} of a folder's (at least ${BOUNDS.ofFolder})`,
    `opening ${actions} actions: ${storeMs.toFixed(0)} ms, JSON.parse of every line ${parseMs.toFixed(0)} ms, ratio ${openingOfParse.toFixed(2)} (at most ${BOUNDS.ofParse}); from a folder ${folderOfParse.toFixed(2)}`,
  ];
  const missed = [
    ...(perS < BOUNDS.perS ? ['actions a second'] : []),
    ...(actionsOfFolder < BOUNDS.ofFolder ? ["actions a second beside a folder's"] : []),
    ...(openingOfParse > BOUNDS.ofParse ? ['opening'] : []),
  ];
  return { lines, missed };
}

if (process.argv[1] === SELF) {
  const [url, name, actions] = process.argv.slice(2);
  const store = await storeAt(url, process.env);
  // What connecting costs is no part of it.
  await store.stat(name);
  const beganMs = performance.now();
  const { state, fault } = await readLedger(name, store);
  const ms = performance.now() - beganMs;
  if (fault !== undefined || state.actions.size !== Number(actions)) throw new Error('not what was written');
  await store[Symbol.asyncDispose]();
  console.log(JSON.stringify({ ms }));
}
