import { UsageError } from '../../errors.ts';
import { ledgerNamed } from '../../job/ledger-name.ts';
import { isShared } from '../../store/network-store.ts';
import type { Command } from '../command.ts';
import { settingOptions } from '../flags/setting-flags.ts';

export const stop: Command = {
  usage: 'stop <run>',
  describe:
    'Asks the process that works on a run to end its session, on whatever machine that is: within five seconds it starts no call any more, waits for ' +
    'those in flight, exits 130, and gives the run back. One that was submitted is taken out of the queue, and no worker takes it again. `countermand resume`, or `countermand submit`, continues it.',
  positionals: { run: { describe: 'the name of the run in the store' } },
  options: () => settingOptions(['store']),
  examples: [['stop incident', 'with COUNTERMAND_STORE set']],
  run: async (args, { store, cwd, out, delivered, log }) => {
    const typed = String(args['run']);
    if (!isShared(store)) {
      throw new UsageError(
        `Say which store ${typed} is in with --store, or stop the process of a ledger's file by Ctrl-C.`,
      );
    }
    const name = ledgerNamed(typed, { cwd, inStore: true });
    const { takeOut } = await import('../../fleet/board.ts');
    // First, so that no worker takes it while it is being stopped.
    const wasQueued = await takeOut(name, store, log);
    const holder = await store.stop(name);
    out(
      holder === undefined
        ? `Nobody works on ${name}${wasQueued ? ', and it was taken out of the queue' : ''}.\n`
        : `${name} was asked to stop: process ${holder.pid} on ${holder.host} ends within seconds.\n`,
    );
    await delivered();
    return 0;
  },
};
