import { commentFault, MAX_COMMENT } from '../comment.ts';
import { isLowerGuid } from './fast-admit.ts';
import { cut } from './line.ts';

/** What a field of a record may hold. */
export interface Field {
  /** What is wrong with a value, completing "<field> …"; undefined when it fits. Never shows the value, which may be anything. */
  fault(value: unknown): string | undefined;
  /** Makes what came from outside fit, before it is written. Only for fields whose loss of a part harms less than the loss of the record. */
  adjust?(value: unknown): unknown;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const ISO_TIME = /^\d{4}-\d\d-\d\dT([01]\d|2[0-3]):\d\d:\d\d\.\d{3}Z$/;

/** The last moment that has four digits for its year. */
const LAST_ISO_TIME = '9999-12-31T23:59:59.999Z';
const SHA256 = /^[0-9a-f]{64}$/;

export const guid: Field = field(
  'must be a GUID in lower case',
  (value) => typeof value === 'string' && isLowerGuid(value),
);

export const sha256: Field = field('must be 64 hex digits', (value) => typeof value === 'string' && SHA256.test(value));

/** A whole number from `least`, below 2⁵³. */
export function whole(least: number): Field {
  return field(`must be a whole number from ${least}`, (value) => isWhole(value) && value >= least);
}

/** Milliseconds between two limits, made whole. */
export function milliseconds(least: number): Field {
  const isOne = (value: unknown) => isWhole(value) && value >= least && value <= MAX_MS;
  return {
    ...field(`must be a whole number of milliseconds${least < 0 ? '' : `, ${least} or more`}`, isOne),
    adjust: (value) => {
      const ms = Number(value);
      return Number.isNaN(ms) ? 0 : Math.min(MAX_MS, Math.max(least, Math.round(ms))) + 0;
    },
  };
}

export const finite: Field = field('must be a number', Number.isFinite);

/** An HTTP status: three digits at most. */
export const httpStatus: Field = field(
  'must be an HTTP status',
  (value) => isWhole(value) && value >= 0 && value <= 999,
);

/** Text that somebody else chose, cut to `most` UTF-16 units when it is written. */
export function foreign(most: number): Field {
  return {
    ...field(
      `must be a text of at most ${most} characters`,
      (value) => typeof value === 'string' && value.length <= most,
    ),
    adjust: (value) => (typeof value === 'string' ? cut(value, most) : value),
  };
}

export function orNull(one: Field): Field {
  return {
    fault: (value) => {
      const why = value === null ? undefined : one.fault(value);
      return why === undefined ? undefined : `${why}, or null`;
    },
    adjust: (value) => (value === null ? null : (one.adjust?.(value) ?? value)),
  };
}

/** A name on one line. */
export function plain(most: number): Field {
  return field(
    `must be a text of 1 to ${most} characters without control characters`,
    (value) => typeof value === 'string' && value !== '' && value.length <= most && !CONTROL.test(value),
  );
}

export const comment: Field = {
  fault: (value) => (typeof value === 'string' ? commentFault(value) : 'must be a text'),
};

export function oneOf(names: readonly string[]): Field {
  const known = new Set<unknown>(names);
  return field(`must be one of ${names.join(', ')}`, (value) => known.has(value));
}

export const isoTime: Field = {
  ...field('must be a time such as 2026-01-02T03:04:05.678Z', isIsoTime),
  adjust: (value) => (isIsoTime(value) ? value : LAST_ISO_TIME),
};

/** Whole numbers by names of a set. */
export function tally(names: readonly string[]): Field {
  const { fault } = whole(0);
  const known = new Set(names);
  return field('must be whole numbers by outcome', (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
    return Object.entries(value).every(([name, count]) => known.has(name) && fault(count) === undefined);
  });
}

/** Below 2⁵³, so that it is the number that was written; `-0` is none that we write. */
function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && !Object.is(value, -0);
}

/** UTC, with milliseconds and four digits for the year. */
export function isIsoTime(value: unknown): boolean {
  if (typeof value !== 'string' || !ISO_TIME.test(value)) return false;
  const ms = Date.parse(value);
  return !Number.isNaN(ms) && new Date(ms).toISOString() === value;
}

function field(must: string, fits: (value: unknown) => boolean): Field {
  return { fault: (value) => (fits(value) ? undefined : must) };
}

/** Names, statuses, types, requestors, moments and codes, as Defender sends them. UTF-16 units, like all lengths here. */
export const MAX_NAME = 256;

/** Free text: an outcome's detail. */
export const MAX_DETAIL = MAX_COMMENT;

/** Of what stood in a rejected row. */
export const MAX_REJECT_TEXT = 100;

/** The most that a number of milliseconds may say: beyond it no Date can be. */
export const MAX_MS = 8_640_000_000_000_000;

/**
 * A line longer than this is no record, and is not gathered in memory. Only an `open` record could come near it, by a job with lists of
 * names: it may have {@link MAX_RECORD} and is refused before it is written; any other takes less than 10 kB.
 */
export const MAX_LINE_BYTES = 1 << 25;

/** UTF-16 units, so at most three times as many bytes. */
export const MAX_RECORD = 1 << 22;

/** Nothing that we write is nested deeper than a job is (5). */
export const MAX_DEPTH = 32;
