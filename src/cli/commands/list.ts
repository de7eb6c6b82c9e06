import type { MachineAction } from '../../defender/entity.ts';
import { FILTER_FLAGS, FILTER_SHAPE } from '../../job/action-filter.ts';
import { show } from '../../job/given-settings.ts';
import type { ActionFilter } from '../../job/job.ts';
import { ACTION_STATUSES, ACTION_TYPES } from '../../job/known-names.ts';
import { type CsvColumn, csvText, PIPED } from '../../report/csv.ts';
import { plural } from '../../report/format.ts';
import { jsonLine } from '../../report/json.ts';
import { listActions } from '../../run/list.ts';
import { styled } from '../../styled.ts';
import type { Command, Flag } from '../command.ts';
import { SETTINGS_OF, settingOptions } from '../flags/setting-flags.ts';
import { terminalOf } from '../terminal/terminal.ts';
import { listTable, showsWholeIds } from '../views/list-table.ts';

/** The header that `run -` understands: `id` is where it looks for action IDs. */
const COLUMNS: readonly CsvColumn<MachineAction>[] = [
  ['id', ({ id }) => id],
  ['type', ({ type }) => type],
  ['status', ({ status }) => status],
  ['machineId', ({ machineId }) => machineId],
  ['computerDnsName', ({ computerDnsName }) => computerDnsName],
  ['requestor', ({ requestor }) => requestor],
  ['requestorComment', ({ requestorComment }) => requestorComment],
  ['creationDateTimeUtc', ({ creationDateTimeUtc }) => creationDateTimeUtc],
];

export const list: Command = {
  usage: 'list',
  describe:
    'Newest first: a table on a terminal, and CSV that `countermand run -` takes in a pipe or file; how many there are on stderr. Sends lookups ' +
    'only, a page of 10,000 a call.',
  options: () => ({
    ...filterOptions(),
    ...settingOptions(SETTINGS_OF.list),
    json: { describe: 'JSON Lines, each action as Defender shows it', type: 'boolean', default: false },
  }),
  examples: [
    ['list --type Isolate --created-after 2h > incident.csv', 'what a rule did in the last two hours'],
    ['list --type Isolate | countermand run - --comment "INC-4711"', 'and cancel it, after a question'],
  ],
  run: async (args, context) => {
    const { out } = context;
    const { columns } = terminalOf(process.stdout, context.env);
    const actions = await listActions(args, context);
    if (args['json'] === true) for (const action of actions) out(styled(jsonLine(action)));
    else if (process.stdout.isTTY) out(styled(`${listTable(actions, { ...context.terminal, columns })}\n`));
    else for (const piece of csvText(COLUMNS, actions, PIPED)) out(styled(piece));
    await context.delivered();
    const isCut = process.stdout.isTTY && args['json'] !== true && actions.length > 0 && !showsWholeIds(columns);
    const whole = isCut ? ' IDs are cut: a wider terminal, a file or --json has them whole.' : '';
    context.say(`${actions.length === 0 ? 'No action matches' : plural(actions.length, 'action')}.${whole}\n`);
    return 0;
  },
};

/** The names that are known so far; another one is taken too. */
const KNOWN_NAMES: Partial<Record<keyof ActionFilter, readonly string[]>> = {
  type: ACTION_TYPES,
  status: ACTION_STATUSES,
};

function filterOptions(): Record<string, Flag> {
  return Object.fromEntries(
    (Object.keys(FILTER_FLAGS) as (keyof ActionFilter)[]).map((key) => {
      const { flag, repeatable, placeholder } = FILTER_FLAGS[key];
      const known = KNOWN_NAMES[key];
      // What a job takes by itself is said of a job.
      const what = key === 'status' ? 'statuses; all of them when not given' : FILTER_SHAPE[key].description;
      const describe = `${what ?? ''}${known === undefined ? '' : `. Known: ${known.join(', ')}`}`;
      const kind: Flag = repeatable ? { type: 'array', string: true, nargs: 1 } : { type: 'string', requiresArg: true };
      const values = known === undefined ? {} : { values: known };
      const fault = (text: string) => {
        const parsed = FILTER_SHAPE[key].safeParse(text);
        return parsed.success ? undefined : `${parsed.error.issues[0]?.message ?? 'something else'}, not ${show(text)}`;
      };
      return [flag, { describe, head: 'Which actions', placeholder, fault, ...values, ...kind }];
    }),
  );
}
