/**
 * What a run costs that mostly waits: the hour's 1500 calls are made, and as many actions are still to come. Memory and processor time of the built
 * command from its last call on. Needs a build, and Linux.
 *
 *   node test/bench/waiting.mjs [--json] [--minutes 5]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startSandbox } from '../../build/sandbox/start-sandbox.js';
import { idOf } from './ledger-ids.mjs';

const COMMAND = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const CALLS = 1500;
/** DESIGN section 9. */
const AT_MOST = { mb: 90, percent: 0.5 };
/** Of the kernel's clock, by which it tells processor time: a hundredth of a second on every Linux. */
const TICK_MS = 10;

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, minutes: { type: 'string', default: '5' } },
});

function cpuMs({ pid }) {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function residentMb({ pid }) {
  const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(kib) / 1024;
}

const folder = await mkdtemp(join(tmpdir(), 'countermand-bench-'));
const ids = Array.from({ length: 2 * CALLS }, (_, n) => idOf(n));
const sandbox = await startSandbox({ quota: false, actions: ids.map((id) => ({ id })) });
writeFileSync(join(folder, 'ids.txt'), `${ids.join('\n')}\n`);
const flags = ['--quota', `${CALLS}/1h`, '--screen', 'never', '--confirm-for', '0', '--yes', '--comment', 'bench'];
const run = spawn(process.execPath, [COMMAND, 'run', 'ids.txt', ...flags], {
  cwd: folder,
  env: { PATH: process.env.PATH, HOME: folder, ...sandbox.environment() },
  stdio: 'ignore',
});
try {
  while (sandbox.log.entries.length < CALLS) {
    if (run.exitCode !== null)
      throw new Error(`the run ended with ${run.exitCode} after ${sandbox.log.entries.length} calls`);
    await sleep(100);
  }
  const beganMs = performance.now();
  const before = { mb: residentMb(run), cpuMs: cpuMs(run) };
  await sleep(Number(values.minutes) * 60_000);
  const percent = ((cpuMs(run) - before.cpuMs) / (performance.now() - beganMs)) * 100;
  const mb = residentMb(run);
  if (sandbox.log.entries.length > CALLS) throw new Error('it did not wait');
  const figures = { minutes: Number(values.minutes), atFirstMb: before.mb, mb, percent };
  if (values.json) console.log(JSON.stringify(figures));
  else
    console.log(
      `waiting for ${values.minutes} min: ${Math.round(before.mb)} MB after the last call, ${Math.round(mb)} MB at the end (at most ${AT_MOST.mb}), ${percent.toFixed(2)} % of a core (at most ${AT_MOST.percent})`,
    );
} finally {
  run.kill('SIGKILL');
  if (run.exitCode === null && run.signalCode === null) await once(run, 'exit');
  await sandbox.close();
  await rm(folder, { recursive: true });
}
