import { readHead } from '../../run/reviewed-head.ts';
import { verifySession } from '../../run/verify.ts';
import type { Command } from '../command.ts';
import { SETTINGS_OF, settingOptions } from '../flags/setting-flags.ts';

export const verify: Command = {
  usage: 'verify <ledger>',
  describe:
    "Checks the ledger's chain, looks up what is not final yet, records what Defender shows by now, and tells what changed. Cancels nothing.",
  positionals: { ledger: { describe: 'the ledger of a run or a plan: its file, or its name as status shows it' } },
  options: () => ({
    ...settingOptions(SETTINGS_OF.verify),
    offline: {
      describe: 'only check the chain; writes and sends nothing',
      type: 'boolean',
      default: false,
      head: 'The run',
    },
    head: {
      describe: 'the last chain value as it was noted; finds removed last lines',
      type: 'string',
      requiresArg: true,
      placeholder: 'HASH',
      head: 'The run',
    },
    json: { describe: 'one JSON document on stdout', type: 'boolean', default: false },
  }),
  examples: [
    ['verify ledgers/incident.jsonl', 'what became of the unconfirmed ones?'],
    ['verify old.jsonl --offline --head 3f2a90c1d4e5b6770b8a6c2f9e1d4a35', 'is it what was archived?'],
  ],
  run: (args, context) => {
    const { ledger, head, ...flags } = args;
    const how = { offline: args['offline'] === true, json: args['json'] === true };
    const noted = head === undefined ? undefined : readHead(head);
    return verifySession({ ledger: String(ledger), flags, head: noted, ...how }, context);
  },
};
