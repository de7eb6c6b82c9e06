import { EXIT_CODES } from '../../exit-codes.ts';
import { wrap } from '../../report/format.ts';
import { COMMANDS, SMALL_COMMANDS } from '../command-table.ts';
import { page, paragraph, section, twoColumns, usageWords } from './layout.ts';

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

const COLUMNS = 78;
const INDENT = 7;

/** For help texts: every exit code and what it means, with hanging lines. */
const EXIT_TABLE = Object.entries(EXIT_CODES)
  .map(
    ([code, { means }]) =>
      `${code.padStart(INDENT - 2)}  ${wrap(means, COLUMNS - INDENT).join(`\n${' '.repeat(INDENT)}`)}`,
  )
  .join('\n');
