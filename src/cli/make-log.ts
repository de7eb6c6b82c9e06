import { UsageError } from '../errors.ts';
import { type Logger, pino } from '../log.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** Keys whose values never belong into a log, wherever they stand. */
const REDACTED = ['token', 'authorization', 'secret', 'password', 'assertion', 'headers.authorization'];

/**
 * The log, on stderr: JSON, a line a record. It is written synchronously, because a transport's worker loses lines when the process ends. A
 * person at a terminal sees progress and sentences instead, so there only warnings are logged unless more is asked for.
 */
export function makeLog(level: unknown, env: Readonly<Record<string, string | undefined>>): Logger {
  const terminal = process.stderr.isTTY === true && !env['CI'];
  const wanted = level ?? env['COUNTERMAND_LOG_LEVEL'] ?? (terminal ? 'warn' : 'info');
  const known = LOG_LEVELS.find((name) => name === wanted);
  if (known === undefined) {
    throw new UsageError(`--log-level must be one of ${LOG_LEVELS.join(', ')}, not ${String(wanted)}`);
  }
  const options = { level: known, base: null, redact: { paths: REDACTED, remove: true } };
  return pino(options, terminal ? prettyStderr() : pino.destination({ dest: 2, sync: true }));
}

/** One short line a record for a person; the format of a record is pino's. */
function prettyStderr(): { write(line: string): void } {
  return {
    write: (line) => {
      const { level, msg } = JSON.parse(line) as { level: number; msg?: string };
      const word = level >= 50 ? 'error' : level >= 40 ? 'warning' : 'note';
      process.stderr.write(`\r\u001b[2K${word}: ${msg ?? ''}\n`);
    },
  };
}
