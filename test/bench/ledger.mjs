/**
 * Figures of the ledger, against what the machine could do at best. Needs a build.
 *
 *   node test/bench/ledger.mjs [--json] [--actions 10000,100000,1000000]
 *
 * - append: durable records a second at 1, 16 and 256 writers, against one fdatasync a record.
 * - open: a ledger of N actions, each admitted, every tenth of them also screened, called, answered and settled (1.4 N lines),
 *   read into a state, against JSON.parse of its every line. Best of three, each in a process of its own.
 * - admit: peak memory of a process that admits N actions to a new ledger.
 */
import { spawnSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { systemClock } from '../../build/clock.js';
import { readLedger } from '../../build/ledger/read-ledger.js';
import { silentLog } from '../../build/log.js';
import { fileDisk } from '../../build/store/folder/file-disk.js';
import { FolderStore } from '../../build/store/folder/folder-store.js';
import { OPEN } from './bench-job.mjs';
import { idOf } from './ledger-ids.mjs';

const SELF = fileURLToPath(import.meta.url);
const REPEATS = 3;

const TASKS = { append, one: onePerSync, admit, fill, finish, parse, state };

async function openLedger(path) {
  const store = new FolderStore({ disk: fileDisk, clock: systemClock, log: silentLog });
  return (await store.hold({ name: path })).begin({ open: OPEN });
}

async function append(path, writers) {
  const seconds = 2;
  const ledger = await openLedger(path);
  const end = performance.now() + seconds * 1000;
  let count = 0;
  const writer = async () => {
    for (; performance.now() < end; count++) await ledger.intent({ route: 'get', id: idOf(count), attempt: 1 });
  };
  await Promise.all(Array.from({ length: Number(writers) }, writer));
  await ledger[Symbol.asyncDispose]();
  return { perSecond: Math.round(count / seconds) };
}

async function onePerSync(path) {
  const seconds = 2;
  const file = await open(path, 'a');
  const line = Buffer.from(`${'x'.repeat(180)}\n`);
  const end = performance.now() + seconds * 1000;
  let count = 0;
  for (; performance.now() < end; count++) {
    await file.write(line);
    await file.datasync();
  }
  await file.close();
  return { perSecond: Math.round(count / seconds) };
}

async function admit(path, actions) {
  const begun = performance.now();
  const ledger = await openLedger(path);
  ledger.beginIntake();
  for (let i = 0; i < Number(actions); i++) await ledger.admit({ id: idOf(i), line: i + 1 });
  await ledger.intake({ admitted: Number(actions), rejected: 0, bytes: 0, sha256: 'ab'.repeat(32) });
  await ledger[Symbol.asyncDispose]();
  return { ms: performance.now() - begun };
}

/** Every tenth action is settled. */
function fill(path, actions) {
  return settleEach(10, path, actions);
}

/** All of them are; for finished.mjs. */
function finish(path, actions) {
  return settleEach(1, path, actions);
}

async function settleEach(nth, path, actions) {
  const ledger = await openLedger(path);
  ledger.beginIntake();
  for (let i = 0; i < Number(actions); i++) await ledger.admit({ id: idOf(i), line: i + 1 });
  await ledger.intake({ admitted: Number(actions), rejected: 0, bytes: 0, sha256: 'ab'.repeat(32) });
  await ledger.start({ by: 'yes', count: Number(actions) });
  const wave = [];
  for (let i = 0; i < Number(actions); i += nth) {
    wave.push(settle(ledger, i));
    if (wave.length === 1000) await Promise.all(wave.splice(0));
  }
  await Promise.all(wave);
  await ledger.close('finished');
  await ledger[Symbol.asyncDispose]();
  return {};
}

async function settle(ledger, i) {
  const id = idOf(i);
  await ledger.screen([screenOf(id, i)]);
  const call = await ledger.intent({ route: 'cancel', id, attempt: 1 });
  await ledger.reply({ call, id, attempt: 1, ms: 180, http: 200 });
  await ledger.outcome({ id, outcome: 'cancelled', attempts: 1, status: 'Cancelled' });
}

function screenOf(id, i) {
  return {
    id,
    status: 'Pending',
    type: 'LiveResponse',
    machineId: String(i % 5000).padStart(40, '0'),
    computer: `host-${i % 5000}.example.com`,
    requestor: 'analyst@example.com',
    created: `2026-01-01T00:00:00.${String(i).padStart(7, '0')}Z`,
  };
}

async function parse(path) {
  const begun = performance.now();
  let lines = 0;
  let rest = '';
  for await (const chunk of createReadStream(path, { encoding: 'utf8', highWaterMark: 1 << 18 })) {
    const text = rest + chunk;
    let from = 0;
    for (let to = text.indexOf('\n'); to >= 0; to = text.indexOf('\n', from)) {
      JSON.parse(text.slice(from, to));
      lines++;
      from = to + 1;
    }
    rest = text.slice(from);
  }
  return { ms: performance.now() - begun, lines };
}

async function state(path, actions) {
  const begun = performance.now();
  const read = await readLedger(path, fileDisk);
  const ms = performance.now() - begun;
  if (read.fault !== undefined || read.state.actions.size !== Number(actions)) throw new Error('not what was written');
  return { ms, lines: read.records };
}

/** Runs one task in a process of its own; returns what it says, with its peak memory. */
function inChild(task, ...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SELF, '--task', task, ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${task} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout);
}

function best(task, ...args) {
  const tries = Array.from({ length: REPEATS }, () => inChild(task, ...args));
  return tries.reduce((least, each) => (each.ms < least.ms ? each : least));
}

async function bench(sizes, say) {
  const folder = await mkdtemp(join(tmpdir(), 'countermand-bench-'));
  try {
    const one = inChild('one', join(folder, 'one')).perSecond;
    say(`one fdatasync a record: ${one} records/s`);
    const appends = [1, 16, 256].map((writers) => {
      const { perSecond } = inChild('append', join(folder, `append-${writers}.jsonl`), String(writers));
      say(`${writers} writers: ${perSecond} durable records/s, ${(perSecond / one).toFixed(1)} times that`);
      return { writers, perSecond, ratio: perSecond / one };
    });
    const opens = sizes.map((actions) => {
      const path = join(folder, `open-${actions}.jsonl`);
      inChild('fill', path, actions);
      const plain = best('parse', path);
      const read = best('state', path, actions);
      const ratio = read.ms / plain.ms;
      const rssMb = Math.round(read.rssMb);
      say(
        `opening ${actions} actions (${read.lines} lines): ${Math.round(read.ms)} ms, JSON.parse of every line ${Math.round(plain.ms)} ms, ratio ${ratio.toFixed(2)}, peak ${rssMb} MB`,
      );
      return { actions: Number(actions), lines: read.lines, ms: read.ms, parseMs: plain.ms, ratio, rssMb };
    });
    const most = sizes.at(-1);
    const admitted = inChild('admit', join(folder, 'admit.jsonl'), most);
    say(`admitting ${most} actions: ${Math.round(admitted.ms)} ms, peak ${Math.round(admitted.rssMb)} MB`);
    return { one, appends, opens, admit: { actions: Number(most), ms: admitted.ms, rssMb: admitted.rssMb } };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    actions: { type: 'string', default: '10000,100000,1000000' },
    task: { type: 'string' },
  },
});
if (values.task === undefined) {
  const figures = await bench(values.actions.split(','), values.json ? () => {} : console.log);
  if (values.json) console.log(JSON.stringify(figures));
} else {
  const said = await TASKS[values.task](...positionals);
  console.log(JSON.stringify({ ...said, rssMb: process.resourceUsage().maxRSS / 1024 }));
}
