import { UsageError } from '../../errors.ts';
import type { ExitCode } from '../../exit-codes.ts';
import { planCampaign } from '../../fleet/campaign-plan.ts';
import { runCampaign } from '../../fleet/campaign-run.ts';
import type { Context } from '../../run/console.ts';
import type { NetworkStore } from '../../store/network-store.ts';
import type { Args, Command, Flag } from '../command.ts';
import { settingOptions } from '../flags/setting-flags.ts';
import { sharedStoreOf } from '../flags/store-flag.ts';
import { saidYes } from '../terminal/question.ts';

const FLAGS = {
  name: {
    describe: 'with plan: what the campaign is called; its runs are NAME/TENANT',
    type: 'string',
    requiresArg: true,
    placeholder: 'NAME',
    head: 'The run',
  },
  yes: {
    describe: 'with run: start without a question',
    type: 'boolean',
    head: 'The run',
    variable: 'COUNTERMAND_YES',
  },
  head: {
    describe: 'with run: start only if the head of the campaign, over the heads of its plans, is this one',
    type: 'string',
    requiresArg: true,
    placeholder: 'HASH',
    head: 'Guards',
  },
  wait: {
    describe: 'with plan: wait until the plans are made, and exit as the worst of them',
    type: 'boolean',
    default: false,
  },
} as const satisfies Record<string, Flag>;

type Action = (words: readonly string[], args: Args, context: Context & { store: NetworkStore }) => Promise<ExitCode>;

const ACTIONS: Readonly<Record<'plan' | 'run', Action>> = { plan, run };

/** Which flags belong to one action alone. */
const ONLY_WITH: Readonly<Record<keyof typeof FLAGS, keyof typeof ACTIONS>> = {
  name: 'plan',
  wait: 'plan',
  yes: 'run',
  head: 'run',
};

export const campaign: Command = {
  usage: 'campaign <action> [sources..]',
  describe:
    'One job over many tenants. `campaign plan TENANTS.csv JOB.yaml --name NAME` reads and checks the table whole, then submits a plan for each tenant, which ' +
    'workers make. The table has a column tenant (an ID or a domain), and any of name, client, region, comment, source and guards.* (guards.maxActions): a ' +
    'column is a key of the job, and a row beats it; an empty cell is unset, and source is relative to the table. `campaign run NAME` shows what the plans ' +
    'come to together, asks once, and submits all of them. Dead letters are left out and named (exit 3).',
  positionals: {
    action: { describe: 'plan or run' },
    sources: { describe: 'with plan: TENANTS.csv and JOB.yaml; with run: the name of the campaign', array: true },
  },
  readsFiles: true,
  options: () => ({ ...settingOptions(['store']), ...FLAGS }),
  examples: [
    ['campaign plan tenants.csv job.yaml --name stuck --wait', 'with COUNTERMAND_STORE set'],
    ['campaign run stuck', 'what does it come to? Then start all of it'],
  ],
  run: async (args, context) => {
    const word = String(args['action']);
    if (word !== 'plan' && word !== 'run') {
      throw new UsageError(`campaign takes plan or run, not ${JSON.stringify(word)}.`);
    }
    for (const [flag, only] of Object.entries(ONLY_WITH)) {
      const isGiven = args[flag] !== undefined && args[flag] !== false;
      if (isGiven && only !== word) throw new UsageError(`--${flag} belongs to campaign ${only}.`);
    }
    const words = ((args['sources'] ?? []) as unknown[]).map(String);
    const exitCode = await ACTIONS[word](words, args, { ...context, store: sharedStoreOf(context) });
    await context.delivered();
    return exitCode;
  },
};

async function plan(...[words, args, context]: Parameters<Action>): Promise<ExitCode> {
  const [table, job, ...others] = words;
  if (table === undefined || job === undefined || others.length > 0) {
    throw new UsageError(
      'campaign plan takes a table and a job: countermand campaign plan TENANTS.csv JOB.yaml --name NAME.',
    );
  }
  if (args['name'] === undefined) throw new UsageError('campaign plan needs --name NAME, by which it is run.');
  return await planCampaign({ table, job, name: String(args['name']), wait: args['wait'] === true }, context);
}

async function run(...[words, args, context]: Parameters<Action>): Promise<ExitCode> {
  const [name, ...others] = words;
  if (name === undefined || others.length > 0) {
    throw new UsageError('campaign run takes the name of one campaign: countermand campaign run NAME.');
  }
  const head = args['head'] === undefined ? undefined : String(args['head']);
  return await runCampaign({ name, head, yes: saidYes(args, context.env) }, context);
}
