import { errorAnswer, type HttpAnswer, jsonAnswer } from './answers.ts';
import { candidateIds, type Filter, FilterError, longestIdList, matcher, parseFilter, wholeNumber } from './filter.ts';
import type { ListRules } from './options.ts';
import type { SandboxAction } from './sandbox-action.ts';
import type { ActionStore } from './store.ts';

interface ListRequest {
  /** Scheme, host and path, to build the next link from. */
  url: string;
  query: URLSearchParams;
}

interface ListQuery {
  filter: Filter | undefined;
  top: number | undefined;
  skip: number;
  newestFirst: boolean | undefined;
  count: boolean;
  select: readonly string[] | undefined;
}

/** Answers a list; whatever is wrong with the query is a 400 ODataError, as the service does it. */
export function listActions(store: ActionStore, rules: ListRules, request: ListRequest): HttpAnswer {
  let query: ListQuery;
  try {
    query = readQuery(request.query, rules);
  } catch (error) {
    if (error instanceof FilterError) return errorAnswer(400, 'ODataError', error.message);
    throw error;
  }
  const { filter, top, skip, newestFirst } = query;
  if (filter !== undefined && longestIdList(filter) > rules.maxIds) {
    return errorAnswer(rules.maxIdsStatus, 'BadRequest', `The node count limit of ${rules.maxIds} has been exceeded`);
  }
  const matches = filter === undefined ? undefined : matcher(filter);
  const wanted = Math.min(top ?? Number.POSITIVE_INFINITY, rules.pageSize);
  const counts = rules.count === 'always' || (rules.count === 'when-asked' && query.count);
  const page: SandboxAction[] = [];
  let found = 0;
  for (const action of store.listed(filter && candidateIds(filter), newestFirst)) {
    if (matches !== undefined && !matches(action)) continue;
    found += 1;
    if (found > skip && page.length < wanted) page.push(action);
    // One more than the page tells whether there is a next one; counting has to go through all.
    if (!counts && found > skip + wanted) break;
  }
  const value = store.lookAll(page);
  const link = nextLink(request, query, rules, page.length, found);
  return jsonAnswer(200, {
    '@odata.context': `${request.url.split('?')[0]?.replace(/\/machineactions$/i, '')}/$metadata#MachineActions`,
    ...(counts ? { '@odata.count': found } : {}),
    value: query.select === undefined ? value : value.map((action) => selected(action, query.select ?? [])),
    ...(link === undefined ? {} : { '@odata.nextLink': link }),
  });
}

function nextLink(
  { url, query: asked }: ListRequest,
  { top, skip }: ListQuery,
  rules: ListRules,
  sent: number,
  found: number,
): string | undefined {
  const cutByPage = top === undefined || (top > sent && rules.nextLink !== 'without-top');
  if (rules.nextLink === 'never' || found <= skip + sent || (!cutByPage && rules.nextLink !== 'always'))
    return undefined;
  const next = new URLSearchParams(asked);
  next.set('$skip', String(skip + sent));
  if (top !== undefined && rules.nextLink !== 'always') next.set('$top', String(top - sent));
  const from = rules.nextLinkOrigin === undefined ? url : rules.nextLinkOrigin + new URL(url).pathname;
  return `${from}?${next.toString()}`;
}

const known = new Set(['$filter', '$top', '$skip', '$orderby', '$count', '$select']);

function readQuery(query: URLSearchParams, rules: ListRules): ListQuery {
  for (const name of query.keys()) {
    if (name.startsWith('$') && !known.has(name))
      throw new FilterError(`The query parameter '${name}' is not supported`);
  }
  const text = query.get('$filter');
  const top = wholeNumber(query, '$top');
  if (top !== undefined && top > Math.max(10_000, rules.pageSize)) {
    throw new FilterError(
      `The limit of '10000' for Top query has been exceeded. The value from the request is '${top}'`,
    );
  }
  return {
    filter: text === null ? undefined : parseFilter(text),
    top,
    skip: wholeNumber(query, '$skip') ?? 0,
    newestFirst: order(query.get('$orderby')),
    count: flag(query.get('$count')),
    select: query
      .get('$select')
      ?.split(',')
      .map((name) => name.trim()),
  };
}

function order(text: string | null): boolean | undefined {
  if (text === null) return undefined;
  const found = /^\s*creationDateTimeUtc(?:\s+(asc|desc))?\s*$/i.exec(text);
  if (found === null) throw new FilterError(`The $orderby expression '${text}' is not supported`);
  return found[1]?.toLowerCase() === 'desc';
}

function flag(text: string | null): boolean {
  if (text === null || text === 'false') return false;
  if (text === 'true') return true;
  throw new FilterError(`Invalid value '${text}' for $count query option found`);
}

function selected(action: SandboxAction, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(action).filter(([name]) => names.includes(name)));
}

/** The IDs that a list asks for by `id eq` or `id in`, for the log; none where the filter cannot be read. */
export function idsAskedFor(query: URLSearchParams): string[] {
  const text = query.get('$filter');
  if (text === null) return [];
  try {
    return [...(candidateIds(parseFilter(text)) ?? [])];
  } catch {
    return [];
  }
}
