import type { ActionFilter } from '../job/job.ts';

/** What a `$filter` asks for; terms are joined by `and`, the values of one by `or`. Moments are ISO times, UTC. */
export type FilterTerms = Omit<ActionFilter, 'commentContains'>;

/** The terms as an OData expression; empty when nothing is asked for. */
export function filterOf(terms: FilterTerms): string {
  return [
    equalsAny('type', terms.type),
    equalsAny('status', terms.status),
    equalsAny('requestor', terms.requestor),
    equalsAny('machineId', terms.machine),
    terms.createdAfter === undefined ? '' : `creationDateTimeUtc ge ${terms.createdAfter}`,
    terms.createdBefore === undefined ? '' : `creationDateTimeUtc le ${terms.createdBefore}`,
  ]
    .filter((term) => term !== '')
    .join(' and ');
}

/** `name in ('a','b')`. */
export function anyOf(name: string, values: readonly string[]): string {
  return `${name} in (${values.map(quoted).join(',')})`;
}

/** `eq` rather than `in`: it is the documented form for these properties. */
function equalsAny(name: string, values: readonly string[]): string {
  const terms = values.map((value) => `${name} eq ${quoted(value)}`);
  return terms.length > 1 ? `(${terms.join(' or ')})` : (terms[0] ?? '');
}

/** A string in OData is quoted by `'`, and a quote in it is doubled. */
function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}
