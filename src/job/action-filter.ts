import type { z } from 'zod';
import { UsageError } from '../errors.ts';
import { listOf, show } from './given-settings.ts';
import type { ActionFilter } from './job.ts';
import { ACTION_STATUSES, ACTION_TYPES } from './known-names.ts';
import { type Moment, moment, openNames, resolveMoment, text, texts } from './values.ts';

/** What a filter asks for, before ages are moments. The keys are those of a job's `source.query` and, with hyphens, the flags of `list`. */
export const FILTER_SHAPE = {
  type: openNames(ACTION_TYPES, 'an action type such as Isolate, or a list of types').describe('types of action'),
  status: openNames(ACTION_STATUSES, 'a status such as Pending, or a list of them').describe(
    'statuses; Pending and InProgress when not given',
  ),
  requestor: texts().describe('who requested the action'),
  machine: texts().describe('device IDs or DNS names'),
  createdAfter: moment().describe('created at or after this date or age, such as 7d'),
  createdBefore: moment().describe('created at or before this date or age'),
  commentContains: text().describe("the requestor's comment contains this"),
} satisfies Record<keyof ActionFilter, z.ZodType>;

export interface FilterInput {
  type?: readonly string[] | undefined;
  status?: readonly string[] | undefined;
  requestor?: readonly string[] | undefined;
  machine?: readonly string[] | undefined;
  createdAfter?: Moment | undefined;
  createdBefore?: Moment | undefined;
  commentContains?: string | undefined;
}

/** Ages become moments before `nowMs` (epoch ms). Throws a UsageError when no moment can lie in the range. */
export function resolveFilter(input: FilterInput, nowMs: number): ActionFilter {
  const createdAfter = input.createdAfter && resolveMoment(input.createdAfter, nowMs);
  const createdBefore = input.createdBefore && resolveMoment(input.createdBefore, nowMs);
  refuseEmptyRange(createdAfter, createdBefore);
  return {
    type: input.type ?? [],
    status: input.status ?? [],
    requestor: input.requestor ?? [],
    machine: input.machine ?? [],
    createdAfter,
    createdBefore,
    commentContains: input.commentContains,
  };
}

/** Throws a UsageError when nothing can be created after the one and before the other. */
export function refuseEmptyRange(createdAfter: string | undefined, createdBefore: string | undefined): void {
  if (createdAfter !== undefined && createdBefore !== undefined && createdAfter >= createdBefore) {
    throw new UsageError(
      `nothing is created after ${createdAfter} and before ${createdBefore}: exchange or correct created-after and created-before`,
    );
  }
}

/** The flags of `list`, and how each is read. */
export const FILTER_FLAGS: Readonly<
  Record<keyof ActionFilter, { flag: string; repeatable: boolean; placeholder: string }>
> = {
  type: { flag: 'type', repeatable: true, placeholder: 'TYPE' },
  status: { flag: 'status', repeatable: true, placeholder: 'STATUS' },
  requestor: { flag: 'requestor', repeatable: true, placeholder: 'NAME' },
  machine: { flag: 'machine', repeatable: true, placeholder: 'MACHINE' },
  createdAfter: { flag: 'created-after', repeatable: false, placeholder: 'WHEN' },
  createdBefore: { flag: 'created-before', repeatable: false, placeholder: 'WHEN' },
  commentContains: { flag: 'comment-contains', repeatable: false, placeholder: 'TEXT' },
};

/** Reads the flags of `list`, by their names with hyphens; a repeatable one may be one text with commas, as from a variable. Throws a UsageError that names every wrong one. */
export function filterFromFlags(flags: Readonly<Record<string, unknown>>, nowMs: number): ActionFilter {
  const given: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [key, { flag, repeatable }] of Object.entries(FILTER_FLAGS)) {
    const raw = flags[flag];
    if (raw === undefined) continue;
    const parsed = FILTER_SHAPE[key as keyof ActionFilter].safeParse(
      repeatable && typeof raw === 'string' ? listOf(raw) : raw,
    );
    if (parsed.success) given[key] = parsed.data;
    else problems.push(`--${flag} must be ${parsed.error.issues[0]?.message ?? 'something else'}, not ${show(raw)}`);
  }
  if (problems.length > 0) throw new UsageError(problems);
  return resolveFilter(given as FilterInput, nowMs);
}
