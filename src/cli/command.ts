import type { Argv, Options } from 'yargs';
import type { ExitCode } from '../exit-codes.ts';
import type { Setting } from '../job/setting.ts';
import type { Context } from '../run/console.ts';

/** Flags and positionals as yargs hands them out. */
export type Args = Readonly<Record<string, unknown>>;

/** A flag, and how help shows it. */
export interface Flag extends Options {
  /** What stands for its value: `ID`, or the choices: `auto|always|never`. None for a boolean. */
  placeholder?: string;
  /** What it takes, or what is known of that: for completion. */
  values?: readonly string[];
  /** What is wrong with a value, to complete "--flag must be …"; undefined for one that it takes. Whoever uses the value reads it anew. */
  fault?(text: string): string | undefined;
  /** Under which head help lists it. @default 'Output' */
  head?: HelpHead;
  /** Its environment variable, where it has one. */
  variable?: string;
}

/** The heads of a command's help, in their order. */
export const HELP_HEADS = [
  'Which actions',
  'The run',
  'Guards',
  'Pace',
  'Where',
  'Sign-in',
  'Sandbox',
  'Output',
] as const satisfies readonly (Setting['group'] | string)[];

export type HelpHead = (typeof HELP_HEADS)[number];

/** A command: what `--help` says of it, and what it does. Its file is loaded only when it is needed. */
export interface Command {
  /** With its positionals: `run <source>`. */
  usage: string;
  describe: string;
  positionals?: Readonly<Record<string, { describe: string; type?: 'string'; array?: boolean }>>;
  /** Its arguments are files also where there is a store. @default false */
  readsFiles?: true;
  /** It prints tokens, of its own and nobody's secret: they may begin as one in the environment does. @default false */
  printsTokens?: true;
  /** What is logged at a terminal where nothing is asked for: of a command whose log is all that it shows. @default 'warn' */
  logsAtTerminal?: 'info';
  options(): Record<string, Flag>;
  /** Command lines of at most 66 characters, so that each is one line of a terminal and can be copied. */
  examples: readonly (readonly [command: string, what: string])[];
  run(args: Args, context: Context): Promise<ExitCode>;
}

/** Tells the parser what a command takes. Its help texts are not the parser's: see `help/`. */
export function declareCommand(argv: Argv, command: Command): Argv {
  let declared = argv.options(command.options());
  for (const [name, positional] of Object.entries(command.positionals ?? {})) {
    declared = declared.positional(name, { type: 'string', ...positional });
  }
  return declared;
}
