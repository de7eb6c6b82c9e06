import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { timeStamp } from '../job/ledger-name.ts';
import { practiceOptions } from '../sandbox/practice.ts';
import { startSandbox } from '../sandbox/start-sandbox.ts';

/**
 * `npm run demo`: a sandbox with the actions that jobs/demo.csv names, the real command over it, and a report of what became of them.
 * Nothing leaves this machine. Exits 0 when the run ended as it should, with some actions that need a look.
 */
process.exitCode = 1;

const COMMAND = fileURLToPath(new URL('../main.js', import.meta.url));
const JOB = fileURLToPath(new URL('../../jobs/demo.yaml', import.meta.url));
/** As jobs/demo.yaml has them; a strict server counts the same. */
const WINDOWS = [
  { calls: 30, perMs: 1000 },
  { calls: 150, perMs: 10_000 },
];

const say = (text: string) => process.stderr.write(text);

await using sandbox = await startSandbox({ ...practiceOptions(), quota: { windows: WINDOWS } });
const env = { ...process.env, ...sandbox.environment() };

async function countermand(args: readonly string[], results: 'inherit' | 'ignore'): Promise<number | null> {
  say(`\n$ countermand ${args.join(' ')}\n`);
  const child = spawn(process.execPath, ['--enable-source-maps', COMMAND, ...args], {
    stdio: ['inherit', results, 'inherit'],
    env,
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}

say(`A local Defender with ${sandbox.store.size} machine actions listens at ${sandbox.url}.\n`);
const stamp = timeStamp(Date.now());
const ledger = `ledgers/demo-${stamp}.jsonl`;
const job = relative(process.cwd(), JOB);
const ran = await countermand(['run', job, '--ledger', ledger, '--yes'], 'inherit');
const report = `ledgers/demo-${stamp}-report`;
// Its text would repeat what the run has just said.
const reported = await countermand(['report', ledger, '--html', `${report}.html`], 'ignore');
say(
  [
    '',
    `The ledger:  ${ledger}`,
    `The report:  ${report}.html (open it in a browser)`,
    'Next, try:   npx countermand sandbox --csv practice.csv    and in another terminal, with the variables it prints:',
    '             npx countermand plan practice.csv',
    '',
  ].join('\n'),
);
if ((ran === 0 || ran === 3) && reported === 0) process.exitCode = 0;
