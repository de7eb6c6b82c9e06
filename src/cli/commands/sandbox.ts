import { parseDuration } from '../../duration.ts';
import { UsageError } from '../../errors.ts';
import { HERE } from '../../platform.ts';
import { parseWindow } from '../../quota/windows.ts';
import { formatCount, plural } from '../../report/format.ts';
import { practiceOptions } from '../../sandbox/practice.ts';
import { sandboxCsv } from '../../sandbox/sandbox-csv.ts';
import { startSandbox } from '../../sandbox/start-sandbox.ts';
import type { Args, Command, Flag } from '../command.ts';
import { type Whole, wholeFlag, wholeOf } from '../flags/whole-flag.ts';

const PORT: Whole = {
  describe: 'where to listen on loopback [default: a free one]',
  head: 'Sandbox',
  ...{ unit: 'a port', least: 0, most: 65_535 },
};
const ACTIONS: Whole = {
  describe: 'how many actions it holds [default: 200]',
  head: 'Sandbox',
  ...{ least: 0, most: 1_000_000 },
};
const SEED: Whole = {
  describe: 'the same seed gives the same actions [default: 1]',
  head: 'Sandbox',
  ...{ least: 0, most: 9_999_999 },
};

export const sandbox: Command = {
  usage: 'sandbox',
  printsTokens: true,
  describe:
    'Has actions of every type and status, a few that only a lookup by ID finds and no list shows, a strict quota and a little trouble, and runs ' +
    'until Ctrl-C. Prints the variables that make countermand use it.',
  options: () => ({
    port: wholeFlag(PORT),
    actions: wholeFlag(ACTIONS),
    seed: wholeFlag(SEED),
    trouble: text('0..10', 'how much goes wrong: 0 nothing, 1 about one call in twenty [default: 1]'),
    returns: text(
      'TIME',
      'devices come back, and their isolations take effect: one seen today after this long on average, twice as long for each day since [default: never]',
    ),
    quota: {
      describe: 'its windows [default: 100/1m,1500/1h]',
      type: 'array',
      string: true,
      nargs: 1,
      placeholder: 'CALLS/TIME',
      head: 'Sandbox',
    },
    csv: { ...text('FILE', 'write the IDs of its actions to this file, with a few faults'), head: 'Output' },
  }),
  examples: [
    ['sandbox --actions 500 --csv practice.csv', 'and leave it running'],
    ['run practice.csv --comment practice', 'in another terminal, with the variables it prints'],
  ],
  run: async (args, context) => {
    const { say, out, interrupts } = context;
    const csv = await context.outputs().claimIfGiven('--csv', args['csv']);
    const seed = wholeOf(args, 'seed', SEED) ?? 1;
    const options = practiceOptions({
      actions: wholeOf(args, 'actions', ACTIONS) ?? 200,
      seed,
      trouble: decimal(args, 'trouble', 1),
      returnsAfterMs: duration(args, 'returns'),
    });
    const windows = ((args['quota'] as string[] | undefined) ?? []).flatMap((text) => text.split(',')).map(readWindow);
    await using server = await startSandbox({
      ...options,
      port: wholeOf(args, 'port', PORT) ?? 0,
      ...(windows.length === 0 ? {} : { quota: { windows } }),
    });
    await csv?.write([sandboxCsv(server.store.all(), { seed })]);
    const lines = Object.entries(server.environment()).map(([name, value]) => HERE.setVariable(name, value));
    const { size } = server.store;
    const unlisted = size - [...server.store.listed(undefined, undefined)].length;
    say(`A sandbox with ${plural(size, 'action')} listens at ${server.url}; Ctrl-C ends it.\n`);
    if (unlisted > 0) {
      say(
        `For practice lists leave out ${formatCount(unlisted)} of them: \`run\` finds them by ID, \`list\` does not.\n`,
      );
    }
    say('To use it:\n');
    for (const line of lines) out(line);
    await new Promise<void>((resolve) => {
      interrupts.hold(() => resolve());
    });
    return 0;
  },
};

function text(placeholder: string, describe: string): Flag {
  return { describe, type: 'string', requiresArg: true, placeholder, head: 'Sandbox' };
}

function readWindow(text: string): { calls: number; perMs: number } {
  const window = parseWindow(text);
  if (window === undefined) throw new UsageError(`--quota must be calls per time, such as 100/1m, not ${text}`);
  return window;
}

function duration(args: Args, name: string): number | undefined {
  const value = args[name];
  if (value === undefined) return undefined;
  const ms = parseDuration(String(value));
  if (ms === undefined || ms === 0)
    throw new UsageError(`--${name} must be a duration above 0, such as 30m, not ${String(value)}`);
  return ms;
}

function decimal(args: Args, name: string, standard: number): number {
  const value = args[name] === undefined ? standard : Number(args[name]);
  if (!(value >= 0 && value <= 10))
    throw new UsageError(`--${name} must be a number from 0 to 10, not ${String(args[name])}`);
  return value;
}
