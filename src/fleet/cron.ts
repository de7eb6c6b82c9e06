import { PgBoss } from 'pg-boss';
import { UsageError } from '../errors.ts';
import { show } from '../job/given-settings.ts';
import { nearestName } from '../suggest.ts';

/** When the turns of a schedule are. */
export interface Recurrence {
  /** Five fields: minute, hour, day of the month, month, day of the week. */
  cron: string;
  /** A name of the IANA list. */
  tz: string;
}

/** What pg-boss would take besides, it reads as something else than a person meant: a field left out, or a random minute for an `H`. */
const FIELD = /^(?:[\d*?L#,/-]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC|SUN|MON|TUE|WED|THU|FRI|SAT)+$/i;
const FIELDS = 5;

/** Reads what `--cron` and `--tz` say. Throws a UsageError for what has no turns. */
export function readRecurrence(cron: string, tz: string): Recurrence {
  const fields = cron.trim().split(/\s+/);
  if (!isZone(tz)) {
    const near = nearestName(tz, Intl.supportedValuesOf('timeZone'));
    throw new UsageError(
      `--tz must be a time zone such as Europe/Zurich or UTC, not ${show(tz)}${near === undefined ? '' : `: did you mean ${near}?`}`,
    );
  }
  const recurrence = { cron: fields.join(' '), tz };
  const refuse = (why: string) =>
    new UsageError(
      `--cron must be five fields, minute, hour, day of the month, month and day of the week, such as '0 2 * * *' for two every night, not ${show(cron)}${why}.`,
    );
  if (fields.length !== FIELDS || !fields.every((field) => FIELD.test(field))) throw refuse('');
  try {
    nextTurnMs(recurrence, Date.now());
  } catch (error) {
    throw refuse(error instanceof Error ? ` (${error.message})` : '');
  }
  return recurrence;
}

/** The first turn after a moment; both epoch ms. */
export function nextTurnMs({ cron, tz }: Recurrence, afterMs: number): number {
  // Read by the parser that the workers go by, which needs no database for it.
  const [next] = new PgBoss({ host: '' }).previewSchedule(cron, { tz, count: 1, from: new Date(afterMs) });
  if (next === undefined) throw new Error('there is no such moment');
  return next.getTime();
}

/** `local`, which is another one on each machine, is none. */
function isZone(tz: string): boolean {
  if (!/^[a-z]/i.test(tz)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: tz });
    return true;
  } catch {
    return false;
  }
}
