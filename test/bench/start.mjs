// How long the program takes to start, as ratios to `node -e 0` of the same Node in the same clean environment: until its first call is on the
// wire, and the whole of `--help` and `--version`. Medians of alternating rounds, because the machine has other things to do as well; in brackets
// the quartiles of the rounds' own ratios.
//
//   node test/bench/start.mjs [--json] [--rounds 15] [--command FILE]
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '15' },
    command: { type: 'string', default: fileURLToPath(new URL('../../dist/main.js', import.meta.url)) },
  },
});
const { sandboxToken, practiceTenant, practiceClient } = await import('../../build/sandbox/access.js');

/** DESIGN section 9. */
const AT_MOST = { 'first call': 9, '--help': 5, '--version': 5 };

const folder = await mkdtemp(join(tmpdir(), 'countermand-start-'));
await writeFile(join(folder, 'ids.txt'), '00000000-0000-4000-8000-000000000001\n');
let arrived = () => {};
const server = createServer((_request, response) => {
  arrived();
  response.destroy();
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
// Every process gets this and nothing else: a variable of Node's (NODE_EXTRA_CA_CERTS takes 50 ms) would be in one side's time, or in both.
const env = {
  PATH: process.env.PATH,
  HOME: folder,
  COUNTERMAND_API_URL: `http://127.0.0.1:${server.address().port}`,
  COUNTERMAND_TOKEN: sandboxToken(),
  AZURE_TENANT_ID: practiceTenant,
  AZURE_CLIENT_ID: practiceClient,
};

function whole(...args) {
  const begun = performance.now();
  const { status } = spawnSync(process.execPath, args, { cwd: folder, env, stdio: 'ignore' });
  if (status !== 0) throw new Error(`node ${args.join(' ')} exits ${status}`);
  return performance.now() - begun;
}

async function firstCall(round) {
  const begun = performance.now();
  const args = ['run', 'ids.txt', '--comment', 'bench', '--yes', '--ledger', `round${round}/ids.jsonl`];
  const child = spawn(process.execPath, [values.command, ...args], { cwd: folder, env, stdio: 'ignore' });
  const ms = await new Promise((resolve, reject) => {
    arrived = () => resolve(performance.now() - begun);
    child.once('exit', (code) => reject(new Error(`it ended with ${code} before its first call`)));
  });
  child.removeAllListeners('exit');
  child.kill('SIGKILL');
  await once(child, 'close');
  return ms;
}

/** By linear interpolation. */
function quantile(all, q) {
  const sorted = all.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low + (high - low) * (at - Math.floor(at));
}

const bare = [];
const measured = { 'first call': [], '--help': [], '--version': [] };
// The first of each fills the disk's cache. What a run had compiled when it was killed is not kept, so its time is that of a first start.
for (let round = -1; round < Number(values.rounds); round += 1) {
  const times = [whole('-e', '0'), await firstCall(round), whole(values.command, '--help')];
  times.push(whole(values.command, '--version'));
  if (round < 0) continue;
  bare.push(times[0]);
  for (const [n, all] of Object.values(measured).entries()) all.push(times[n + 1]);
}
server.close();
await rm(folder, { recursive: true });

const nodeMs = quantile(bare, 0.5);
const results = Object.entries(measured).map(([what, all]) => {
  const ms = quantile(all, 0.5);
  const ratios = all.map((each, round) => each / bare[round]);
  const spread = [quantile(ratios, 0.25), quantile(ratios, 0.75)];
  return { what, ms, ratio: ms / nodeMs, spread, atMost: AT_MOST[what] };
});
if (values.json) console.log(JSON.stringify({ node: process.version, nodeMs, results }));
else {
  const [low, high] = [quantile(bare, 0.25), quantile(bare, 0.75)];
  console.log(`Node ${process.version}, node -e 0: ${nodeMs.toFixed(0)} ms [${low.toFixed(0)} to ${high.toFixed(0)}]`);
  for (const { what, ms, ratio, spread, atMost } of results) {
    const [from, to] = spread.map((each) => each.toFixed(1));
    console.log(`${what}: ${ms.toFixed(0)} ms, ${ratio.toFixed(1)} times that [${from} to ${to}] (at most ${atMost})`);
  }
}
if (results.some(({ ratio, atMost }) => ratio > atMost)) process.exitCode = 1;
