import { UsageError } from '../../errors.ts';
import { submit as submitRuns } from '../../fleet/submit.ts';
import { ledgerNamed } from '../../job/ledger-name.ts';
import type { Command } from '../command.ts';
import { givenSettings, SETTINGS_OF, settingOptions } from '../flags/setting-flags.ts';
import { sharedStoreOf } from '../flags/store-flag.ts';
import { saidYes } from '../terminal/question.ts';

export const submit: Command = {
  usage: 'submit [sources..]',
  describe:
    'Puts runs into the queue of a store, for `countermand worker` to carry out. What a file lists and a flag says goes into the ledger here; signing in, ' +
    'looking up and cancelling are the worker’s. A plan in the store is submitted as run:NAME. With --cron a job with a query is kept in the store, and its query asked at each turn. stdin and --auth device-code are refused.',
  positionals: { sources: { describe: 'jobs (.yaml), files of action IDs, or runs (run:NAME)', array: true } },
  options: () => ({
    ...settingOptions(SETTINGS_OF.submit),
    yes: {
      describe: 'cancel without a question, which a worker can ask nobody; not needed for a run that was started',
      type: 'boolean',
      head: 'The run',
      variable: 'COUNTERMAND_YES',
    },
    head: {
      describe: "submit only if the ledger's head (its last hash) is this one",
      type: 'string',
      requiresArg: true,
      placeholder: 'HASH',
      head: 'Guards',
    },
    again: {
      describe: 'take up a dead letter again, where it ended',
      type: 'array',
      string: true,
      nargs: 1,
      placeholder: 'NAME',
      head: 'The run',
    },
    cron: {
      describe:
        "make a run of it at each of these times, such as '0 2 * * *', and none now; takes the place of the job's earlier schedule",
      type: 'string',
      requiresArg: true,
      placeholder: 'CRON',
      head: 'The run',
    },
    tz: {
      describe: 'the time zone of --cron [default: UTC]',
      type: 'string',
      requiresArg: true,
      placeholder: 'ZONE',
      head: 'The run',
    },
    wait: { describe: 'wait until they have ended, and exit as the worst of them', type: 'boolean', default: false },
  }),
  examples: [
    ['submit incident.csv --comment "INC-4711" --yes', 'with COUNTERMAND_STORE set'],
    ['submit run:incident.plan --yes --wait', 'a plan that was reviewed; exits like its run'],
    ["submit jobs/stale-actions-nightly.yaml --yes --cron '0 2 * * *'", 'every night, until `stop --schedule`'],
    ['submit --again incident', 'after what stopped it was mended'],
  ],
  run: async (args, context) => {
    const sources = ((args['sources'] ?? []) as unknown[]).map(String);
    const again = ((args['again'] ?? []) as unknown[]).map(String);
    if (sources.length + again.length === 0) throw new UsageError('Name what to submit: a job, a file, or run:NAME.');
    const store = sharedStoreOf(context);
    const { head } = args;
    if (head !== undefined && sources.length !== 1) throw new UsageError('--head is of one run: submit it alone.');
    const flags = { ...givenSettings(args, SETTINGS_OF.submit), ...(head === undefined ? {} : { head }) };
    const names = again.map((name) => ledgerNamed(name, { cwd: context.cwd, inStore: true }));
    const yes = saidYes(args, context.env);
    const wait = args['wait'] === true;
    const cron = args['cron'];
    if (cron !== undefined) {
      const beside = again.length > 0 ? '--again' : head !== undefined ? '--head' : wait ? '--wait' : undefined;
      if (beside !== undefined) throw new UsageError(`${beside} is of one run, and --cron makes many: leave one out.`);
      const { schedule } = await import('../../fleet/schedule.ts');
      const tz = String(args['tz'] ?? 'UTC');
      const code = await schedule({ sources, cron: String(cron), tz, flags, yes }, { ...context, store });
      await context.delivered();
      return code;
    }
    if (args['tz'] !== undefined) throw new UsageError('--tz is the time zone of --cron: give --cron too.');
    const exitCode = await submitRuns({ sources, again: names, flags, yes, wait }, { ...context, store });
    await context.delivered();
    return exitCode;
  },
};
