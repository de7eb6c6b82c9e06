import { UsageError } from '../errors.ts';
import type { ExitCode } from '../exit-codes.ts';
import { endedBy } from '../fs-errors.ts';
import { refuseUnsafeTls } from '../identity/endpoints.ts';
import { show } from '../job/given-settings.ts';
import { keepAll } from '../redact.ts';
import type { Context } from '../run/console.ts';
import type { Interrupts } from '../run/machine.ts';
import { styled } from '../styled.ts';
import { nearestName } from '../suggest.ts';
import { versionLine } from '../version.ts';
import { type Args, declareCommand } from './command.ts';
import { COMMAND_NAMES, COMMANDS, SHELL_NAMES, SMALL_COMMANDS } from './command-table.ts';
import {
  COMMON_FLAGS,
  checkArguments,
  findCommand,
  placeOfFlag,
  unknownCommand,
  wantsJson,
} from './flags/check-arguments.ts';
import { refuseSecretArguments, refuseSecrets } from './flags/secret-arguments.ts';
import { storeAsked } from './flags/store-flag.ts';
import { refuseUnknownSafeties, unknownVariables } from './flags/unknown-variables.ts';
import { helpOf, installLines, topicOf } from './help/help.ts';
import { results } from './terminal/results.ts';
import { stderrLine } from './terminal/stderr-line.ts';
import { callBack, terminalOf } from './terminal/terminal.ts';
import { type Guard, tellError } from './without-context.ts';

/** Stands for `-` on its way through yargs, which takes that for an empty flag and hands out an empty text instead. */
const STDIN_MASK = '\u0000stdin';

function maskStdin(argument: string): string {
  return argument === '-' ? STDIN_MASK : argument;
}

function unmasked(args: Args): Args {
  return Object.fromEntries(Object.entries(args).map(([name, value]) => [name, value === STDIN_MASK ? '-' : value]));
}

/** Runs what the arguments name: a command, its help, or what is wrong with them. Never throws. Returns the exit code. */
export async function runCommand(argv: readonly string[], guard: Guard, interrupts: Interrupts): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  let hasResults = false;
  let end: ((exitCode: ExitCode) => void) | undefined;
  try {
    refuseSecrets(argv);
    const args = await checked(argv);
    const topic = topicOf(args);
    if (topic !== undefined) {
      results.write(styled(await helpOf(topic).catch((error: unknown) => Promise.reject(seeHelp(error)))));
      return exitCode;
    }
    if (args[0] === 'version') {
      results.write(styled(`${versionLine(process)}\n`));
      return exitCode;
    }
    if (args[0] === 'completion') {
      results.write(styled(await completionFor(args.slice(1))));
      return exitCode;
    }
    // Neither help nor a mistake needs what commands do.
    const [{ default: yargs }, { processContext }] = await Promise.all([import('yargs'), import('./machine.ts')]);
    let cli = yargs(args.map(maskStdin))
      .scriptName('countermand')
      .version(versionLine(process))
      .help()
      .alias('help', 'h')
      .strict()
      .demandCommand(1, 'Give a command; `countermand --help` lists them.')
      .parserConfiguration({ 'greedy-arrays': false, 'camel-case-expansion': false, 'parse-numbers': false })
      .option('log-level', COMMON_FLAGS['log-level'])
      .exitProcess(false)
      .fail((message, error) => {
        throw error ?? misused([message], args[0]);
      });
    for (const { name, usage, summary, load } of COMMANDS) {
      cli = cli.command(
        usage,
        summary,
        async (own) => declareCommand(own, await load()),
        async (args) => {
          refuseUnsafeTls(process.env, process.execArgv);
          const command = await load();
          if (command.printsTokens) stderrLine.redact = keepAll;
          const store = storeAsked(unmasked(args), command, process.env);
          const wish = {
            level: args['log-level'],
            format: args['log-format'],
            store,
            atTerminal: command.logsAtTerminal,
          };
          const context = await processContext(wish, guard, interrupts);
          await using _store = context.store;
          refuseUnknownSafeties(context.env);
          for (const sentence of unknownVariables(context.env)) context.log.warn(sentence);
          refuseSecretArguments(unmasked(args), context);
          const out: Context['out'] = (output) => {
            hasResults = true;
            context.out(output);
          };
          if (ENDS_BY_ITSELF.includes(name)) end = whenOver(name, context);
          exitCode = await command.run(unmasked(args), { ...context, out });
        },
      );
    }
    await cli.parseAsync();
  } catch (thrown) {
    // Where a flag lacks its value, the parser throws an error of its own past `fail`.
    const error = thrown instanceof Error && thrown.name === 'YError' ? misused([thrown.message]) : endedBy(thrown);
    exitCode = tellError(error, !hasResults && wantsJson(argv));
  }
  end?.(exitCode);
  return exitCode;
}

/** Commands that somebody may wait for; the others are quick, or end when they are told to. */
const ENDS_BY_ITSELF: readonly string[] = ['plan', 'run', 'resume', 'verify'];

/** Calls whoever started it back to the terminal, unless they have just ended it. */
function whenOver(name: string, { clock, env, interrupts }: Context): (exitCode: ExitCode) => void {
  const begunMs = clock.monotonicMs();
  return (exitCode) => {
    if (interrupts.first !== undefined) return;
    const tookMs = clock.monotonicMs() - begunMs;
    stderrLine.control(callBack(`countermand ${name}: exit ${exitCode}`, tookMs, terminalOf(process.stderr, env), env));
  };
}

/** The script for the one shell that is named. Throws a UsageError where none is, or another. */
async function completionFor(words: readonly string[]): Promise<string> {
  const given = words[findCommand(words) ?? -1];
  const shell = SHELL_NAMES.find((name) => name === given);
  if (shell === undefined) {
    const near = given === undefined ? undefined : nearestName(given, SHELL_NAMES);
    const meant = near === undefined ? '' : ` Did you mean ${near}?`;
    const what =
      given === undefined
        ? 'completion needs the name of a shell.'
        : `completion does not know ${show(given)}.${meant}`;
    throw new UsageError([`${what} To install it:`, ...installLines().split('\n')]);
  }
  const { completed } = await import('./completion/words.ts');
  const { completionScript } = await import('./completion/scripts.ts');
  return completionScript(shell, await completed());
}

/** The arguments as they are given to the parser. Throws a UsageError for what no command takes. */
async function checked(argv: readonly string[]): Promise<string[]> {
  const at = findCommand(argv);
  const name = at === undefined ? undefined : argv[at];
  if (at === undefined || name === undefined) return checkArguments('countermand', argv, COMMON_FLAGS);
  const given = [...argv.slice(0, at), ...argv.slice(at + 1)];
  const small = SMALL_COMMANDS.find((each) => each.name === name);
  // What is said where the name of a shell is missing is for `completion` to say.
  if (small !== undefined) return [name, ...checkArguments(small.usage.replace(/[<>]/g, ''), given, COMMON_FLAGS)];
  const found = COMMANDS.find((each) => each.name === name);
  if (found === undefined) {
    // The word may be the value of a flag that stands before the command.
    refuseFlags(argv.slice(0, at));
    throw seeHelp(unknownCommand(name, COMMAND_NAMES));
  }
  const known = { ...(await found.load()).options(), ...COMMON_FLAGS };
  try {
    return [name, ...checkArguments(found.usage, given, known)];
  } catch {
    // Only what is wrong is worth the loading of every command, to say which of them takes a flag.
    const all = await Promise.all(COMMANDS.map(async (each) => ({ ...each, flags: (await each.load()).options() })));
    try {
      return [name, ...checkArguments(found.usage, given, known, (flag) => placeOfFlag(flag, found, all))];
    } catch (error) {
      throw seeHelp(error, name);
    }
  }
}

function refuseFlags(before: readonly string[]): void {
  try {
    checkArguments('countermand', before, COMMON_FLAGS);
  } catch (error) {
    throw seeHelp(error);
  }
}

/** With where to read on: the help of the command, where there is one. */
function seeHelp(error: unknown, command?: string): unknown {
  return error instanceof UsageError ? misused(error.lines, command) : error;
}

function misused(lines: readonly string[], command?: string): UsageError {
  return new UsageError([...lines, `See countermand ${command === undefined ? '' : `${command} `}--help.`]);
}
