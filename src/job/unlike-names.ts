import type { Job } from './job.ts';
import { ACTION_STATUSES, ACTION_TYPES } from './known-names.ts';

interface Names {
  type: readonly string[];
  status: readonly string[];
}

/** A sentence for each type and status that a filter or a guard asks for and nobody has seen yet: both sets are open, so it may be a new one. */
export function unlikeNames({ type, status }: Names): string[] {
  const unlike = (names: readonly string[], known: readonly string[], what: string) =>
    names
      .filter((name) => !known.includes(name))
      .map(
        (name) =>
          `"${name}" is no ${what} known so far, and matches nothing unless Defender has it: ${known.join(', ')}`,
      );
  return [...unlike(type, ACTION_TYPES, 'type'), ...unlike(status, ACTION_STATUSES, 'status')];
}

/** The same of all that a job asks for. */
export function unlikeNamesIn({ guards, source }: Job): string[] {
  const query = source.kind === 'query' ? source.query : { type: [], status: [] };
  const types = [...guards.onlyType, ...query.type];
  return unlikeNames({ type: types.filter((name, index) => types.indexOf(name) === index), status: query.status });
}
