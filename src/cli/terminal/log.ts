import { cleanDeep } from '../../clean.ts';
import { UsageError } from '../../errors.ts';
import { show } from '../../job/given-settings.ts';
import { variableOf } from '../../job/setting.ts';
import { SETTINGS } from '../../job/settings.ts';
import { oneOfWords } from '../../job/values.ts';
import { type Logger, pino } from '../../log.ts';
import { styled } from '../../styled.ts';
import { stderrLine } from './stderr-line.ts';
import { terminalOf } from './terminal.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

const LOG_FORMATS = SETTINGS.logFormat.value.options;

/** Keys whose values never belong into a log, wherever they stand. */
const REDACTED = ['token', 'authorization', 'secret', 'password', 'assertion', 'headers.authorization'];

export interface LogWish {
  level?: unknown;
  format?: unknown;
  /** The level at a terminal where none is asked for. @default 'warn' */
  atTerminal?: 'info' | undefined;
}

/**
 * The log, on stderr: JSON, a line a record, with levels as words and times in ISO format. It is written at once, because a transport's worker loses
 * lines when the process ends, and by way of stderr's one writer, because pino's own throws where the log's disk is full and stands still where nobody
 * reads it. A person at a terminal sees progress and sentences instead, so there only warnings are logged unless more is asked for, and as text.
 * Throws a UsageError for a level or format that there is none of.
 */
export async function makeLog(given: LogWish, env: Readonly<Record<string, string | undefined>>): Promise<Logger> {
  const { isTerminal, colour } = terminalOf(process.stderr, env);
  const level = wish('log-level', given.level, env, LOG_LEVELS) ?? (isTerminal ? (given.atTerminal ?? 'warn') : 'info');
  const format = wish('log-format', given.format, env, LOG_FORMATS) ?? 'auto';
  const options = {
    level,
    base: null,
    redact: { paths: REDACTED, remove: true },
    formatters: { level: (label: string) => ({ level: label }) },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  const isText = format === 'auto' ? isTerminal : format === 'text';
  return pino(options, isText ? await prettyStderr(isTerminal, colour) : { write: (line) => stderrLine.log(line) });
}

/** What a flag, or else its variable, asks for; undefined where neither says anything. */
function wish(
  flag: string,
  given: unknown,
  env: Readonly<Record<string, string | undefined>>,
  choices: readonly string[],
): string | undefined {
  const variable = variableOf(flag);
  const raw = given ?? (env[variable]?.trim() || undefined);
  if (raw === undefined) return undefined;
  const known = choices.find((name) => name === String(raw).trim());
  if (known !== undefined) return known;
  const from = given === undefined ? variable : `--${flag}`;
  throw new UsageError(`${from} must be ${oneOfWords(choices, raw)}, not ${show(raw)}`);
}

/** One line a record for a person, above the progress bar. */
async function prettyStderr(isTerminal: boolean, colorize: boolean): Promise<{ write(line: string): void }> {
  // Not needed for a scheduled run, and so not loaded for one.
  const { prettyFactory } = await import('pino-pretty');
  const pretty = prettyFactory({
    colorize,
    singleLine: true,
    // Who sits there knows the day.
    translateTime: isTerminal ? 'SYS:HH:MM:ss' : 'UTC:yyyy-mm-dd HH:MM:ss',
    ignore: 'job,run,session',
    // An error is shown as its fields, on its record's line: its message may hold anything.
    errorLikeObjectKeys: [],
  });
  return { write: (line) => stderrLine.write(styled(pretty(cleanDeep(JSON.parse(line))))) };
}
