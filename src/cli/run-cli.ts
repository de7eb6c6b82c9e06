import yargs from 'yargs';
import { systemTrouble } from '../disk-trouble.ts';
import { CountermandError, stoppedBy, UsageError } from '../errors.ts';
import type { ExitCode } from '../exit-codes.ts';
import { type Args, type Command, describeCommand } from './command.ts';
import { processContext } from './context.ts';
import { EXIT_TABLE } from './exit-table.ts';
import { LOG_LEVELS } from './make-log.ts';
import { refuseSecrets } from './refuse-secrets.ts';
import { unknownVariables } from './unknown-variables.ts';
import { toolVersion } from './version.ts';

/** Every command, its summary for `--help`, and where it lives. */
const COMMANDS: readonly (readonly [usage: string, describe: string, load: () => Promise<Command>])[] = [
  [
    'plan <source>',
    'show what a run would do, without sending a cancel',
    async () => (await import('./commands/plan.ts')).plan,
  ],
  ['run <source>', 'cancel what the source names', async () => (await import('./commands/run.ts')).run],
  [
    'resume <ledger>',
    'go on with an interrupted run; needs nothing but the ledger',
    async () => (await import('./commands/resume.ts')).resume,
  ],
  [
    'verify <ledger>',
    "check a ledger's integrity, then look up what is not final yet",
    async () => (await import('./commands/verify.ts')).verify,
  ],
  [
    'report <ledgers..>',
    'report one run, or several as one',
    async () => (await import('./commands/report.ts')).report,
  ],
  [
    'list',
    'list machine actions that match a filter, as CSV for `run -`',
    async () => (await import('./commands/list.ts')).list,
  ],
  [
    'check [job]',
    'check credentials, permissions, host, clock and quota before a run',
    async () => (await import('./commands/check.ts')).check,
  ],
  ['sandbox', 'serve a local Defender to practise on', async () => (await import('./commands/sandbox.ts')).sandbox],
];

/** Stands for `-` on its way through yargs, which takes that for an empty flag and hands out an empty text instead. */
const STDIN_MASK = '\u0000stdin';

function maskStdin(argument: string): string {
  return argument === '-' ? STDIN_MASK : argument;
}

function unmasked(args: Args): Args {
  return Object.fromEntries(Object.entries(args).map(([name, value]) => [name, value === STDIN_MASK ? '-' : value]));
}

/** Runs one command and returns its exit code. The one place where errors become words and exit codes. */
export async function runCli(argv: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  try {
    refuseSecrets(argv);
    let cli = yargs(argv.map(maskStdin))
      .scriptName('countermand')
      .usage('$0 <command>\n\nCancels Microsoft Defender for Endpoint machine actions in bulk.')
      .version(toolVersion())
      .help()
      .alias('help', 'h')
      .strict()
      .demandCommand(1, 'Give a command; `countermand --help` lists them.')
      .recommendCommands()
      .parserConfiguration({ 'greedy-arrays': false, 'camel-case-expansion': false, 'parse-numbers': false })
      .option('log-level', { describe: `what is logged to stderr: ${LOG_LEVELS.join(', ')}`, type: 'string' })
      .completion('completion', 'print a completion script for bash or zsh')
      .wrap(Math.min(110, process.stdout.columns || 80))
      .epilogue(`Exit codes:\n${EXIT_TABLE}`)
      .exitProcess(false)
      .fail((message, error) => {
        throw error ?? misused(message);
      });
    for (const [usage, describe, load] of COMMANDS) {
      cli = cli.command(
        usage,
        describe,
        async (own) => describeCommand(own, await load()),
        async (args) => {
          const context = await processContext(args['log-level']);
          for (const sentence of unknownVariables(context.env)) context.log.warn(sentence);
          exitCode = await (await load()).run(unmasked(args), context);
        },
      );
    }
    await cli.parseAsync();
    return exitCode;
  } catch (thrown) {
    // Where a flag lacks its value, the parser throws an error of its own past `fail`.
    const stopped = thrown instanceof Error && thrown.name === 'YError' ? misused(thrown.message) : stoppedBy(thrown);
    const error = systemTrouble(stopped) ?? stopped;
    if (error instanceof CountermandError) {
      process.stderr.write(`countermand: ${error.message}\n`);
      return error.exitCode;
    }
    // The stack names functions and files of ours; errors that carry requests keep them out of what is printed.
    process.stderr.write(
      `countermand: unexpected error, which is a bug: ${error instanceof Error ? error.stack : String(error)}\n`,
    );
    return 1;
  }
}

function misused(message: string): UsageError {
  return new UsageError(`${plainly(message)}\nSee countermand --help, or --help after a command.`);
}

/** The parser's words for what a person sees as commands, flags and sources. */
function plainly(message: string): string {
  return message
    .replace(/^Unknown argument(s?):/, 'Unknown command$1 or flag$1:')
    .replace(/^Not enough arguments following: (\S+)$/, '--$1 needs a value after it.')
    .replace(/^Not enough non-option arguments:.*/, 'The command needs something to work on after its name.');
}
