import { COMMANDS, SMALL_COMMANDS } from '../command-table.ts';
import { EXIT_TABLE } from '../views/exit-table.ts';
import { page, usageWords } from './command-help.ts';
import { paragraph, section, twoColumns } from './layout.ts';

/** What `help` takes that is no command. */
export const EXIT_CODES_TOPIC = 'exit-codes';

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

export function exitCodesHelp(): string {
  return page(['countermand help exit-codes: every way in which a command can end', EXIT_TABLE]);
}
