import type { Flag } from '../command.ts';
import { COMMANDS, HELP_TOPICS, SHELL_NAMES, SMALL_COMMANDS } from '../command-table.ts';
import { COMMON_FLAGS } from '../flags/check-arguments.ts';

/** What may stand in a place of the command line: words to choose from, or what only the shell can list. `anything`: nothing to offer. */
export type Offered = readonly string[] | 'files' | 'folders' | 'anything';

export interface CompletedFlag {
  /** Without dashes. */
  name: string;
  /** One line. */
  says: string;
  /** What follows it; undefined for a boolean. */
  value: Offered | undefined;
  repeatable: boolean;
}

export interface CompletedCommand {
  name: string;
  says: string;
  flags: readonly CompletedFlag[];
  /** What its arguments are; undefined where it takes none. */
  argument: Offered | undefined;
}

/** All that can be completed. */
export interface Completed {
  commands: readonly CompletedCommand[];
  /** May stand before a command too. */
  common: readonly CompletedFlag[];
}

/** Every command with what it takes, from the tables that help and the parser read. */
export async function completed(): Promise<Completed> {
  const large = COMMANDS.map(async ({ name, summary, load }): Promise<CompletedCommand> => {
    const command = await load();
    // Every argument of a command is a file that it reads.
    const argument = command.positionals === undefined ? undefined : 'files';
    return { name, says: summary, flags: flagsOf({ ...command.options(), ...COMMON_FLAGS }), argument };
  });
  const small = SMALL_COMMANDS.map(({ name, summary }): CompletedCommand => {
    const topics = { completion: SHELL_NAMES, help: HELP_TOPICS, version: undefined };
    return { name, says: summary, flags: flagsOf(COMMON_FLAGS), argument: topics[name] };
  });
  return { commands: [...(await Promise.all(large)), ...small], common: flagsOf(COMMON_FLAGS) };
}

function flagsOf(flags: Readonly<Record<string, Flag>>): CompletedFlag[] {
  return Object.entries(flags).map(([name, flag]) => ({
    name,
    says: (flag.describe ?? '').replaceAll('`', ''),
    value: flag.type === 'boolean' ? undefined : offeredBy(flag),
    repeatable: flag.type === 'array',
  }));
}

function offeredBy({ values, placeholder }: Flag): Offered {
  if (values !== undefined) return values;
  if (placeholder === 'FILE') return 'files';
  return placeholder === 'DIR' ? 'folders' : 'anything';
}
