/**
 * What taking a long list in costs: the built command reads, checks and admits N action IDs to its ledger. Needs a build, and Linux.
 *
 *   node test/bench/intake.mjs [--json] [--actions 10000,100000,1000000] [--form csv|json]
 *
 * `json` is a page as Defender and `az rest` give it, all of it on one line; alone, it is read with JSON.parse.
 *
 * From the command's start to its first cancel, which comes after all IDs and the run's start are on disk. The peak of its memory is the
 * kernel's figure at that moment; the time is told against reading the same file with the library alone, in a process of its own.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream, readFileSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parse } from 'csv-parse';
import { startSandbox } from '../../build/sandbox/start-sandbox.js';
import { idOf } from './ledger-ids.mjs';

const SELF = fileURLToPath(import.meta.url);
const COMMAND = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    actions: { type: 'string', default: '10000,100000,1000000' },
    form: { type: 'string', default: 'csv' },
    task: { type: 'string' },
  },
});

/** As an export of the portal has them: the ID is one column of several. */
async function* rowsOf(actions) {
  yield 'Id,Type,Status,ComputerDnsName,Requestor\n';
  for (let i = 0; i < actions; i++) {
    yield `${idOf(i)},Isolate,Pending,host-${i % 5000}.example.com,"detection rule ""beacon, v2"""\n`;
  }
}

async function* pageOf(actions) {
  yield '{"@odata.context":"https://api.securitycenter.microsoft.com/api/$metadata#MachineActions","value":[';
  for (let i = 0; i < actions; i++) {
    const action = { id: idOf(i), type: 'Isolate', status: 'Pending', computerDnsName: `host-${i % 5000}.example.com` };
    yield `${i === 0 ? '' : ','}${JSON.stringify({ ...action, machineId: '7b1f'.repeat(10), commands: [] })}`;
  }
  yield ']}';
}

async function readAlone(path) {
  const begun = performance.now();
  let rows = 0;
  if (values.form === 'json') {
    rows = JSON.parse(readFileSync(path, 'utf8')).value.length;
    return { ms: performance.now() - begun, rows };
  }
  const rowsRead = createReadStream(path).pipe(parse({ columns: true }));
  for await (const row of rowsRead) if (row.Id !== undefined) rows++;
  return { ms: performance.now() - begun, rows };
}

/** Until its first cancel arrives; then it is killed. */
async function runIntake(list, ledger, folder) {
  const sandbox = await startSandbox({ quota: false, actions: [] });
  const flags = ['--yes', '--comment', 'measured', '--ledger', ledger, '--screen', 'never', '--confirm-for', '0'];
  const begun = performance.now();
  const child = spawn(process.execPath, [COMMAND, 'run', list, ...flags], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...sandbox.environment() },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const closed = once(child, 'close');
  try {
    await Promise.race([sandbox.log.until((log) => log.count('cancel') > 0), closed]);
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${stderr}`);
    const ms = performance.now() - begun;
    const [, kb] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'));
    return { ms, peakMb: Number(kb) / 1024 };
  } finally {
    child.kill('SIGKILL');
    await closed;
    await sandbox.close();
  }
}

async function bench(sizes, say) {
  const folder = await mkdtemp(join(tmpdir(), 'countermand-bench-'));
  try {
    const figures = [];
    for (const actions of sizes) {
      const list = join(folder, `${actions}.${values.form}`);
      const text = values.form === 'json' ? pageOf(actions) : rowsOf(actions);
      await pipeline(Readable.from(text), createWriteStream(list));
      const howAlone = [SELF, '--task', 'alone', '--form', values.form, list];
      const { stdout } = spawnSync(process.execPath, howAlone, { encoding: 'utf8' });
      const alone = JSON.parse(stdout);
      if (alone.rows !== actions) throw new Error(`the file has ${alone.rows} rows`);
      const taken = await runIntake(list, join(folder, `${actions}.jsonl`), folder);
      const listMb = (await stat(list)).size / 1e6;
      const ratio = taken.ms / alone.ms;
      say(
        `${actions} IDs (${listMb.toFixed(0)} MB): first cancel after ${(taken.ms / 1000).toFixed(1)} s, ${values.form === 'json' ? 'JSON.parse' : 'csv-parse'} alone ${(alone.ms / 1000).toFixed(1)} s, ratio ${ratio.toFixed(2)}, peak ${Math.round(taken.peakMb)} MB`,
      );
      figures.push({ actions, listMb, ...taken, aloneMs: alone.ms, ratio });
    }
    return figures;
  } finally {
    await rm(folder, { recursive: true });
  }
}

if (values.task === 'alone') console.log(JSON.stringify(await readAlone(positionals[0])));
else {
  const figures = await bench(values.actions.split(',').map(Number), values.json ? () => {} : console.log);
  if (values.json) console.log(JSON.stringify(figures));
}
