import { UsageError } from '../../errors.ts';
import { planCampaign } from '../../fleet/campaign-plan.ts';
import type { Args, Command, Flag } from '../command.ts';
import { settingOptions } from '../flags/setting-flags.ts';
import { sharedStoreOf } from '../flags/store-flag.ts';

const ACTIONS = ['plan'] as const;

const FLAGS = {
  name: {
    describe: 'with plan: what the campaign is called; its runs are NAME/TENANT',
    type: 'string',
    requiresArg: true,
    placeholder: 'NAME',
    head: 'The run',
  },
  wait: {
    describe: 'with plan: wait until the plans are made, and exit as the worst of them',
    type: 'boolean',
    default: false,
  },
} as const satisfies Record<string, Flag>;

/** Which flags belong to one action alone. */
const ONLY_WITH: Readonly<Record<keyof typeof FLAGS, (typeof ACTIONS)[number]>> = { name: 'plan', wait: 'plan' };

export const campaign: Command = {
  usage: 'campaign <action> [sources..]',
  describe:
    'One job over many tenants. `campaign plan TENANTS.csv JOB.yaml --name NAME` reads and checks the table whole, then submits a plan for each tenant, which ' +
    'workers make. The table has a column tenant (an ID or a domain), and any of name, client, region, comment, source and guards.* (guards.maxActions): a ' +
    'column is a key of the job, and a row beats it; an empty cell is unset, and source is relative to the table.',
  positionals: {
    action: { describe: ACTIONS.join(', ') },
    sources: { describe: 'with plan: TENANTS.csv and JOB.yaml', array: true },
  },
  readsFiles: true,
  options: () => ({ ...settingOptions(['store']), ...FLAGS }),
  examples: [['campaign plan tenants.csv job.yaml --name stuck --wait', 'with COUNTERMAND_STORE set']],
  run: async (args, context) => {
    const action = ACTIONS.find((each) => each === String(args['action']));
    if (action === undefined) {
      throw new UsageError(`campaign takes ${ACTIONS.join(' or ')}, not ${JSON.stringify(String(args['action']))}.`);
    }
    refuseOtherFlags(action, args);
    const names = ((args['sources'] ?? []) as unknown[]).map(String);
    const shared = { ...context, store: sharedStoreOf(context) };
    const exitCode = await plan(names, args, shared);
    await context.delivered();
    return exitCode;
  },
};

async function plan(names: readonly string[], args: Args, context: Parameters<typeof planCampaign>[1]) {
  const [table, job, ...others] = names;
  if (table === undefined || job === undefined || others.length > 0) {
    throw new UsageError(
      'campaign plan takes a table and a job: countermand campaign plan TENANTS.csv JOB.yaml --name NAME.',
    );
  }
  if (args['name'] === undefined) throw new UsageError('campaign plan needs --name NAME, by which it is run.');
  return await planCampaign({ table, job, name: String(args['name']), wait: args['wait'] === true }, context);
}

function refuseOtherFlags(action: (typeof ACTIONS)[number], args: Args): void {
  for (const [flag, only] of Object.entries(ONLY_WITH)) {
    const isGiven = args[flag] !== undefined && args[flag] !== false;
    if (isGiven && only !== action) throw new UsageError(`--${flag} belongs to campaign ${only}.`);
  }
}
