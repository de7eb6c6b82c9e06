import { COMMAND_NAMES, COMMANDS, EXIT_CODES_TOPIC, HELP_TOPICS, SHELLS, SMALL_COMMANDS } from '../command-table.ts';
import { findCommand, unknownCommand, wantsHelp } from '../flags/check-arguments.ts';
import { commandHelp, smallHelp } from './command-help.ts';
import { section } from './layout.ts';
import { exitCodesHelp, mainHelp } from './main-help.ts';

/** What to show the help of: the name of a command, `exit-codes`, or null for the whole program. Undefined when help is not asked for. */
export function topicOf(args: readonly string[]): string | null | undefined {
  const [name, ...rest] = args;
  if (name === 'help') return rest[findCommand(rest) ?? -1] ?? (wantsHelp(rest) ? name : null);
  if (!wantsHelp(args)) return undefined;
  return COMMAND_NAMES.find((each) => each === name) ?? null;
}

/** The text of {@link topicOf}'s answer. Throws a UsageError for what there is no help of. */
export async function helpOf(topic: string | null): Promise<string> {
  if (topic === null) return mainHelp();
  if (topic === EXIT_CODES_TOPIC) return exitCodesHelp();
  const small = SMALL_COMMANDS.find(({ name }) => name === topic);
  if (small !== undefined)
    return smallHelp(small, small.name === 'completion' ? section('To install it', installLines()) : []);
  const found = COMMANDS.find(({ name }) => name === topic);
  if (found !== undefined) return commandHelp(found, await found.load());
  throw unknownCommand(topic, HELP_TOPICS);
}

/** For each shell the line that makes it complete, and where that line goes. */
export function installLines(): string {
  return Object.entries(SHELLS)
    .map(([shell, [line, where]]) => `  ${shell.padEnd(12)}${line}  # ${where}`)
    .join('\n');
}
