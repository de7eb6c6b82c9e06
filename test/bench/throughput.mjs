/**
 * What a run costs beside its calls: actions/s of the built command with the durable ledger and no quota in its way, against the same calls
 * with bare undici at the same concurrency, both as the sandbox sees them (first call's arrival to last answer); and the processor time of the
 * two processes, from their start to their end. Needs a build.
 *
 *   node test/bench/throughput.mjs [--json] [--actions 10000] [--concurrency 16] [--rounds 5] [--profile]
 *
 * The sandbox is a process of its own. Rounds alternate. The ratio of throughputs is that of the best of each, because what else the machine does
 * only slows; that of processor time is the median of the rounds' own, because it slows both sides of a round alike.
 * --profile runs the command once more under the profiler, and shows by module where its main thread's time goes between the first answer
 * and the last: waiting, files (ledger and locks), sockets, collecting garbage, Node's own code, each package, each file of ours.
 */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Pool } from 'undici';
import { startSandbox } from '../../build/sandbox/start-sandbox.js';

const SELF = fileURLToPath(import.meta.url);
const COMMAND = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
/** The same command file by file, for the profile: the bundle has no modules. */
const COMPILED = fileURLToPath(new URL('../../build/main.js', import.meta.url));
/** Makes a client say what it used. */
const USED = ['--import', new URL('throughput-cpu.mjs', import.meta.url).href];
const COMMENT = 'what a run writes on every cancel';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    actions: { type: 'string', default: '10000' },
    concurrency: { type: 'string', default: '16' },
    rounds: { type: 'string', default: '5' },
    profile: { type: 'boolean', default: false },
    task: { type: 'string' },
  },
});
const { actions, concurrency, rounds } = values;

function idOf(n) {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
}

function ids() {
  return Array.from({ length: Number(actions) }, (_, n) => idOf(n + 1));
}

/** Says where it listens, and at its end what it saw. */
async function serve() {
  const sandbox = await startSandbox({ quota: false, actions: ids().map((id) => ({ id })) });
  process.send(sandbox.environment());
  await once(process, 'message');
  const { entries } = sandbox.log;
  const cancels = entries.filter(({ route }) => route === 'cancel');
  const first = Math.min(...cancels.map(({ arrivedMs }) => arrivedMs));
  const last = Math.max(...cancels.map(({ answeredMs }) => answeredMs));
  process.send({ effective: sandbox.log.effective().length, calls: entries.length, ms: last - first });
  await sandbox.close();
  process.disconnect();
}

/** The same calls with nothing around them. */
async function bare() {
  const { COUNTERMAND_API_URL: url, COUNTERMAND_TOKEN: token } = process.env;
  const pool = new Pool(url, { connections: Number(concurrency), pipelining: 1 });
  const waiting = ids();
  const worker = async () => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      const { statusCode, body } = await pool.request({
        method: 'POST',
        path: `/api/machineactions/${id}/cancel`,
        headers: { authorization: `Bearer ${token}`, accept: 'application/json', 'content-type': 'application/json' },
        body: JSON.stringify({ Comment: COMMENT }),
      });
      const { status } = JSON.parse(await body.text());
      if (statusCode !== 200 || status === undefined) throw new Error(`answered ${statusCode}`);
    }
  };
  await Promise.all(Array.from({ length: Number(concurrency) }, worker));
  await pool.close();
}

/** Runs one client against a sandbox of its own; returns actions/s as the sandbox saw them. */
async function measure(args, env, cwd, codes) {
  const server = fork(SELF, ['--task', 'serve', '--actions', actions]);
  const [access] = await once(server, 'message');
  const client = spawn(process.execPath, [...USED, ...args], {
    cwd,
    env: { PATH: process.env.PATH, ...access, ...env },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  let used = '';
  client.stdio[3].on('data', (text) => {
    used += text;
  });
  let stderr = '';
  client.stderr.on('data', (text) => {
    stderr += text;
  });
  const [code] = await once(client, 'close');
  server.send('end');
  const [seen] = await once(server, 'message');
  if (!codes.includes(code)) throw new Error(`it ended with ${code}: ${stderr}`);
  if (seen.effective !== Number(actions)) throw new Error(`${seen.effective} of ${actions} were cancelled`);
  return {
    perSecond: (Number(actions) / seen.ms) * 1000,
    cpuMs: Number(used) / 1000 / Number(actions),
    calls: seen.calls,
  };
}

function measureBare(folder) {
  return measure([SELF, '--task', 'bare', '--actions', actions, '--concurrency', concurrency], {}, folder, [0]);
}

/** Neither looks before nor after: each action is one call. 3: nobody has confirmed them. */
function measureRun(folder, name, how = [COMMAND]) {
  const ledger = join(folder, `${name}.jsonl`);
  const flags = ['--quota', '1000000/1s', '--screen', 'never', '--confirm-for', '0', '--concurrency', concurrency];
  const run = ['run', 'ids.txt', '--yes', '--comment', COMMENT, '--ledger', ledger, '--log-level', 'warn', ...flags];
  return measure([...how, ...run], {}, folder, [3]);
}

async function profile(folder, say) {
  const { perSecond } = await measureRun(folder, 'profiled', ['--cpu-prof', '--cpu-prof-dir', folder, COMPILED]);
  const file = readdirSync(folder).find((name) => name.endsWith('.cpuprofile'));
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(join(folder, file), 'utf8'));
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const [first, last] = [samples.findIndex, samples.findLastIndex].map((find) =>
    find.call(samples, (id) => isAnAnswer(frames.get(id))),
  );
  const us = new Map();
  for (let i = first; i <= last; i++) {
    const name = nameOf(frames.get(samples[i]));
    us.set(name, (us.get(name) ?? 0) + timeDeltas[i]);
  }
  const sum = [...us.values()].reduce((all, each) => all + each);
  const modules = [...us].map(([name, spent]) => ({ name, share: spent / sum })).sort((a, b) => b.share - a.share);
  say(`profiled at ${Math.round(perSecond)} actions/s, of the time from the first answer to the last:`);
  const line = (share, name) => say(`  ${(share * 100).toFixed(1).padStart(5)} %  ${name}`);
  const shown = modules.filter(({ share }) => share >= 0.01);
  for (const { name, share } of shown) line(share, name);
  const rest = modules.slice(shown.length);
  line(
    rest.reduce((all, { share }) => all + share, 0),
    `${rest.length} more of less than 1 % each`,
  );
  return modules;
}

/** Code of the module that reads answers, but for the loading of the module itself, which has no name. */
function isAnAnswer({ url, functionName }) {
  return url.endsWith('/build/defender/read-answer.js') && functionName !== '';
}

/** What the profiler calls Node's own functions, in words. Handing a file or socket to the kernel includes being preempted by it. */
const NATIVE = {
  '(idle)': 'waiting for the disk, the service and a processor',
  '(garbage collector)': 'collecting garbage',
  ...Object.fromEntries(
    ['writeBuffer', 'fdatasync', 'open', 'read', 'close'].map((name) => [name, 'files: ledger and locks']),
  ),
  ...Object.fromEntries(['writev', 'writeUtf8String', 'writeLatin1String'].map((name) => [name, 'sockets'])),
};

function nameOf({ url, functionName }) {
  const [, ours] = /\/build\/(.+)$/.exec(url) ?? [];
  const [, theirs] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? [];
  if (theirs !== undefined) return theirs;
  if (ours !== undefined) return ours;
  // The parser of HTTP is undici's, and the only one of its kind.
  return url.startsWith('wasm:') ? 'undici' : ((url === '' ? NATIVE[functionName] : undefined) ?? 'Node itself');
}

function inWords({ perSecond, cpuMs }) {
  return `${Math.round(perSecond)} actions/s, ${cpuMs.toFixed(3)} ms of CPU each`;
}

function bestOf(rounds) {
  return Math.max(...rounds.map(({ perSecond }) => perSecond));
}

async function bench(say) {
  const folder = mkdtempSync(join(tmpdir(), 'countermand-bench-'));
  try {
    writeFileSync(join(folder, 'ids.txt'), `${ids().join('\n')}\n`);
    const [plain, run] = [[], []];
    for (let round = 0; round < Number(rounds); round++) {
      plain.push(await measureBare(folder));
      run.push(await measureRun(folder, `round-${round}`));
      say(`round ${round + 1}: bare undici ${inWords(plain.at(-1))}; the command ${inWords(run.at(-1))}`);
    }
    const throughput = bestOf(run) / bestOf(plain);
    const cpu = run.map(({ cpuMs }, round) => cpuMs / plain[round].cpuMs).sort((a, b) => a - b);
    const median = cpu[Math.floor(cpu.length / 2)];
    const spread = `${cpu[0].toFixed(2)} to ${cpu.at(-1).toFixed(2)}`;
    say(`throughput ${throughput.toFixed(2)} x (0.4 is wanted), CPU ${median.toFixed(2)} x (at most 4; ${spread})`);
    const modules = values.profile ? await profile(folder, say) : undefined;
    return { actions: Number(actions), bare: plain, run, throughput, cpu, modules };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (values.task === 'serve') await serve();
else if (values.task === 'bare') await bare();
else {
  const figures = await bench(values.json ? () => {} : console.log);
  if (values.json) console.log(JSON.stringify(figures));
}
