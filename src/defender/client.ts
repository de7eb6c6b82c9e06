import type { Clock } from '../clock.ts';
import type { TokenSource } from '../identity/token-source.ts';
import type { Logger } from '../log.ts';
import type { Gate } from '../quota/gate/gate.ts';
import type { Quota } from '../quota/quota.ts';
import { keepAll, type Redact } from '../redact.ts';
import type { Answer, Handler, Received } from './call.ts';
import type { Journal } from './journal.ts';
import { actionPath, cancelPath, followPath, type ListQuery, listPath } from './routes.ts';
import { makeSend } from './send.ts';
import type { Transport } from './transport.ts';
import { withAuth } from './with-auth.ts';
import { withQuota } from './with-quota.ts';
import { withRetry } from './with-retry.ts';

export interface DefenderParts {
  transport: Transport;
  journal: Journal;
  quota: Quota;
  gate: Gate;
  tokens: TokenSource;
  clock: Clock;
  random: () => number;
  log?: Logger;
  /** Takes this session's secrets out of a comment. */
  redact?: Redact;
  /** Gives up calls in flight. */
  abandon: AbortSignal;
}

export interface CancelRequest {
  /** Lower-case GUID. */
  id: string;
  comment: string;
  attempt: number;
  stillDue?: () => boolean;
}

/** The API as a run uses it. Every method rejects with the signal's reason when a wait is ended. */
export interface Defender {
  cancel(request: CancelRequest, signal: AbortSignal): Promise<Received>;
  /** One action. */
  get(id: string, signal: AbortSignal): Promise<Answer>;
  /** At most 100 actions by their IDs, in one call. */
  lookUp(ids: readonly string[], signal: AbortSignal): Promise<Answer>;
  /** One page of what matches; `nextLink` goes on with the one of a page before. */
  list(query: ListQuery | { nextLink: string }, signal: AbortSignal): Promise<Answer>;
  /** Renews the token, for when permissions may have changed. A ready token cannot be renewed: it is handed out as it is. */
  renewToken(signal: AbortSignal): Promise<string>;
}

/** Every call to Defender goes through these layers, in this order. */
function compose(parts: DefenderParts): Handler {
  const { clock, random, quota } = parts;
  return withRetry(clock, random, withQuota(quota, clock, withAuth(parts.tokens, makeSend(parts))));
}

export function makeDefender(parts: DefenderParts, apiUrl: string): Defender {
  const call = compose(parts);
  const { redact = keepAll } = parts;
  return {
    cancel: ({ id, comment, attempt, stillDue }, signal) =>
      call(
        {
          route: 'cancel',
          method: 'POST',
          path: cancelPath(id),
          body: JSON.stringify({ Comment: redact(comment) }),
          id,
          subject: id,
          attempt,
          ...(stillDue === undefined ? {} : { stillDue }),
        },
        signal,
      ),
    get: async (id, signal) =>
      (await call({ route: 'get', method: 'GET', path: actionPath(id), id, subject: id, attempt: 1 }, signal)).answer,
    lookUp: async (ids, signal) => {
      const path = listPath({ ids, top: ids.length });
      const subject = `list ${ids[0]} ${ids.length}`;
      return (await call({ route: 'list', method: 'GET', path, ids: ids.length, subject, attempt: 1 }, signal)).answer;
    },
    list: async (query, signal) => {
      const path = 'nextLink' in query ? query.nextLink : listPath(query);
      const top = 'nextLink' in query ? 0 : query.top;
      const asked = { route: 'list', method: 'GET', path, ids: top, subject: path, attempt: 1 } as const;
      const { answer } = await call(asked, signal);
      if (answer.kind !== 'page' || answer.nextLink === undefined) return answer;
      return { ...answer, nextLink: followPath(answer.nextLink, apiUrl) };
    },
    renewToken: async (signal) => {
      const held = await parts.tokens.token(signal);
      if (parts.tokens.kind === 'token') return held.token;
      return (await parts.tokens.renew(held, undefined, signal)).token;
    },
  };
}
