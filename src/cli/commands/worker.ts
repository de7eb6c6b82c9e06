import { resolve } from 'node:path';
import { RunQueue } from '../../fleet/queue.ts';
import { runWorker } from '../../fleet/worker.ts';
import type { Command, Flag } from '../command.ts';
import { givenSettings, SETTINGS_OF, settingOptions } from '../flags/setting-flags.ts';
import { sharedStoreOf } from '../flags/store-flag.ts';
import { type Whole, wholeFlag, wholeOf } from '../flags/whole-flag.ts';

const STANDARD_PLACES = 16;

const PLACES: Whole = {
  describe: `how many runs at once; one of more than 20,000 actions takes several [default: ${STANDARD_PLACES}]`,
  head: 'Pace',
  ...{ least: 1, most: 1000 },
};
const PORT: Whole = {
  describe: 'serve /metrics, /livez and /readyz there, on all addresses, 0 for a free port [default: nowhere]',
  head: 'Output',
  ...{ unit: 'a port', least: 0, most: 65_535 },
};

const CREDENTIALS: Flag = {
  describe:
    "a folder with TENANT.pem or TENANT.secret for customers' own applications: a tenant that has one signs in with it alone, as the run's --client-id",
  head: 'Sign-in',
  ...{ type: 'string', requiresArg: true, placeholder: 'DIR' },
};

export const worker: Command = {
  usage: 'worker',
  describe:
    'Takes runs that were submitted to a store, and carries them out, several in one process, until SIGTERM or Ctrl-C: then it closes their sessions within ' +
    'five seconds, gives them to other workers and exits 0. A run whose worker is lost goes on with another within half a minute. Credentials, hosts and ' +
    'quota are those of this process, for every run; tenant, comment and guards are the run’s.',
  logsAtTerminal: 'info',
  options: () => ({
    ...settingOptions(SETTINGS_OF.worker),
    places: wholeFlag(PLACES),
    port: wholeFlag(PORT),
    credentials: CREDENTIALS,
  }),
  examples: [
    ['worker --port 9464', 'with metrics for Prometheus, and probes for Kubernetes'],
    [
      'worker --credentials /run/secrets/tenants',
      'with an application of its own for each customer that has one there',
    ],
    ['worker --places 32', 'with COUNTERMAND_STORE set; as many on as many machines as you like'],
  ],
  run: async (args, context) => {
    const store = sharedStoreOf(context);
    const places = wholeOf(args, 'places', PLACES) ?? STANDARD_PLACES;
    const port = wholeOf(args, 'port', PORT);
    const given = args['credentials'];
    const credentials = given === undefined ? undefined : resolve(context.cwd, String(given));
    const flags = givenSettings(args, SETTINGS_OF.worker);
    const open = async () => {
      // With another schema each run that it took would be a dead letter. From then on it goes on with what was there, as a release only adds.
      await store.stat('worker');
      return await RunQueue.open(store, context.log, 'worker');
    };
    const queue = { where: store.where, open };
    return await runWorker({ places, port, credentials, flags, queue }, { ...context, store });
  },
};
