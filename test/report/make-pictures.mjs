// Makes the README's pictures, docs/report.png and docs/plan.png, from the practice sandbox. Needs a build and Chromium:
//   npm run screenshots
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { practiceOptions } from '../../build/sandbox/practice.js';
import { startSandbox } from '../../build/sandbox/start-sandbox.js';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const COMMAND = at('../../dist/main.js');
const JOB = at('../../jobs/demo.yaml');
const WINDOWS = [
  { calls: 30, perMs: 1000 },
  { calls: 150, perMs: 10_000 },
];

async function run(args, options) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'], ...options });
  const [code] = await once(child, 'exit');
  // A run that ends as the demonstration should has something to look at.
  if (code !== 0 && code !== 3) throw new Error(`${args.slice(1).join(' ')} ended with ${code}`);
}

const folder = await mkdtemp(join(tmpdir(), 'countermand-pictures-'));
const sandbox = await startSandbox({ ...practiceOptions(), quota: { windows: WINDOWS } });
try {
  const env = { ...process.env, ...sandbox.environment(), COUNTERMAND_LOG_LEVEL: 'silent' };
  const countermand = (...args) => run([COMMAND, ...args], { cwd: folder, env });
  // The plan as it would be reviewed: under the windows that Microsoft documents.
  await countermand('plan', JOB, '--quota', '100/1m', '--quota', '1500/1h', '--ledger', 'demo.plan.jsonl');
  await countermand('report', 'demo.plan.jsonl', '--html', 'plan.html');
  await countermand('run', JOB, '--ledger', 'demo.jsonl', '--yes');
  await countermand('report', 'demo.jsonl', '--html', 'report.html');
  const shots = ['report', 'plan'].map((name) => `${name}=${join(folder, `${name}.html`)}`);
  await run([at('screenshots.mjs'), at('../../docs'), ...shots], { stdio: 'inherit' });
} finally {
  await sandbox.close();
  await rm(folder, { recursive: true, force: true });
}
