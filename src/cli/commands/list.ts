import type { Options } from 'yargs';
import { makeDefender } from '../../defender/client.ts';
import type { MachineAction } from '../../defender/entity.ts';
import { noJournal } from '../../defender/journal.ts';
import { queryActions } from '../../defender/query.ts';
import { makeTransport } from '../../defender/transport.ts';
import { FILTER_FLAGS, FILTER_SHAPE, filterFromFlags } from '../../job/action-filter.ts';
import type { ActionFilter } from '../../job/job.ts';
import { unlikeNames } from '../../job/unlike-names.ts';
import { makeGate } from '../../quota/gate/make-gate.ts';
import { keepAlive } from '../../quota/keep-alive.ts';
import { makeQuota } from '../../quota/local/local-quota.ts';
import { type CsvColumn, csvText, PIPED } from '../../report/csv-text.ts';
import { jsonLine } from '../../report/json.ts';
import { countOddities } from '../../run/oddities.ts';
import { senderJob } from '../../run/sender-job.ts';
import { assess, prepareSignIn, refuseUseless } from '../../run/sign-in.ts';
import { styled } from '../../styled.ts';
import { userAgent } from '../../version.ts';
import type { Command } from '../command.ts';
import { settingOptions, WHO_AND_WHERE } from '../flags/setting-flags.ts';

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
    'Lists machine actions that match a filter, newest first, as CSV that `countermand run -` takes. Sends lookups only, a page of 10,000 a call.',
  options: () => ({
    ...filterOptions(),
    ...settingOptions([...WHO_AND_WHERE, 'quota', 'quotaShare', 'patience']),
    json: { describe: 'JSON Lines, each action as Defender shows it', type: 'boolean', default: false },
  }),
  examples: [
    ['list --type Isolate --status Pending --created-after 2h > incident.csv', 'what a rule did in the last two hours'],
    [
      'list --type Isolate --status Pending | countermand run - --comment "INC-4711"',
      'and cancel it, after a question',
    ],
  ],
  run: async (args, context) => {
    const { clock, random, out, log } = context;
    const filter = filterFromFlags(args, clock.wallMs());
    for (const sentence of unlikeNames(filter)) log.warn(sentence);
    const job = await senderJob(args, context);
    const { hosts, dispatcher, tokens } = await prepareSignIn(job, context);
    using _alive = keepAlive();
    try {
      const { token } = await tokens.token();
      refuseUseless(assess(token, job, hosts.scope), { cancels: false });
      const stop = new AbortController();
      const parts = {
        transport: makeTransport({ dispatcher, apiUrl: hosts.apiUrl, userAgent: userAgent() }),
        journal: noJournal,
        quota: makeQuota({ ...job.quota, clock }),
        gate: makeGate({ clock }),
        tokens,
        clock,
        random,
        log,
        abandon: stop.signal,
      };
      const defender = makeDefender(parts, hosts.apiUrl);
      const json = args['json'] === true;
      // Nothing is written before all pages are there: whoever reads it from a pipe must not take half a list for a whole one.
      const actions: MachineAction[] = [];
      const oddities = countOddities();
      for await (const action of queryActions(defender, filter, stop.signal, oddities)) actions.push(action);
      for (const sentence of oddities.sentences()) log.warn(sentence);
      if (json) for (const action of actions) out(styled(jsonLine(action)));
      else for (const piece of csvText(COLUMNS, actions, PIPED)) out(styled(piece));
      await context.delivered();
      return 0;
    } finally {
      await tokens[Symbol.asyncDispose]();
      await dispatcher.end();
    }
  },
};

function filterOptions(): Record<string, Options> {
  return Object.fromEntries(
    (Object.keys(FILTER_FLAGS) as (keyof ActionFilter)[]).map((key) => {
      const { flag, repeatable } = FILTER_FLAGS[key];
      const describe = FILTER_SHAPE[key].description ?? '';
      const kind: Options = repeatable
        ? { type: 'array', string: true, nargs: 1 }
        : { type: 'string', requiresArg: true };
      return [flag, { describe, group: 'Which actions:', ...kind }];
    }),
  );
}
