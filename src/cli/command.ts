import type { Argv, Options } from 'yargs';
import type { ExitCode } from '../exit-codes.ts';
import type { CliContext } from './context.ts';

/** Flags and positionals as yargs hands them out. */
export type Args = Readonly<Record<string, unknown>>;

/** A command: what `--help` says of it, and what it does. Its file is loaded only when it is run. */
export interface Command {
  /** With its positionals: `run <source>`. */
  usage: string;
  describe: string;
  /** Longer than `describe`, on the command's own help page. */
  epilogue?: string;
  positionals?: Readonly<Record<string, { describe: string; type?: 'string'; array?: boolean }>>;
  options(): Record<string, Options>;
  examples: readonly (readonly [command: string, what: string])[];
  run(args: Args, context: CliContext): Promise<ExitCode>;
}

/** Puts a command's own help together. */
export function describeCommand(argv: Argv, command: Command): Argv {
  let described = argv.usage(`$0 ${command.usage}\n\n${command.describe}`).options(command.options());
  for (const [name, positional] of Object.entries(command.positionals ?? {})) {
    described = described.positional(name, { type: 'string', ...positional });
  }
  for (const [example, what] of command.examples) described = described.example(`$0 ${example}`, what);
  return described;
}
