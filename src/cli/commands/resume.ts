import { UsageError } from '../../errors.ts';
import { listOf, show } from '../../job/given-settings.ts';
import { oneOfWords } from '../../job/values.ts';
import { OUTCOME_NAMES, RETRYABLE } from '../../ledger/outcomes.ts';
import { resumeLedger } from '../../run/run.ts';
import { seenTarget } from '../../run/target.ts';
import type { Command } from '../command.ts';
import { SETTINGS_OF, settingOptions } from '../flags/setting-flags.ts';
import { saidYes } from '../terminal/question.ts';
import { showWhatIsLeft } from '../views/what-is-left.ts';

export const resume: Command = {
  usage: 'resume <ledger>',
  describe:
    'Tenant, host, comment and source are those of the ledger. What a flag changes here stands in the ledger for the sessions that follow, but for ' +
    'files to write or remove, other hosts and more quota than documented: these are said each time. Calls in doubt are looked up before anything is sent again.',
  positionals: { ledger: { describe: 'the ledger of the run: its file, or its name as status shows it' } },
  options: () => ({
    ...settingOptions(SETTINGS_OF.resume),
    retry: {
      describe: `try actions with these outcomes once more, after looking them up: one or more of ${RETRYABLE.join(', ')}`,
      type: 'string',
      requiresArg: true,
      placeholder: 'OUTCOMES',
      values: RETRYABLE,
      head: 'The run',
    },
    'dry-run': { describe: 'only list what is left to do', type: 'boolean', default: false, head: 'The run' },
    yes: {
      describe: 'no question (only a plan, or --first, asks one)',
      type: 'boolean',
      head: 'The run',
      variable: 'COUNTERMAND_YES',
    },
    json: { describe: 'one JSON document on stdout', type: 'boolean', default: false },
  }),
  examples: [
    ['resume ledgers/incident.jsonl', 'go on'],
    ['resume ledgers/incident.jsonl --retry failed,forbidden', 'try the refused ones again'],
    ['resume ledgers/incident.jsonl --dry-run', 'what would it do?'],
  ],
  run: async (args, context) => {
    // The argument has the name of the flag that places a new ledger.
    const { ledger, ...flags } = args;
    const retry = readRetry(args['retry']);
    if (args['dry-run']) return showWhatIsLeft(await seenTarget(String(ledger), flags, context), retry, context);
    const yes = saidYes(args, context.env);
    return resumeLedger({ ledger: String(ledger), flags, yes, json: args['json'] === true, retry }, context);
  },
};

function readRetry(value: unknown): ReadonlySet<string> {
  const names = value === undefined ? [] : listOf(String(value));
  const wrong = names.filter((name) => !RETRYABLE.some((known) => known === name));
  if (wrong.length > 0) {
    throw new UsageError(
      wrong.map((name) => {
        const isOutcome = OUTCOME_NAMES.some((known) => known === name);
        const why = isOutcome ? ', which needs no retry' : '';
        return `--retry must be ${isOutcome ? `one of ${RETRYABLE.join(', ')}` : oneOfWords(RETRYABLE, name)}, not ${show(name)}${why}`;
      }),
    );
  }
  return new Set(names);
}
