import { EXIT_CODES } from '../../exit-codes.ts';
import { wrap } from '../../report/format.ts';
import { COMMAND_NAMES, COMMANDS, SMALL_COMMANDS } from '../command-table.ts';
import { findCommand, unknownCommand, wantsHelp } from '../flags/check-arguments.ts';
import { commandHelp, page, smallHelp, usageWords } from './command-help.ts';
import { paragraph, section, twoColumns } from './layout.ts';

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
  if (small !== undefined) return smallHelp(small);
  const found = COMMANDS.find(({ name }) => name === topic);
  if (found !== undefined) return commandHelp(found, await found.load());
  throw unknownCommand(topic, [...COMMAND_NAMES, EXIT_CODES_TOPIC]);
}

/** What `help` takes that is no command. */
const EXIT_CODES_TOPIC = 'exit-codes';

/** The help of the program: what it is for, its commands, how it exits. */
export function mainHelp(): string {
  const rows = [...COMMANDS, ...SMALL_COMMANDS].map(({ usage, summary }) => [usageWords(usage), summary] as const);
  return page([
    'countermand: cancel Microsoft Defender for Endpoint machine actions in bulk',
    'Usage: countermand COMMAND [ARGUMENTS] [FLAGS]',
    ...section('Commands', twoColumns(rows)),
    'Each command has a help of its own: countermand help COMMAND',
    paragraph(
      'A setting is a flag, an environment variable or a key of the job file: the flag counts before the variable, the variable before the ' +
        'job, the job before the default.',
    ),
    ...section('Exit codes', EXIT_TABLE),
  ]);
}

function exitCodesHelp(): string {
  return page(['countermand help exit-codes: every way in which a command can end', EXIT_TABLE]);
}

const COLUMNS = 78;
const INDENT = 7;

/** For help texts: every exit code and what it means, with hanging lines. */
const EXIT_TABLE = Object.entries(EXIT_CODES)
  .map(
    ([code, { means }]) =>
      `${code.padStart(INDENT - 2)}  ${wrap(means, COLUMNS - INDENT).join(`\n${' '.repeat(INDENT)}`)}`,
  )
  .join('\n');
