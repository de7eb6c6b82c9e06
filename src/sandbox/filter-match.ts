import type { Comparison, Filter, FilterField } from './filter.ts';
import { parseServiceTime, type SandboxAction } from './sandbox-action.ts';

/** Whether an action matches. IDs compare in any case; an absent value matches nothing. */
export function matcher(filter: Filter): (action: SandboxAction) => boolean {
  switch (filter.kind) {
    case 'and': {
      const [left, right] = [matcher(filter.left), matcher(filter.right)];
      return (action) => left(action) && right(action);
    }
    case 'or': {
      const [left, right] = [matcher(filter.left), matcher(filter.right)];
      return (action) => left(action) || right(action);
    }
    case 'in': {
      const wanted = new Set(filter.values.map((value) => comparable(filter.field, value)));
      return (action) => wanted.has(fieldOf(action, filter.field));
    }
    case 'compare': {
      const wanted = comparable(filter.field, filter.value);
      const holds = comparers[filter.by];
      return (action) => {
        const value = fieldOf(action, filter.field);
        return value !== undefined && wanted !== undefined && holds(value, wanted);
      };
    }
  }
}

/** The only IDs that can match, where the filter says so: these are fetched by index instead of a scan. */
export function candidateIds(filter: Filter): ReadonlySet<string> | undefined {
  switch (filter.kind) {
    case 'compare':
      return filter.field === 'id' && filter.by === 'eq' ? new Set([filter.value.toLowerCase()]) : undefined;
    case 'in':
      return filter.field === 'id' ? new Set(filter.values.map((id) => id.toLowerCase())) : undefined;
    case 'and': {
      const [left, right] = [candidateIds(filter.left), candidateIds(filter.right)];
      if (left === undefined || right === undefined) return left ?? right;
      return left.size <= right.size ? left : right;
    }
    case 'or': {
      const [left, right] = [candidateIds(filter.left), candidateIds(filter.right)];
      return left === undefined || right === undefined ? undefined : new Set([...left, ...right]);
    }
  }
}

/** How many values the longest `in (…)` on `id` holds; 0 without one. */
export function longestIdList(filter: Filter): number {
  if (filter.kind === 'and' || filter.kind === 'or') {
    return Math.max(longestIdList(filter.left), longestIdList(filter.right));
  }
  return filter.kind === 'in' && filter.field === 'id' ? filter.values.length : 0;
}

type Comparable = string | number;

const comparers: Record<Comparison, (value: Comparable, wanted: Comparable) => boolean> = {
  eq: (value, wanted) => value === wanted,
  ge: (value, wanted) => value >= wanted,
  le: (value, wanted) => value <= wanted,
  gt: (value, wanted) => value > wanted,
  lt: (value, wanted) => value < wanted,
};

function comparable(field: FilterField, value: string | null | undefined): Comparable | undefined {
  if (value === null || value === undefined) return undefined;
  if (field === 'creationDateTimeUtc') return parseServiceTime(value);
  return field === 'id' ? value.toLowerCase() : value;
}

function fieldOf(action: SandboxAction, field: FilterField): Comparable | undefined {
  return comparable(field, action[field]);
}
