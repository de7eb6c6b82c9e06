import { resolve } from 'node:path';
import { UsageError } from '../../errors.ts';
import { RunQueue } from '../../fleet/queue.ts';
import { runWorker } from '../../fleet/worker.ts';
import { show } from '../../job/given-settings.ts';
import type { Args, Command, Flag, HelpHead } from '../command.ts';
import { givenSettings, SETTINGS_OF, settingOptions } from '../flags/setting-flags.ts';
import { sharedStoreOf } from '../flags/store-flag.ts';

const STANDARD_PLACES = 16;

/** A flag that takes a number. */
interface Whole {
  describe: string;
  head: HelpHead;
  unit: string;
  least: number;
  most: number;
}

const PLACES: Whole = {
  describe: `how many runs at once [default: ${STANDARD_PLACES}]`,
  head: 'Pace',
  ...{ unit: 'a whole number', least: 1, most: 1000 },
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
    const queue = { where: store.where, open: () => RunQueue.open(store, context.log, 'worker') };
    return await runWorker({ places, port, credentials, flags, queue }, { ...context, store });
  },
};

function wholeFlag({ describe, head, least, most, unit }: Whole): Flag {
  return {
    ...{ describe, head, type: 'string', requiresArg: true, placeholder: 'N' },
    fault: (text) =>
      numberIn(text, { least, most }) === undefined ? `${unit} from ${least} to ${most}, not ${show(text)}` : undefined,
  };
}

/** Undefined where it was not given. Throws a UsageError for what is no such number. */
function wholeOf(args: Args, flag: string, { least, most, unit }: Whole): number | undefined {
  if (args[flag] === undefined) return undefined;
  const found = numberIn(String(args[flag]), { least, most });
  if (found !== undefined) return found;
  throw new UsageError(`--${flag} must be ${unit} from ${least} to ${most}, not ${show(args[flag])}`);
}

function numberIn(text: string, { least, most }: Pick<Whole, 'least' | 'most'>): number | undefined {
  const found = /^\d{1,5}$/.test(text.trim()) ? Number(text) : Number.NaN;
  return found >= least && found <= most ? found : undefined;
}
