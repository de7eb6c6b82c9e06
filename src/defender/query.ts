import { RefusedError, WorkLeftError } from '../errors.ts';
import type { ActionFilter } from '../job/job.ts';
import type { Page } from './call.ts';
import type { Defender } from './client.ts';
import type { MachineAction } from './entity.ts';
import { isAskedFor } from './filter.ts';
import { FIRST_READING, nextPage, type Reading, type Step } from './paging.ts';
import { PAGE_SIZE } from './routes.ts';

const ATTEMPTS = 5;

/** What Defender showed beside the actions that were asked for. */
export interface Oddities {
  /** Entries without an action ID. */
  withoutId(count: number): void;
  /** Actions that are not what was asked for. */
  notAskedFor(action: MachineAction): void;
}

/**
 * Everything that matches, newest first, page by page, each action once. Throws a WorkLeftError when a page cannot be had, or when there
 * may be more than was shown: a list that is not whole must not pass for one.
 */
export async function* queryActions(
  defender: Pick<Defender, 'list'>,
  terms: ActionFilter,
  signal: AbortSignal,
  oddities: Oddities,
): AsyncGenerator<MachineAction> {
  const seen = new Set<string>();
  let reading: Reading = FIRST_READING;
  let step: Step = { kind: 'skip', skip: 0 };
  while (step.kind === 'skip' || step.kind === 'link') {
    const page = await pageOf(defender, step, terms, signal);
    if (page === 'no-such-page') {
      // The link led nowhere: the rows behind it are asked for by their place.
      const start = Math.max(0, seen.size + reading.nameless - reading.dropped);
      reading = { ...reading, start, bySkip: true };
      step = { kind: 'skip', skip: start };
      continue;
    }
    const known = seen.size;
    for (const action of page.actions) {
      // Pages shift while new actions come in, so one may be shown twice.
      if (seen.has(action.id)) continue;
      seen.add(action.id);
      if (isAskedFor(action, terms)) yield action;
      else oddities.notAskedFor(action);
    }
    const facts = { ...page, byPlace: step.kind === 'skip', fresh: seen.size - known, actions: seen.size };
    const { nameless } = reading;
    ({ reading, step } = nextPage(reading, facts));
    if (reading.nameless > nameless) oddities.withoutId(reading.nameless - nameless);
  }
  if (step.kind === 'cut') {
    throw new WorkLeftError(
      `the list of machine actions may not be complete: ${step.why} (${seen.size} read); run again later, or narrow the filter`,
    );
  }
}

async function pageOf(
  defender: Pick<Defender, 'list'>,
  step: Step & { kind: 'skip' | 'link' },
  terms: ActionFilter,
  signal: AbortSignal,
): Promise<Page | 'no-such-page'> {
  const query = step.kind === 'link' ? { nextLink: step.link } : { terms, top: PAGE_SIZE, skip: step.skip };
  for (let attempt = 1; ; attempt++) {
    const answer = await defender.list(query, signal);
    if (answer.kind === 'page') return answer;
    if (answer.kind === 'lost' && attempt < ATTEMPTS) continue;
    if (answer.kind === 'error' && step.kind === 'link' && [400, 404].includes(answer.http)) return 'no-such-page';
    const http = 'http' in answer ? answer.http : undefined;
    const what = http === undefined ? undefined : `HTTP ${http}`;
    const more = answer.kind === 'error' ? answer.code : answer.kind === 'lost' ? answer.error : undefined;
    const why = [what, more].filter((part) => part !== undefined).join(' ') || answer.kind;
    const remedy =
      http === undefined
        ? 'check the network and HTTPS_PROXY, then run again'
        : 'run again later, or narrow the filter';
    throw answer.kind === 'error' && answer.http === 403
      ? notPermitted(why)
      : new WorkLeftError(`Defender did not answer the query (${why}); ${remedy}`);
  }
}

function notPermitted(why: string): RefusedError {
  return new RefusedError(
    `Defender refused the query (${why}): grant the application Machine.Read.All (API WindowsDefenderATP, with admin consent)`,
  );
}
