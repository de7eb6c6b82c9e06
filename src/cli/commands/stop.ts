import { UsageError } from '../../errors.ts';
import { ledgerNamed } from '../../job/ledger-name.ts';
import { plural } from '../../report/format.ts';
import type { Context } from '../../run/console.ts';
import { isShared, type NetworkStore } from '../../store/network-store.ts';
import type { Command } from '../command.ts';
import { settingOptions } from '../flags/setting-flags.ts';

export const stop: Command = {
  usage: 'stop [run]',
  describe:
    'Asks the process that works on a run to end its session, on whatever machine that is: within five seconds it starts no call any more, waits for ' +
    'those in flight, exits 130, and gives the run back. One that was submitted is taken out of the queue, and no worker takes it again. `countermand resume`, or `countermand submit`, continues it. Of a campaign all runs are stopped. With --schedule no more runs are made of a job; those that were made stay.',
  positionals: { run: { describe: 'the name of the run in the store, or of a campaign' } },
  options: () => ({
    ...settingOptions(['store']),
    schedule: {
      describe: 'take the schedule of this job away, by its name in status',
      type: 'array',
      string: true,
      nargs: 1,
      placeholder: 'NAME',
      head: 'The run',
    },
  }),
  examples: [
    ['stop incident', 'with COUNTERMAND_STORE set'],
    ['stop --schedule stale-actions-nightly', 'no more turns'],
    ['stop stuck', 'all runs of a campaign; stop stuck/contoso.com is one of them'],
  ],
  run: async (args, context) => {
    const { store, delivered } = context;
    const schedules = ((args['schedule'] ?? []) as unknown[]).map(String);
    const typed = args['run'] === undefined ? undefined : String(args['run']);
    const what = typed ?? schedules[0];
    if (what === undefined)
      throw new UsageError('Name what to stop: a run, a campaign, or with --schedule a schedule.');
    if (!isShared(store)) {
      throw new UsageError(
        `Say which store ${what} is in with --store, or stop the process of a ledger's file by Ctrl-C.`,
      );
    }
    if (schedules.length > 0) {
      await (await import('../../fleet/schedule.ts')).unschedule(schedules, { ...context, store });
    }
    if (typed !== undefined) await stopRuns(typed, { ...context, store });
    await delivered();
    return 0;
  },
};

async function stopRuns(
  typed: string,
  { store, cwd, out, log }: Pick<Context, 'cwd' | 'out' | 'log'> & { store: NetworkStore },
): Promise<void> {
  const name = ledgerNamed(typed, { cwd, inStore: true });
  const ofCampaign = (await store.stat(name)) === undefined ? await store.campaign(name) : [];
  const runs = ofCampaign.length === 0 ? [name] : ofCampaign.map((entry) => entry.name);
  const { takeOut } = await import('../../fleet/board.ts');
  // First, so that no worker takes one while it is being stopped.
  const queued = await takeOut(runs, store, log);
  let stood = 0;
  for (const run of runs) {
    const holder = await store.stop(run);
    if (holder !== undefined) {
      out(`${run} was asked to stop: process ${holder.pid} on ${holder.host} ends within seconds.\n`);
    } else if (queued.has(run) || runs.length === 1) {
      out(`Nobody works on ${run}${queued.has(run) ? ', and it was taken out of the queue' : ''}.\n`);
    } else stood++;
  }
  if (stood > 0) out(`Nobody works on ${plural(stood, stood === runs.length ? 'run' : 'other run')} of ${name}.\n`);
}
