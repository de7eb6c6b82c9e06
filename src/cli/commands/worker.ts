import { UsageError } from '../../errors.ts';
import { runWorker } from '../../fleet/worker.ts';
import { show } from '../../job/given-settings.ts';
import type { Command } from '../command.ts';
import { givenSettings, SETTINGS_OF, settingOptions } from '../flags/setting-flags.ts';
import { sharedStoreOf } from '../flags/store-flag.ts';

const STANDARD_PLACES = 16;
const MOST_PLACES = 1000;

export const worker: Command = {
  usage: 'worker',
  describe:
    'Takes runs that were submitted to a store, and carries them out, several in one process, until SIGTERM or Ctrl-C: then it closes their sessions within ' +
    'five seconds, gives them to other workers and exits 0. A run whose worker is lost goes on with another within half a minute. Credentials, hosts and ' +
    'quota are those of this process, for every run; tenant, comment and guards are the run’s.',
  logsAtTerminal: 'info',
  options: () => ({
    ...settingOptions(SETTINGS_OF.worker),
    places: {
      describe: `how many runs at once [default: ${STANDARD_PLACES}]`,
      type: 'string',
      requiresArg: true,
      placeholder: 'N',
      head: 'Pace',
      fault: (text) =>
        placesIn(text) === undefined ? `a whole number from 1 to ${MOST_PLACES}, not ${show(text)}` : undefined,
    },
  }),
  examples: [['worker --places 32', 'with COUNTERMAND_STORE set; as many on as many machines as you like']],
  run: async (args, context) => {
    const store = sharedStoreOf(context);
    const places = args['places'] === undefined ? STANDARD_PLACES : placesIn(String(args['places']));
    if (places === undefined) {
      throw new UsageError(`--places must be a whole number from 1 to ${MOST_PLACES}, not ${show(args['places'])}`);
    }
    return await runWorker({ places, flags: givenSettings(args, SETTINGS_OF.worker) }, { ...context, store });
  },
};

function placesIn(text: string): number | undefined {
  const places = /^\d{1,4}$/.test(text.trim()) ? Number(text) : 0;
  return places >= 1 && places <= MOST_PLACES ? places : undefined;
}
