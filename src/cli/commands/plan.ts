import { filesOf } from '../../run/outputs.ts';
import { planSession } from '../../run/plan.ts';
import type { Command } from '../command.ts';
import { type FilePlaces, filePlaces, planFileOptions } from '../flags/file-flags.ts';
import { SETTINGS_OF, settingOptions } from '../flags/setting-flags.ts';
import { writePageAndRows } from '../views/page-and-rows.ts';

export const plan: Command = {
  usage: 'plan <source>',
  describe:
    'Shows which actions of SOURCE would be cancelled, which not and why, and when a run of it would be done. Reads only. The plan is kept ' +
    'as a ledger; `countermand run` starts exactly it.',
  positionals: { source: { describe: 'a job (.yaml), a file of action IDs (CSV, text or JSON), or - for stdin' } },
  options: () => ({
    ...settingOptions(SETTINGS_OF.plan),
    json: { describe: 'one JSON document on stdout', type: 'boolean', default: false },
    ...planFileOptions(),
  }),
  examples: [
    ['plan incident.csv --html plan.html', 'for approval'],
    ['plan incident.csv --screen never', 'offline: only count and forecast'],
  ],
  run: async (args, context) => {
    const outputs = context.outputs();
    let places: FilePlaces = { html: undefined, csv: undefined };
    const source = String(args['source']);
    const planned = await planSession(
      {
        source,
        flags: args,
        json: args['json'] === true,
        place: async (job) => {
          outputs.keep(source, ...filesOf(job));
          places = await filePlaces(args, outputs);
        },
      },
      context,
    );
    const { exitCode, summary, view, facts, end, job } = planned;
    await writePageAndRows(places, { views: [view], summary, plan: facts }, context.say);
    if (end.error === undefined && summary.plan?.overMaxActions) {
      context.say(`countermand: more actions than --max-actions ${job.guards.maxActions}: a run would not start\n`);
    }
    return exitCode;
  },
};
