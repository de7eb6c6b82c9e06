import { RefusedError, UnreachableError } from '../errors.ts';
import type { ActionFilter } from '../job/job.ts';
import type { Defender } from './client.ts';
import type { MachineAction } from './entity.ts';
import { type ListQuery, PAGE_SIZE } from './routes.ts';

const ATTEMPTS = 5;

/**
 * Everything that matches, newest first, page by page: by the answer's own link where it has one, else by `$skip` while pages come
 * full. Throws an UnreachableError when a page cannot be had: a list that is not whole must not pass for one.
 */
export async function* queryActions(
  defender: Pick<Defender, 'list'>,
  terms: ActionFilter,
  signal: AbortSignal,
): AsyncGenerator<MachineAction> {
  const wanted = terms.commentContains?.toLowerCase();
  const seen = new Set<string>();
  let next: ListQuery | { nextLink: string } | undefined = { terms, top: PAGE_SIZE };
  let skip = 0;
  while (next !== undefined) {
    const { actions, nextLink } = await pageOf(defender, next, signal);
    for (const action of actions) {
      // Pages shift while new actions come in, so one may be shown twice.
      if (seen.has(action.id)) continue;
      seen.add(action.id);
      if (wanted === undefined || action.requestorComment?.toLowerCase().includes(wanted)) yield action;
    }
    skip += actions.length;
    if (nextLink !== undefined) next = { nextLink };
    else next = actions.length >= PAGE_SIZE ? { terms, top: PAGE_SIZE, skip } : undefined;
  }
}

async function pageOf(
  defender: Pick<Defender, 'list'>,
  query: ListQuery | { nextLink: string },
  signal: AbortSignal,
): Promise<{ actions: MachineAction[]; nextLink: string | undefined }> {
  for (let attempt = 1; ; attempt++) {
    const answer = await defender.list(query, signal);
    if (answer.kind === 'page') return answer;
    if (answer.kind === 'lost' && attempt < ATTEMPTS) continue;
    const what = 'http' in answer ? `HTTP ${answer.http ?? 'none'}` : answer.kind;
    const why = answer.kind === 'error' ? `${what} ${answer.code}` : answer.kind === 'lost' ? answer.error : what;
    throw answer.kind === 'error' && answer.http === 403
      ? notPermitted(why)
      : new UnreachableError(`Defender did not answer the query (${why}); run again later, or narrow the filter`);
  }
}

function notPermitted(why: string): RefusedError {
  return new RefusedError(
    `Defender refused the query (${why}): grant the application Machine.Read.All (API WindowsDefenderATP, with admin consent)`,
  );
}
