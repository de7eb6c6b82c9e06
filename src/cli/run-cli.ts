import yargs from 'yargs';
import { cleanJson } from '../clean.ts';
import { CountermandError, stoppedBy, UsageError } from '../errors.ts';
import type { ExitCode } from '../exit-codes.ts';
import { systemTrouble } from '../fs-errors.ts';
import { refuseUnsafeTls } from '../identity/refuse-unsafe-tls.ts';
import type { Context } from '../run/console.ts';
import { sayError } from '../run/say-error.ts';
import { styled } from '../styled.ts';
import { toolVersion } from '../version.ts';
import { type Args, type Command, describeCommand } from './command.ts';
import { guardOutputs, processContext } from './context.ts';
import { COMMON_FLAGS, checkArguments, findCommand, unknownCommand, wantsJson } from './flags/check-arguments.ts';
import { refuseSecrets } from './flags/no-secrets.ts';
import { refuseSecretArguments } from './flags/secret-arguments.ts';
import { refuseUnknownSafeties, unknownVariables } from './flags/unknown-variables.ts';
import { endProcess, endWhenWritten, listenForInterrupts } from './terminal/interrupts.ts';
import { LOG_LEVELS } from './terminal/log.ts';
import { results } from './terminal/results.ts';
import { stderrLine } from './terminal/stderr-line.ts';
import { EXIT_TABLE } from './views/exit-table.ts';

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
    'continue an interrupted run (needs only its ledger)',
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
    'status [runs..]',
    'show every run here: how far it is, when it ends, what to do next',
    async () => (await import('./commands/status.ts')).status,
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
  [
    'demo',
    'show a whole run against a local Defender, in half a minute',
    async () => (await import('./commands/demo.ts')).demo,
  ],
];

/** Stands for `-` on its way through yargs, which takes that for an empty flag and hands out an empty text instead. */
const STDIN_MASK = '\u0000stdin';

function maskStdin(argument: string): string {
  return argument === '-' ? STDIN_MASK : argument;
}

function unmasked(args: Args): Args {
  return Object.fromEntries(Object.entries(args).map(([name, value]) => [name, value === STDIN_MASK ? '-' : value]));
}

/** What the parser brings along beside {@link COMMANDS}. */
const PARSERS_COMMANDS = ['completion', 'help', 'version'];
/** By which a shell asks for completions: what stands beside it is not finished yet. */
const COMPLETING = '--get-yargs-completions';

/** Runs one command and returns its exit code. The one place where errors become words and exit codes. */
export async function runCli(argv: readonly string[]): Promise<ExitCode> {
  const guard = guardOutputs(process.env);
  // Help is written to stdout by the parser: where it cannot be, there is nobody to tell.
  process.stdout.on('error', () => {});
  using interrupts = listenForInterrupts(process, endProcess);
  const exitCode = await interrupts
    .orInterrupted(runCommand(argv, (level) => processContext(level, guard, interrupts)))
    // A command that held nothing was left where it stood: it may go on in the background until the process ends below.
    .catch((thrown: unknown) => tellError(thrown));
  await stderrLine.drained();
  if (interrupts.first !== undefined) endWhenWritten(exitCode);
  return exitCode;
}

async function runCommand(
  argv: readonly string[],
  makeContext: (logLevel: unknown) => Promise<Context>,
): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  let hasResults = false;
  try {
    refuseSecrets(argv);
    let cli = yargs((await checked(argv)).map(maskStdin))
      .scriptName('countermand')
      .usage('$0 <command>\n\nCancels Microsoft Defender for Endpoint machine actions in bulk.')
      .version(toolVersion())
      .help()
      .alias('help', 'h')
      .strict()
      .demandCommand(1, 'Give a command; `countermand --help` lists them.')
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
          refuseUnsafeTls(process.env, process.execArgv);
          const context = await makeContext(args['log-level']);
          refuseUnknownSafeties(context.env);
          for (const sentence of unknownVariables(context.env)) context.log.warn(sentence);
          refuseSecretArguments(unmasked(args), context);
          const out: Context['out'] = (output) => {
            hasResults = true;
            context.out(output);
          };
          exitCode = await (await load()).run(unmasked(args), { ...context, out });
        },
      );
    }
    await cli.parseAsync();
    return exitCode;
  } catch (thrown) {
    // Where a flag lacks its value, the parser throws an error of its own past `fail`.
    const stopped = thrown instanceof Error && thrown.name === 'YError' ? misused(thrown.message) : stoppedBy(thrown);
    return tellError(systemTrouble(stopped) ?? stopped, !hasResults && wantsJson(argv));
  }
}

/** Says an error on stderr, and as the document that was asked for where there is none yet. Returns the exit code. */
function tellError(error: unknown, asDocument = false): ExitCode {
  const isExpected = error instanceof CountermandError;
  const exitCode = isExpected ? error.exitCode : 1;
  // The stack names functions and files of ours; errors that carry requests keep them out of what is printed.
  const stack = String(error instanceof Error ? error.stack : error).split('\n');
  const message = isExpected ? error.message : `unexpected error, which is a bug: ${stack.join('\n')}`;
  if (asDocument)
    results.write(styled(`${cleanJson(JSON.stringify({ exitCode, error: { message } }, undefined, 2))}\n`));
  if (isExpected) sayError((line) => stderrLine.write(line), error);
  else {
    stderrLine.write(`countermand: unexpected error, which is a bug: ${stack[0]}`);
    for (const line of stack.slice(1)) stderrLine.write(`    ${line.trim()}`);
  }
  return exitCode;
}

/** The arguments as they are given to the parser. Throws a UsageError for what no command takes. */
async function checked(argv: readonly string[]): Promise<string[]> {
  if (argv.includes(COMPLETING)) return [...argv];
  const at = findCommand(argv);
  const name = at === undefined ? undefined : argv[at];
  if (at === undefined || name === undefined) return checkArguments('countermand', argv, COMMON_FLAGS);
  const names = COMMANDS.map(([usage]) => usage.split(' ')[0] ?? usage);
  const found = COMMANDS.find(([usage]) => usage.split(' ')[0] === name);
  if (found === undefined) {
    if (PARSERS_COMMANDS.includes(name)) return [...argv];
    // The word may be the value of a flag that stands before the command.
    refuseFlags(argv.slice(0, at));
    throw seeHelp(unknownCommand(name, [...names, ...PARSERS_COMMANDS]));
  }
  const [usage, , load] = found;
  try {
    const known = { ...(await load()).options(), ...COMMON_FLAGS };
    return [name, ...checkArguments(usage, [...argv.slice(0, at), ...argv.slice(at + 1)], known)];
  } catch (error) {
    throw seeHelp(error);
  }
}

function refuseFlags(before: readonly string[]): void {
  try {
    checkArguments('countermand', before, COMMON_FLAGS);
  } catch (error) {
    throw seeHelp(error);
  }
}

function seeHelp(error: unknown): unknown {
  return error instanceof UsageError ? misused(error.message) : error;
}

function misused(message: string): UsageError {
  return new UsageError([plainly(message), 'See countermand --help, or --help after a command.']);
}

/** The parser's words for what a person sees as commands, flags and sources. */
function plainly(message: string): string {
  return message
    .replace(/^Unknown argument(s?):/, 'Unknown command$1 or flag$1:')
    .replace(
      /^Not enough non-option arguments:.*/,
      'Missing argument: the command needs something to work on after its name.',
    );
}
