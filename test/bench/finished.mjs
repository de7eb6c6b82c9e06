/**
 * What a command costs on a ledger in which everything is done: the whole `resume` of N actions, less that of ten, against `JSON.parse` of its every
 * line. Each action has been admitted, screened, called, answered and settled: five lines. Best of the rounds, each in a process of its own, with
 * the processor time of all its threads beside it. Needs a build.
 *
 *   node test/bench/finished.mjs [--json] [--actions 100000] [--rounds 5]
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { practiceClient, practiceTenant, sandboxToken } from '../../build/sandbox/access.js';
import { OPEN } from './bench-job.mjs';

const COMMAND = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const LEDGER = fileURLToPath(new URL('ledger.mjs', import.meta.url));
const USED = ['--import', new URL('throughput-cpu.mjs', import.meta.url).href];
/** DESIGN section 9. */
const AT_MOST = 3.5;

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    actions: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '5' },
  },
});

function task(name, ...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [LEDGER, '--task', name, ...args], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout);
}

async function resume(folder, ledger) {
  const begun = performance.now();
  const child = spawn(process.execPath, [...USED, COMMAND, 'resume', ledger, '--yes'], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      COUNTERMAND_API_URL: OPEN.api,
      COUNTERMAND_TOKEN: sandboxToken(),
      AZURE_TENANT_ID: practiceTenant,
      AZURE_CLIENT_ID: practiceClient,
    },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  let [stderr, used] = ['', ''];
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  child.stdio[3].on('data', (text) => {
    used += text;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`resume ended with ${code}: ${stderr}`);
  return { ms: performance.now() - begun, cpuMs: Number(used) / 1000 };
}

function least(all, of) {
  return Math.min(...all.map(of));
}

const folder = await mkdtemp(join(tmpdir(), 'countermand-bench-'));
try {
  task('finish', join(folder, 'many.jsonl'), values.actions);
  task('finish', join(folder, 'ten.jsonl'), '10');
  const [parsed, many, ten] = [[], [], []];
  for (let round = 0; round < Number(values.rounds); round += 1) {
    parsed.push(task('parse', join(folder, 'many.jsonl')));
    many.push(await resume(folder, 'many.jsonl'));
    ten.push(await resume(folder, 'ten.jsonl'));
  }
  const parseMs = least(parsed, ({ ms }) => ms);
  const ms = least(many, (each) => each.ms) - least(ten, (each) => each.ms);
  const cpuMs = least(many, (each) => each.cpuMs) - least(ten, (each) => each.cpuMs);
  const figures = { actions: Number(values.actions), lines: parsed[0].lines, parseMs, ms, cpuMs, ratio: ms / parseMs };
  if (values.json) console.log(JSON.stringify(figures));
  else
    console.log(
      `resume of ${values.actions} finished actions (${figures.lines} lines), less that of ten: ${Math.round(ms)} ms, ${Math.round(cpuMs)} ms of CPU; JSON.parse of its every line ${Math.round(parseMs)} ms: ${figures.ratio.toFixed(2)} x (at most ${AT_MOST})`,
    );
} finally {
  await rm(folder, { recursive: true });
}
