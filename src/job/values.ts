import { z } from 'zod';
import { commentFault, MAX_COMMENT } from '../comment.ts';
import { LONGEST_DAYS, parseDuration } from '../duration.ts';
import { parseWindow } from '../quota/windows.ts';
import { knownName, meantName } from './known-names.ts';

/**
 * The kinds of value that settings take, as zod schemas from what a person writes to what the program uses. Each message completes
 * "<key> must be …".
 */

// It would write a parser for each schema as code, which takes longer than to read the few values of a job.
z.config({ jitless: true });

/** A date or time as given, or an age that counts back from the moment at which the job is frozen. */
export type Moment = { iso: string } | { ageMs: number };

export type FailureLimit = { percent: number } | { count: number };

const DURATION = /^(0|\d{1,9}[smhd])$/;
const WINDOW = /^\d{1,9}\/\d{1,9}[smhd]$/;

const DATE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,7})?)?(Z|[+-]\d{2}:\d{2})?)?$/;
const PERCENT = /^(\d{1,2}(\.\d+)?|100)%$/;

const COUNT = /^\d{1,9}$/;

/** Each is a limiter of its own. */
const MAX_WINDOWS = 10;

/** No action is older than the service by so much, or younger than now. */
const YEARS = { first: 1970, last: 2199 };
const MAX_FAILURES = 999_999_999;

const GUID = /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;
const DOMAIN = /^[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)+$/;

/** A string schema that says one thing whatever is wrong. */
const matching = (pattern: RegExp, error: string) => z.string({ error }).regex(pattern, { error });

export const text = (error = 'a text that is not empty') =>
  z
    .string({ error })
    .regex(/\S/, { error })
    .transform((value) => value.trim());

/** Faults of a comment, by how they begin, that the rule alone would not tell. */
const SAID = [
  ['is empty', 'a text that is not empty: nothing of it can be seen'],
  ['is still the placeholder', 'your own words for why the actions are cancelled'],
] as const;

/** What is written on a cancel. */
export const comment = () => {
  const error = `a text of 1 to ${MAX_COMMENT} characters, without control characters other than tabs and line ends`;
  return text().superRefine((value, context) => {
    const fault = commentFault(value);
    if (fault === undefined) return;
    const [, message = error] = SAID.find(([begins]) => fault.startsWith(begins)) ?? [];
    context.addIssue({ code: 'custom', message });
  });
};

/** A ledger is told from a list of IDs by its ending, so it must have it. */
export const ledgerPath = () => {
  const error = 'a file name that ends in .jsonl, by which a ledger is known';
  return text(error).refine((path) => path.toLowerCase().endsWith('.jsonl'), { error });
};

/** In no name of a type, an account or a device; a list with it would be one name that matches nothing. */
const OTHER_SEPARATOR = /[;|\n\t]/;
const SEPARATE = 'separate them with commas';

/** One text or a list of them, always handed on as a list. */
export const texts = (error = 'a text or a list of texts, none of them empty', examples?: readonly string[]) => {
  const bare = z.string({ error }).regex(/\S/, { error });
  const one = examples ? bare.meta({ examples }) : bare;
  return z
    .union([one, z.array(one, { error }).min(1, { error })], { error })
    .transform((value): readonly string[] => [value].flat().map((entry) => entry.trim()))
    .refine((names) => !names.some((name) => OTHER_SEPARATOR.test(name)), { error: `${error} (${SEPARATE})` });
};

/**
 * Texts from a set that is open: the names known so far are brought into their proper spelling, one that is like a known one is refused as a slip, and one
 * that is like none is taken as it is. None holds a comma, so that a list in one text is taken apart: as one name it would match nothing, without a word.
 */
export const openNames = (known: readonly string[], error: string) =>
  texts(error, known)
    .transform((names): readonly string[] =>
      names
        .flatMap((name) => name.split(','))
        .map((name) => name.trim())
        .filter((name) => name !== '')
        .map((name) => knownName(name, known) ?? name),
    )
    .refine((names) => names.length > 0, { error })
    .superRefine((names, context) => {
      for (const name of names) {
        if (known.includes(name)) continue;
        const parts = name.split(/[\s/+&]+/);
        const isList = parts.length > 1 && parts.every((part) => knownName(part, known) !== undefined);
        if (isList) context.addIssue({ code: 'custom', message: `${error} (${SEPARATE})` });
        const meant = isList ? undefined : meantName(name, known);
        if (meant !== undefined) context.addIssue({ code: 'custom', message: `${error} (did you mean ${meant}?)` });
      }
    });

export const oneOf = <const T extends readonly [string, ...string[]]>(choices: T) =>
  z.enum(choices, { error: ({ input }) => oneOfWords(choices, input) });

/** Completes "<key> must be …": the choices, and the one that was most likely meant. */
export function oneOfWords(choices: readonly string[], given: unknown): string {
  const meant = typeof given === 'string' ? meantName(given, choices) : undefined;
  return `one of ${choices.join(', ')}${meant === undefined ? '' : ` (did you mean ${meant}?)`}`;
}

export const whole = (least: number, most: number) => {
  const error = `a whole number from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
};

export const share = () => {
  const error = 'a number above 0 and at most 1, such as 0.5';
  return z.number({ error }).gt(0, { error }).lte(1, { error });
};

/** As YAML has it; parseBoolean reads what stands in a flag or a variable. */
export const flag = () => z.boolean({ error: 'true or false' });

/** A number of any length is written as a duration is; one that is longer than any has its own message. */
const notTooLong = (schema: z.ZodString) =>
  schema.refine((value) => !DURATION.test(value) || parseDuration(value) !== undefined, {
    error: `a duration of at most ${LONGEST_DAYS}d`,
  });

/** Milliseconds, above 0. */
export const duration = () => {
  const error = 'a duration above 0, such as 90s, 50m, 2h or 7d';
  return notTooLong(matching(DURATION, error))
    .refine((value) => parseDuration(value) !== 0, { error })
    .transform((value) => parseDuration(value) ?? 0);
};

/** Milliseconds; 0 is allowed, with or without a unit. */
export const durationOrZero = () => {
  const error = 'a duration such as 90s, 50m or 2h, or 0';
  return z
    .union([notTooLong(matching(DURATION, error)), z.literal(0, { error })], { error })
    .transform((value) => parseDuration(String(value)) ?? 0);
};

export const windows = () => {
  const error = 'a number of calls and a duration, such as 100/1m, or a list of those';
  const one = matching(WINDOW, error).refine((value) => parseWindow(value) !== undefined, { error });
  return z
    .union(
      [
        one,
        z
          .array(one, { error })
          .min(1, { error })
          .max(MAX_WINDOWS, { error: `at most ${MAX_WINDOWS} windows` }),
      ],
      { error },
    )
    .transform((value) => [value].flat().flatMap((entry) => parseWindow(entry) ?? []));
};

export const moment = () => {
  const error =
    'a date such as 2026-11-01 or 2026-11-01T08:00:00Z (UTC unless it says otherwise), or an age such as 2h or 7d';
  return notTooLong(matching(new RegExp(`${DURATION.source}|${DATE.source}`), error))
    .refine((value) => !DATE.test(value) || isInRange(value), {
      error: `a date in a year from ${YEARS.first} to ${YEARS.last}`,
    })
    .refine((value) => parseMoment(value) !== undefined, { error })
    .transform((value): Moment => parseMoment(value) ?? { ageMs: 0 });
};

export const failureLimit = () => {
  const error = 'a percentage such as 5% or a whole number of actions such as 50';
  return z
    .union(
      [
        matching(new RegExp(`${PERCENT.source}|${COUNT.source}`), error),
        z.int({ error }).min(0, { error }).max(MAX_FAILURES, { error }),
      ],
      {
        error,
      },
    )
    .transform(
      (value): FailureLimit =>
        typeof value === 'string' && value.endsWith('%')
          ? { percent: Number(value.slice(0, -1)) }
          : { count: Number(value) },
    );
};

/** A tenant by its ID or by one of its domains. */
export const tenant = () =>
  matching(new RegExp(`${GUID.source}|${DOMAIN.source}`), 'a tenant ID (a GUID) or one of its domains').transform(
    (value) => value.toLowerCase(),
  );

export const clientId = () =>
  matching(GUID, 'the application (client) ID, a GUID').transform((value) => value.toLowerCase());

/** A base URL, handed on without a trailing slash. Which hosts may be called is not decided here. */
export const url = () => {
  const error = 'a URL that begins with https:// (http:// only to this machine), without user, query or fragment';
  return z
    .string({ error })
    .refine(isBaseUrl, { error })
    .transform((value) => value.replace(/\/+$/, ''));
};

export const hosts = () => {
  const error = 'a host name without scheme or port, or a list of those';
  const one = matching(/^(\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9.-]+)$/, error);
  return z
    .union([one, z.array(one, { error }).min(1, { error })], { error })
    .transform((value): readonly string[] => [value].flat().map((entry) => entry.toLowerCase()));
};

/** A job's name is part of its ledgers' file names. */
export const jobName = () =>
  matching(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'at most 64 letters, digits, dots, hyphens and underscores, the first a letter or digit',
  );

/** Undefined when it is neither a date nor an age. A date without zone is UTC. */
function parseMoment(given: string): Moment | undefined {
  const ageMs = parseDuration(given);
  if (ageMs !== undefined) return { ageMs };
  if (!DATE.test(given)) return undefined;
  const hasZone = /(Z|[+-]\d{2}:\d{2})$/.test(given.slice(10));
  const at = new Date(hasZone || given.length === 10 ? given : `${given}Z`);
  // A day that the month does not have is carried into the next month by Date; it is a slip all the same.
  const day = Number(given.slice(8, 10));
  const isRealDay = day <= new Date(Date.UTC(Number(given.slice(0, 4)), Number(given.slice(5, 7)), 0)).getUTCDate();
  return Number.isNaN(at.getTime()) || !isRealDay || !isInRange(given) ? undefined : { iso: at.toISOString() };
}

function isInRange(date: string): boolean {
  const year = Number(date.slice(0, 4));
  return year >= YEARS.first && year <= YEARS.last;
}

/** ISO time, UTC. */
export function resolveMoment(given: Moment, nowMs: number): string {
  return 'iso' in given ? given.iso : new Date(nowMs - given.ageMs).toISOString();
}

function isBaseUrl(value: string): boolean {
  const parsed = URL.canParse(value) ? new URL(value) : undefined;
  return (
    parsed !== undefined &&
    /^https?:$/.test(parsed.protocol) &&
    parsed.username === '' &&
    parsed.password === '' &&
    parsed.search === '' &&
    parsed.hash === ''
  );
}

const TRUE = ['true', '1', 'yes', 'on'];
const FALSE = ['false', '0', 'no', 'off'];

/** What a boolean flag or variable takes, as a message names it. */
export const BOOLEAN_WORDS = 'true, false, 1, 0, yes, no, on or off';

/** The one reading of a boolean, from a flag or a variable, in any case. Undefined for anything else, an empty text too: the caller knows what to name. */
export function parseBoolean(text: string): boolean | undefined {
  const word = text.trim().toLowerCase();
  if (TRUE.includes(word)) return true;
  return FALSE.includes(word) ? false : undefined;
}
