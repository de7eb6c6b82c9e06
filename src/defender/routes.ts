import { UnreachableError } from '../errors.ts';
import { isLowerGuid } from '../ledger/lower-guid.ts';
import { anyOf, type FilterTerms, filterOf } from './filter.ts';

const COLLECTION = '/api/machineactions';

/** Most entities that one page can hold [documented]. */
export const PAGE_SIZE = 10_000;
/** IDs in one `in (…)` filter: as many as the URL stays under 8 kB with. */
export const LOOKUP_SIZE = 100;

export type ListQuery = { top: number; skip?: number } & ({ ids: readonly string[] } | { terms: FilterTerms });

/** The cheapest read: one entity of whatever is there. */
export const ONE_READ = `${COLLECTION}?$top=1`;

/** A programming error is thrown for what is no GUID in lower case, here as below: an ID is part of the address that the token goes to. */
export const cancelPath = (id: string) => `${actionPath(id)}/cancel`;
export const actionPath = (id: string) => `${COLLECTION}/${asActionId(id)}`;

/** Where a list is, whatever version of the API its link names. */
const LIST = /\/machineactions\/?$/i;

/** `$top` is always sent: the default page size is not documented. A query asks for the newest first. */
export function listPath(query: ListQuery): string {
  const filter = 'ids' in query ? anyOf('id', query.ids.map(asActionId)) : filterOf(query.terms);
  const parameters = [
    ...(filter === '' ? [] : [`$filter=${encodeURIComponent(filter)}`]),
    `$top=${query.top}`,
    ...(query.skip ? [`$skip=${query.skip}`] : []),
    ...('ids' in query ? [] : [`$orderby=${encodeURIComponent('creationDateTimeUtc desc')}`]),
  ];
  return `${COLLECTION}?${parameters.join('&')}`;
}

function asActionId(id: string): string {
  if (isLowerGuid(id)) return id;
  throw new TypeError('what was to be called is no action ID (a GUID in lower case)');
}

/**
 * The path of an `@odata.nextLink`, which is followed only within the list of actions, on the host that we talk to: the token goes with it.
 * Throws an UnreachableError otherwise.
 */
export function followPath(nextLink: string, apiUrl: string): string {
  const base = new URL(apiUrl);
  const next = URL.canParse(nextLink, apiUrl) ? new URL(nextLink, apiUrl) : undefined;
  const path = next === undefined ? '' : next.pathname + next.search;
  const prefix = base.pathname.replace(/\/$/, '');
  const isOurs = next?.origin === base.origin && path.startsWith(`${prefix}/`) && LIST.test(next.pathname);
  if (!isOurs) {
    throw new UnreachableError(
      `Defender's answer names its next page elsewhere than in the list of machine actions on ${base.host}, which is not followed; nothing is lost, ` +
        'but the list is not complete: narrow the filter so that one page holds it, or run again',
    );
  }
  return path.slice(prefix.length);
}
