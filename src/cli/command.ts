import type { Argv, Options } from 'yargs';
import type { ExitCode } from '../exit-codes.ts';
import type { Context } from '../run/console.ts';
import { EXIT_TABLE } from './views/exit-table.ts';

/** Flags and positionals as yargs hands them out. */
export type Args = Readonly<Record<string, unknown>>;

/** A command: what `--help` says of it, and what it does. Its file is loaded only when it is run. */
export interface Command {
  /** With its positionals: `run <source>`. */
  usage: string;
  describe: string;
  positionals?: Readonly<Record<string, { describe: string; type?: 'string'; array?: boolean }>>;
  options(): Record<string, Options>;
  examples: readonly (readonly [command: string, what: string])[];
  run(args: Args, context: Context): Promise<ExitCode>;
}

/** Puts a command's own help together. What stands on the first page's end is not on this one unless it is said here again. */
export function describeCommand(argv: Argv, command: Command): Argv {
  let described = argv.usage(`$0 ${command.usage}\n\n${command.describe}`).options(command.options());
  for (const [name, positional] of Object.entries(command.positionals ?? {})) {
    described = described.positional(name, { type: 'string', ...positional });
  }
  // The parser's own examples stand in two columns, which breaks command lines that somebody wants to copy.
  const examples = command.examples.map(([example, what]) => `  # ${what}\n  countermand ${example}`).join('\n');
  return described.epilogue(`Examples:\n${examples}\n\nExit codes:\n${EXIT_TABLE}`);
}
