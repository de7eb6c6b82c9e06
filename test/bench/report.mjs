/**
 * A report of a large ledger in every format: seconds, processor seconds, peak memory and sizes of the files. Needs a build.
 *
 *   node test/bench/report.mjs [--json] [--actions 100000]
 *
 * The ledger is written through the ledger's own code: every action admitted, looked up, called, answered and settled, one in twenty of them as
 * something that needs a look. The report is the built command in a process of its own, as a person would start it.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { systemClock } from '../../build/clock.js';
import { resolveJob } from '../../build/job/resolve-job.js';
import { silentLog } from '../../build/log.js';
import { fileDisk } from '../../build/store/folder/file-disk.js';
import { FolderStore } from '../../build/store/folder/folder-store.js';

const COMMAND = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const TYPES = ['Isolate', 'RunAntiVirusScan', 'LiveResponse', 'CollectInvestigationPackage'];
const TROUBLE = ['failed', 'forbidden', 'ran-anyway', 'unknown', 'not-found'];
const BATCH = 1000;

const { values } = parseArgs({
  options: { json: { type: 'boolean' }, actions: { type: 'string', default: '100000' } },
});
const actions = Number(values.actions);

const folder = await mkdtemp(join(tmpdir(), 'countermand-bench-'));
try {
  const path = join(folder, 'large.jsonl');
  await writeLedger(path);
  const out = join(folder, 'report');
  const ran = spawnSync(process.execPath, ['--import', measure(), COMMAND, 'report', path, '--out', out], {
    encoding: 'utf8',
    maxBuffer: 1e8,
  });
  if (ran.status !== 0) throw new Error(`the report ended with ${ran.status}:\n${ran.stderr}`);
  const { seconds, cpuSeconds, peakMb } = JSON.parse(ran.stderr.trim().split('\n').at(-1));
  const sizesMb = {};
  for (const name of await readdir(out)) sizesMb[name] = mb((await stat(join(out, name))).size);
  const result = { actions, ledgerMb: mb((await stat(path)).size), seconds, cpuSeconds, peakMb, sizesMb };
  if (values.json) console.log(JSON.stringify(result));
  else {
    console.log(`report of ${actions} actions (a ledger of ${result.ledgerMb} MB) in every format`);
    console.log(`  ${seconds} s (${cpuSeconds} s of processor time), peak memory ${peakMb} MB`);
    for (const [name, size] of Object.entries(sizesMb)) console.log(`  ${name.padEnd(20)} ${size} MB`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** What the process itself says at its end: its age and its peak memory. */
function measure() {
  const code =
    "process.on('exit', () => process.stderr.write('\\n' + JSON.stringify({ seconds: Math.round(performance.now()) / 1000, " +
    'cpuSeconds: Math.round((process.cpuUsage().user + process.cpuUsage().system) / 1000) / 1000, peakMb: Math.round(process.resourceUsage().maxRSS * 1024 / 1e6) })));';
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

async function writeLedger(path) {
  const job = resolveJob({
    sourceArg: '-',
    flags: { comment: 'bench' },
    env: {
      AZURE_TENANT_ID: '5a0dbc0c-7d53-4e1c-9f6e-000000000001',
      AZURE_CLIENT_ID: '5a0dbc0c-7d53-4e1c-9f6e-000000000002',
    },
    cwd: folder,
    nowMs: Date.now(),
  });
  const open = { tool: 'countermand bench', tenant: job.tenant, client: job.clientId, api: 'https://localhost', job };
  const store = new FolderStore({ disk: fileDisk, clock: systemClock, log: silentLog });
  const ledger = await (await store.hold({ name: path })).begin({ open });
  const ids = Array.from({ length: actions }, (_, n) => idOf(n));
  ledger.beginIntake();
  for (let n = 0; n < actions; n++) await ledger.admit({ id: ids[n], line: n + 2 });
  await ledger.intake({ admitted: actions, rejected: 0, bytes: actions * 37, sha256: '0'.repeat(64) });
  for (let at = 0; at < actions; at += BATCH) await ledger.screen(ids.slice(at, at + BATCH).map(screenOf));
  await ledger.start({ by: 'yes', count: actions });
  for (let at = 0; at < actions; at += BATCH)
    await Promise.all(ids.slice(at, at + BATCH).map((id, n) => settle(ledger, id, at + n)));
  await ledger.close('finished');
  await ledger[Symbol.asyncDispose]();
}

function screenOf(id, n) {
  const computer = `desktop-${n % 5000}.contoso.com`;
  const created = new Date(Date.now() - 3_600_000).toISOString();
  const type = TYPES[n % TYPES.length];
  return {
    id,
    status: 'Pending',
    type,
    machineId: id.replaceAll('-', '').padEnd(40, '0'),
    computer,
    requestor: 'soc-automation',
    created,
  };
}

async function settle(ledger, id, n) {
  const call = await ledger.intent({ route: 'cancel', id, attempt: 1 });
  const trouble = n % 20 === 0 ? TROUBLE[(n / 20) % TROUBLE.length] : undefined;
  const refused = trouble === 'failed' || trouble === 'forbidden';
  const answer = refused ? { http: 400, code: 'BadRequest', correlation: id } : { http: 200 };
  await ledger.reply({ call, id, attempt: 1, ms: 120, ...answer });
  await ledger.outcome({
    id,
    outcome: trouble ?? 'cancelled',
    attempts: 1,
    status: refused ? 'Pending' : 'Cancelled',
    ...(trouble ? { detail: 'made up' } : {}),
  });
}

function idOf(n) {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
}

function mb(bytes) {
  return Math.round(bytes / 10_000) / 100;
}
