import { UsageError } from '../errors.ts';
import type { ExitCode } from '../exit-codes.ts';
import { endedBy } from '../fs-errors.ts';
import type { Interrupts } from '../run/machine.ts';
import { styled } from '../styled.ts';
import { versionLine } from '../version.ts';
import { mainHelp } from './help/main-help.ts';
import { endProcess, endWhenWritten, listenForInterrupts } from './terminal/interrupts.ts';
import { terminalsBegunWith } from './terminal/outlet.ts';
import { results } from './terminal/results.ts';
import { stderrLine } from './terminal/stderr-line.ts';
import { type Guard, guardOutputs, tellError } from './without-context.ts';

/** Runs one command and returns its exit code. The one place where errors become words and exit codes. */
export async function runCli(argv: readonly string[]): Promise<ExitCode> {
  process.once('exit', terminalsBegunWith());
  const guard = guardOutputs(process.env);
  // Help is written to stdout by the parser: where it cannot be, there is nobody to tell.
  process.stdout.on('error', () => {});
  using interrupts = listenForInterrupts(process, endProcess);
  const exitCode = await interrupts
    .orInterrupted(answered(argv, guard, interrupts))
    // A command that held nothing was left where it stood: it may go on in the background until the process ends below.
    .catch((thrown: unknown) => tellError(endedBy(thrown)));
  await stderrLine.drained();
  if (interrupts.first !== undefined) endWhenWritten(exitCode);
  return exitCode;
}

/** Version and help are said at once: the parser, the settings and their checks are loaded for whoever wants more. */
async function answered(argv: readonly string[], guard: Guard, interrupts: Interrupts): Promise<ExitCode> {
  const [word, ...more] = argv;
  if (word === undefined) {
    results.write(styled(mainHelp()));
    throw new UsageError('Give a command.');
  }
  if (more.length === 0 && ['--version', 'version'].includes(word)) {
    results.write(styled(`${versionLine(process)}\n`));
    return 0;
  }
  if (more.length === 0 && ['--help', '-h', 'help'].includes(word)) {
    results.write(styled(mainHelp()));
    return 0;
  }
  const { runCommand } = await import('./run-command.ts');
  return await runCommand(argv, guard, interrupts);
}
