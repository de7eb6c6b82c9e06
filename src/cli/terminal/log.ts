import { cleanDeep } from '../../clean.ts';
import { UsageError } from '../../errors.ts';
import { show } from '../../job/given-settings.ts';
import { oneOfWords } from '../../job/values.ts';
import { type Logger, pino } from '../../log.ts';
import { styled } from '../../styled.ts';
import { stderrLine } from './stderr-line.ts';
import { terminalOf } from './terminal.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** Keys whose values never belong into a log, wherever they stand. */
const REDACTED = ['token', 'authorization', 'secret', 'password', 'assertion', 'headers.authorization'];

/**
 * The log, on stderr: JSON, a line a record. It is written at once, because a transport's worker loses lines when the process ends, and by way
 * of stderr's one writer, because pino's own throws where the log's disk is full and stands still where nobody reads it. A person at a terminal sees progress and sentences instead, so there only warnings are logged unless more is asked for.
 */
export async function makeLog(level: unknown, env: Readonly<Record<string, string | undefined>>): Promise<Logger> {
  const { isTerminal, colour } = terminalOf(process.stderr, env);
  const wanted = level ?? env['COUNTERMAND_LOG_LEVEL'] ?? (isTerminal ? 'warn' : 'info');
  const from = level === undefined ? 'COUNTERMAND_LOG_LEVEL' : '--log-level';
  const known = LOG_LEVELS.find((name) => name === wanted);
  if (known === undefined) {
    throw new UsageError(`${from} must be ${oneOfWords(LOG_LEVELS, wanted)}, not ${show(wanted)}`);
  }
  const options = { level: known, base: null, redact: { paths: REDACTED, remove: true } };
  return pino(options, isTerminal ? await prettyStderr(colour) : { write: (line) => stderrLine.log(line) });
}

/** One line a record for a person, above the progress bar. */
async function prettyStderr(colorize: boolean): Promise<{ write(line: string): void }> {
  // Only where somebody looks: it need not be loaded for a scheduled run.
  const { prettyFactory } = await import('pino-pretty');
  const pretty = prettyFactory({
    colorize,
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'job,run,session',
    // An error is shown as its fields, on its record's line: its message may hold anything.
    errorLikeObjectKeys: [],
  });
  return { write: (line) => stderrLine.write(styled(pretty(cleanDeep(JSON.parse(line))))) };
}
