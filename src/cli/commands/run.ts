import { UsageError } from '../../errors.ts';
import { runSource } from '../../run/run.ts';
import type { Command } from '../command.ts';
import { planFileOptions } from '../flags/file-flags.ts';
import { settingOptions } from '../flags/setting-flags.ts';
import { saidYes } from '../terminal/question.ts';

export const run: Command = {
  usage: 'run <source>',
  describe:
    'Cancels what SOURCE names: a job (.yaml), a ledger (.jsonl) to start or continue, a CSV or text file of action IDs, ' +
    'or - for stdin. Looks the actions up, shows what would be cancelled, asks, cancels, and confirms.',
  positionals: { source: { describe: 'job, ledger, file of action IDs, or -' } },
  options: () => ({
    ...settingOptions(),
    yes: { describe: 'cancel without a question', type: 'boolean' },
    json: { describe: 'one JSON document on stdout', type: 'boolean', default: false },
    head: {
      describe: "start only if the ledger's head (its last hash) is this one",
      type: 'string',
      requiresArg: true,
    },
    'withdraw-missing': {
      describe: 'skip open actions that the source no longer lists',
      type: 'boolean',
      conflicts: 'keep-missing',
    },
    'keep-missing': { describe: 'still cancel open actions that the source no longer lists', type: 'boolean' },
    'dry-run': { describe: 'same as `countermand plan`', type: 'boolean', default: false },
    ...planFileOptions('with --dry-run: '),
  }),
  examples: [
    ['run incident.csv --comment "INC-4711: rule misfired"', 'cancel what a CSV names'],
    ['run ledgers/incident.plan.jsonl --head 3f2a90c1d4e5b6770b8a6c2f9e1d4a35', 'start a reviewed plan'],
    ['run jobs/stale-actions-nightly.yaml --yes', 'a scheduled job'],
  ],
  run: async (args, context) => {
    if (args['dry-run']) return (await import('./plan.ts')).plan.run(args, context);
    const file = Object.keys(planFileOptions()).find((name) => args[name] !== undefined);
    if (file !== undefined) {
      throw new UsageError(
        `--${file} is for the plan that --dry-run makes: leave it out, and use countermand report --${file} once the run is over`,
      );
    }
    const missing = args['withdraw-missing'] ? 'withdraw' : args['keep-missing'] ? 'keep' : undefined;
    const yes = saidYes(args, context.env);
    const json = args['json'] === true;
    return runSource({ source: String(args['source']), flags: args, yes, json, missing }, context);
  },
};
