import { isLowerGuid } from '../ledger/fast-admit.ts';
import { anyOf, type FilterTerms, filterOf } from './filter.ts';

const COLLECTION = '/api/machineactions';

/** Most entities that one page can hold [documented]. */
export const PAGE_SIZE = 10_000;
/** IDs in one `in (…)` filter: as many as the URL stays under 8 kB with. */
export const LOOKUP_SIZE = 100;

export type ListQuery = { top: number; skip?: number } & ({ ids: readonly string[] } | { terms: FilterTerms });

/** A page of devices. Of the query options only these are used: the others are not documented for it. */
export function machinesPath({ top, skip }: { top: number; skip: number }): string {
  return `/api/machines?$top=${top}${skip > 0 ? `&$skip=${skip}` : ''}`;
}

/** The cheapest read: one entity of whatever is there. */
export const ONE_READ = `${COLLECTION}?$top=1`;

/** A programming error is thrown for what is no GUID in lower case, here as below: an ID is part of the address that the token goes to. */
export const cancelPath = (id: string) => `${actionPath(id)}/cancel`;
export const actionPath = (id: string) => `${COLLECTION}/${asActionId(id)}`;

/**
 * `$top` is always sent: the default page size is not documented. The count says whether a list is whole: where
 * `$top` is given, Defender names no next page. A query asks for the newest first.
 */
export function listPath(query: ListQuery): string {
  const filter = 'ids' in query ? anyOf('id', query.ids.map(asActionId)) : filterOf(query.terms);
  const parameters = [
    // An apostrophe too, as a URL has it.
    ...(filter === '' ? [] : [`$filter=${encodeURIComponent(filter).replaceAll("'", '%27')}`]),
    `$top=${query.top}`,
    ...(query.skip ? [`$skip=${query.skip}`] : []),
    ...('ids' in query ? [] : [`$orderby=${encodeURIComponent('creationDateTimeUtc desc')}`]),
    '$count=true',
  ];
  return `${COLLECTION}?${parameters.join('&')}`;
}

function asActionId(id: string): string {
  if (isLowerGuid(id)) return id;
  throw new TypeError('what was to be called is no action ID (a GUID in lower case)');
}

/** The collection, also in its versioned form. */
const COLLECTION_PATH = /^\/api(?:\/v\d+(?:\.\d+)?)?\/machineactions\/?$/i;

/**
 * The path, below the base URL, that an `@odata.nextLink` leads to: whole, or relative to the request or to the root of the API. Undefined
 * where that is not the list of machine actions on the host that we talk to: the token goes with it.
 */
export function followPath(nextLink: string, apiUrl: string): string | undefined {
  const base = new URL(apiUrl);
  const prefix = base.pathname.replace(/\/+$/, '');
  for (const from of [`${base.origin}${prefix}${COLLECTION}`, `${base.origin}${prefix}/`]) {
    if (!URL.canParse(nextLink, from)) continue;
    const { origin, pathname, search } = new URL(nextLink, from);
    if (origin !== base.origin || !pathname.startsWith(`${prefix}/`)) continue;
    const path = pathname.slice(prefix.length);
    if (COLLECTION_PATH.test(path)) return path + search;
  }
  return undefined;
}
