import type { Clock } from '../clock.ts';
import { RefusedError } from '../errors.ts';
import type { TokenSource } from '../identity/token-source.ts';
import type { Logger } from '../log.ts';
import type { Gate } from '../quota/gate/gate.ts';
import type { Quota } from '../quota/quota.ts';
import { keepAll, type Redact } from '../redact.ts';
import { type Answer, type Handler, notSent, type Received, type SlottedCall } from './call.ts';
import { withRetry } from './retry-rule.ts';
import { actionPath, cancelPath, followPath, type ListQuery, listPath, machinesPath } from './routes.ts';
import { type Journal, makeSend, type Send } from './send.ts';
import type { Transport } from './transport.ts';

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
  /** One page of the devices, with when each was last seen. */
  machines(page: { top: number; skip: number }, signal: AbortSignal): Promise<Answer>;
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
          stillDue,
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
    machines: async (page, signal) => {
      const path = machinesPath(page);
      const asked = { route: 'machines', method: 'GET', path, ids: page.top, subject: path, attempt: 1 } as const;
      return (await call(asked, signal)).answer;
    },
    renewToken: async (signal) => {
      const held = await parts.tokens.token(signal);
      if (parts.tokens.kind === 'token') return held.token;
      return (await parts.tokens.renew(held, undefined, signal)).token;
    },
  };
}

/**
 * Puts the token in hand before the gate is asked. A 401 renews the token (once for all that are in flight); the repeat is
 * a new call with a slot of its own, so it is left to the retry. Refused again, the session is over: throws a RefusedError.
 */
function withAuth(tokens: TokenSource, send: Send): Handler<SlottedCall> {
  return async (call, signal) => {
    const token = await tokens.token(signal);
    const received = await send(call, token, signal);
    const { answer } = received;
    if (answer.kind !== 'error' || answer.http !== 401) return received;
    if (call.renewed) {
      throw new RefusedError(
        `Defender refused the access token twice (${['HTTP 401', answer.code].filter(Boolean).join(', ')}), the second time freshly renewed; ` +
          'check the tenant, the application and its permissions with `countermand check`, then resume',
      );
    }
    try {
      await tokens.renew(token, answer.claims, signal);
    } catch (error) {
      // The call was sent and answered, whatever ended the renewal: its slot is held for it by whoever gets this answer.
      if (!signal.aborted) throw error;
    }
    return received;
  };
}

/**
 * Takes a slot for each attempt and gives it back as what became of the call demands: held for a window after an answer,
 * longer without one, free at once when nothing was sent. A call whose slot lapsed before its send is left to the retry, which takes
 * another one without costing an attempt.
 */
function withQuota(quota: Quota, clock: Clock, next: Handler<SlottedCall>): Handler {
  return async (call, signal) => {
    const wantedAtMs = clock.monotonicMs();
    const slot = await quota.take(call.route, signal);
    try {
      const slotWaitMs = Math.round(clock.monotonicMs() - wantedAtMs);
      const received =
        call.stillDue?.() === false ? notSent(call, 'not-due') : await next({ ...call, slot, slotWaitMs }, signal);
      if (received.sentAtMs === undefined) slot.release();
      else if (received.answered) slot.settle();
      else slot.settleUnanswered(received.sentAtMs);
      return received;
    } catch (error) {
      // A wait that was ended had sent nothing. Anything else ends the session, where holding the slot costs nothing.
      if (signal.aborted && error === signal.reason) slot.release();
      else slot.settleUnanswered(clock.monotonicMs());
      throw error;
    }
  };
}
