import { UsageError } from '../../errors.ts';
import { runSource } from '../../run/run.ts';
import type { Command, Flag } from '../command.ts';
import { planFileOptions } from '../flags/file-flags.ts';
import { SETTINGS_OF, settingOptions } from '../flags/setting-flags.ts';
import { saidYes } from '../terminal/question.ts';

const YES: Flag = {
  describe: 'cancel without a question',
  type: 'boolean',
  head: 'The run',
  variable: 'COUNTERMAND_YES',
};

export const run: Command = {
  usage: 'run <source>',
  describe:
    'Looks the actions of SOURCE up, shows what would be cancelled, asks, cancels, and confirms. A ledger as SOURCE starts its plan or ' +
    'continues its run.',
  positionals: {
    source: { describe: 'a job (.yaml), a ledger (.jsonl), a file of action IDs (CSV, text or JSON), or - for stdin' },
  },
  options: () => ({
    ...settingOptions(SETTINGS_OF.run),
    yes: YES,
    json: { describe: 'one JSON document on stdout', type: 'boolean', default: false },
    head: {
      describe: "start only if the ledger's head (its last hash) is this one",
      type: 'string',
      requiresArg: true,
      placeholder: 'HASH',
      head: 'Guards',
    },
    'withdraw-missing': {
      describe: 'skip open actions that the source no longer lists',
      type: 'boolean',
      conflicts: 'keep-missing',
      head: 'The run',
    },
    'keep-missing': {
      describe: 'still cancel open actions that the source no longer lists',
      type: 'boolean',
      head: 'The run',
    },
    'dry-run': { describe: 'same as `countermand plan`', type: 'boolean', default: false, head: 'The run' },
    ...planFileOptions('with --dry-run: '),
  }),
  examples: [
    ['run incident.csv --comment "INC-4711: rule misfired"', 'cancel what a CSV names'],
    ['run incident.plan.jsonl --head 3f2a90c1d4e5b6770b8a6c2f9e1d4a35', 'start a reviewed plan'],
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
