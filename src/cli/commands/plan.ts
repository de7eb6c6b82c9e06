import { inSession, type SessionEnd } from '../../engine/session.ts';
import { UsageError } from '../../errors.ts';
import type { CloseReason } from '../../ledger/record.ts';
import type { PlanFacts } from '../../report/facts/plan-summary.ts';
import { assemble } from '../../run/assemble.ts';
import { finish } from '../../run/finish.ts';
import { filesOf, makeOutputs } from '../files/outputs.ts';
import { isOffline, makePlan } from '../../run/plan.ts';
import { openIds } from '../../run/read-source.ts';
import { refuseSecretUse } from '../../run/refuse-secret-use.ts';
import { resolveTarget } from '../../run/target.ts';
import type { Command } from '../command.ts';
import { filePlaces, planFileOptions } from '../flags/file-flags.ts';
import { settingOptions } from '../flags/setting-flags.ts';
import { writePageAndRows } from '../views/page-and-rows.ts';

export const plan: Command = {
  usage: 'plan <source>',
  describe:
    'Shows what a run of SOURCE would do: which actions would be cancelled, which not and why, and when it would be done. Reads only. ' +
    'The plan is kept as a ledger; `countermand run` starts exactly it.',
  positionals: { source: { describe: 'job, file of action IDs, or -' } },
  options: () => ({
    ...settingOptions(),
    json: { describe: 'one JSON document on stdout', type: 'boolean', default: false },
    ...planFileOptions(),
  }),
  examples: [
    ['plan incident.csv --html plan.html', 'for approval'],
    ['plan incident.csv --screen never', 'offline: only count and forecast'],
  ],
  run: async (args, context) => {
    const target = await resolveTarget(String(args['source']), args, context, { plan: true });
    const { job, before, fromLedger } = target;
    if (fromLedger) {
      throw new UsageError(
        'plan takes a job, a file of IDs or -; for a ledger use `countermand resume --dry-run` or `countermand report`',
      );
    }
    if (before?.start !== undefined) {
      throw new UsageError(`${job.ledger} is a run that was started, not a plan: give the plan another --ledger`);
    }
    refuseSecretUse(target, context);
    const outputs = makeOutputs(context);
    outputs.keep(String(args['source']), ...filesOf(job));
    const places = await filePlaces(args, outputs);
    const bytes = await openIds(job.source, context.secrets);
    let facts: PlanFacts | undefined;
    let end: SessionEnd;
    {
      await using parts = await assemble(
        { job, existing: 'plan', before: undefined, offline: isOffline(job) },
        context,
      );
      end = await inSession(parts, async (): Promise<CloseReason> => {
        facts = await makePlan(parts, bytes, context);
        return 'planned';
      });
    }
    const shown = facts ?? { decisions: undefined, forecast: undefined };
    const options = { ledger: job.ledger, end, json: args['json'] === true, plan: shown };
    const { exitCode, summary, view } = await finish(options, context);
    await writePageAndRows(places, { views: [view], summary, plan: shown }, context.say);
    if (end.error === undefined && summary.plan?.overMaxActions) {
      context.say(`countermand: more actions than --max-actions ${job.guards.maxActions}: a run would not start\n`);
    }
    return exitCode;
  },
};
