import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { relative } from 'node:path';
import { timeStamp } from '../../job/ledger-name.ts';
import { demoJob, ownArguments } from '../../own-files.ts';
import type { Context } from '../../run/console.ts';
import { practiceOptions } from '../../sandbox/practice.ts';
import { startSandbox } from '../../sandbox/start-sandbox.ts';
import { styled } from '../../styled.ts';
import type { Command } from '../command.ts';

/** As jobs/demo.yaml has them; a strict server counts the same. */
const WINDOWS = [
  { calls: 30, perMs: 1000 },
  { calls: 150, perMs: 10_000 },
];

export const demo: Command = {
  usage: 'demo',
  describe:
    'A local Defender with some 200 actions, the real command over them, and a report. Nothing ' +
    'leaves this machine. Writes into `ledgers` below the working folder.',
  options: () => ({}),
  examples: [['demo', 'the ledger and the report it writes are yours to look at']],
  run: async (_args, context) => {
    await using sandbox = await startSandbox({ ...practiceOptions(), quota: { windows: WINDOWS } });
    const env = { ...context.env, ...sandbox.environment() };
    const { say } = context;
    using job = demoJob();
    say(`A local Defender with ${sandbox.store.size} machine actions listens at ${sandbox.url}.\n`);
    const stamp = timeStamp(context.clock.wallMs());
    const ledger = `ledgers/demo-${stamp}.jsonl`;
    const report = `ledgers/demo-${stamp}-report.html`;
    const ran = await command(['run', shown(job.path, context), '--ledger', ledger, '--yes'], 'inherit', { env, say });
    // Its text would repeat what the run has just said.
    const reported = await command(['report', ledger, '--html', report], 'ignore', { env, say });
    say(
      styled(
        [
          '',
          `The ledger:  ${ledger}`,
          `The report:  ${report} (open it in a browser)`,
          'Next, try:   countermand sandbox --csv practice.csv    and in another terminal, with the variables it prints:',
          '             countermand plan practice.csv',
          '',
        ].join('\n'),
      ),
    );
    // The demonstration has actions that need review: that is no failure of its own.
    return (ran === 0 || ran === 3) && reported === 0 ? 0 : 1;
  },
};

function shown(file: string, { cwd }: Context): string {
  const path = relative(cwd, file);
  return path.startsWith('..') ? file : path;
}

async function command(
  args: readonly string[],
  results: 'inherit' | 'ignore',
  { env, say }: { env: NodeJS.ProcessEnv; say: Context['say'] },
): Promise<number | null> {
  say(`\n$ countermand ${args.join(' ')}\n`);
  const child = spawn(process.execPath, [...ownArguments(), ...args], {
    stdio: ['inherit', results, 'inherit'],
    env,
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}
