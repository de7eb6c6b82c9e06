// How long it takes from the start of the process to its first call on the wire, beside `node -e 0`.
// DESIGN: at most 8 times as long. Medians of alternating rounds, because the machine has other things to do as well.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROUNDS = Number(process.env.ROUNDS ?? 15);
const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const { sandboxToken, practiceTenant, practiceClient } = await import('../../dist/sandbox/access.js');

const folder = await mkdtemp(join(tmpdir(), 'countermand-start-'));
await writeFile(join(folder, 'ids.txt'), '00000000-0000-4000-8000-000000000001\n');
let arrived = () => {};
const server = createServer((_request, response) => {
  arrived();
  response.destroy();
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const env = {
  PATH: process.env.PATH,
  COUNTERMAND_API_URL: `http://127.0.0.1:${server.address().port}`,
  COUNTERMAND_TOKEN: sandboxToken(),
  AZURE_TENANT_ID: practiceTenant,
  AZURE_CLIENT_ID: practiceClient,
};

function bareNode() {
  const begun = performance.now();
  spawnSync(process.execPath, ['-e', '0'], { stdio: 'ignore' });
  return performance.now() - begun;
}

async function firstCall(round) {
  const begun = performance.now();
  const args = ['run', 'ids.txt', '--comment', 'bench', '--yes', '--ledger', `${round}/ids.jsonl`];
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env, stdio: 'ignore' });
  const ms = await new Promise((resolve, reject) => {
    arrived = () => resolve(performance.now() - begun);
    child.once('exit', (code) => reject(new Error(`it ended with ${code} before its first call`)));
  });
  child.removeAllListeners('exit');
  child.kill('SIGKILL');
  await once(child, 'close');
  return ms;
}

const bare = [];
const first = [];
bareNode();
for (let round = 0; round < ROUNDS; round += 1) {
  bare.push(bareNode());
  first.push(await firstCall(round));
}
server.close();
await rm(folder, { recursive: true });
const median = (all) => all.sort((a, b) => a - b)[Math.floor(all.length / 2)];
const [nodeMs, callMs] = [median(bare), median(first)];
const ratio = callMs / nodeMs;
console.log(
  `node -e 0: ${nodeMs.toFixed(0)} ms; first call: ${callMs.toFixed(0)} ms; ratio ${ratio.toFixed(1)} (at most 8)`,
);
if (ratio > 8) process.exitCode = 1;
