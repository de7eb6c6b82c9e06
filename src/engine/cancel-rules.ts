import type { Answer } from '../defender/call.ts';
import { isUnreadable } from '../defender/decode-body.ts';
import type { MachineAction } from '../defender/entity.ts';
import { type RecordedAnswer, recordedAnswer } from '../defender/read-answer.ts';
import { ATTEMPTS } from '../defender/retry-rule.ts';
import type { Guards } from '../job/job.ts';
import type { Action, CancelCall } from '../ledger/state/run-state.ts';
import { decide } from './guards.ts';
import { seenNow } from './lookup-batcher.ts';
import type { Found } from './lookups.ts';
import { isOurs, type Settlement, settledBy, settledByAnswer } from './outcome-rules.ts';

/** Why an action is looked up before anything else happens to it. */
export type Doubt =
  /** Defender answered 400: perhaps it is over. `code` is Defender's. */
  | { kind: 'refused'; code: string }
  /** A cancel was sent and no answer can be relied on. `costsAttempt` is false when that was not the action's fault: Defender was out of reach, or we were killed. */
  | { kind: 'lost'; error: string; costsAttempt: boolean }
  /**
   * Nothing more is sent after a 408 or 5xx, either because attempts are used up or because the repeat was refused: one of them may have been
   * carried out all the same. `last` says what the last answer was.
   */
  | { kind: 'used-up'; last: string }
  /** 403 to a repeat, or without Defender's body: this call or one before it may have been carried out. */
  | { kind: 'forbidden'; settlement: Settlement };

/** What follows an answer to a cancel. */
export type Next =
  | { kind: 'settle'; settlement: Settlement }
  | { kind: 'confirm' }
  | { kind: 'look-up'; doubt: Doubt }
  /** HTTP 403: whether the action or the token is refused shows in the answers that follow. */
  | { kind: 'forbidden'; settlement: Settlement }
  /** 404 on an action that Defender has shown us and that is young: asked again until it is old enough. */
  | { kind: 'wait-for-it' }
  | { kind: 'again'; attempt: number }
  /** No longer due when its slot came. */
  | { kind: 'put-back' };

export interface CancelContext {
  attempt: number;
  costsAttempt: boolean;
  canRead: boolean;
  /** Wall clock when the call was made, epoch ms: a slow answer may show what was so when it was sent. */
  askedAtMs: number;
  /** Creation as a lookup showed it, epoch ms; undefined when it was never seen. */
  createdAtMs: number | undefined;
  /** Cancel calls that were or may have been sent for it, over all sessions. */
  sent: number;
  /** It was sent once more although no lookup could tell what became of the call before, which may still arrive. */
  blind: boolean;
  /** The answer came in an earlier session, or was to come. */
  earlier: boolean;
}

/** Records are eventually consistent: other clients have seen a 404 for up to this long after an action was made. */
const YOUNG_MS = 120_000;

/** What a cancel does shows in a lookup that comes so long after it. Not documented; chosen, as a lookup shows it within seconds as a rule. */
const SHOWS_WITHIN_MS = 15 * 60_000;

/** One row of the table in docs/design.md, section 5, each. */
export function afterCancel(answer: Answer | RecordedAnswer, context: CancelContext): Next {
  const { attempt, costsAttempt, canRead, earlier } = context;
  switch (answer.kind) {
    case 'action':
      return canRead ? { kind: 'confirm' } : { kind: 'settle', settlement: settledByAnswer(answer.action) };
    case 'accepted':
      return { kind: 'confirm' };
    case 'lost':
      return { kind: 'look-up', doubt: { kind: 'lost', error: answer.error, costsAttempt } };
    case 'not-sent':
      return { kind: 'put-back' };
    case 'unavailable':
      // Attempts that one session used up are not counted out by the next without one more call.
      if (earlier) return { kind: 'again', attempt: Math.min(attempt + 1, ATTEMPTS) };
      return canRead
        ? { kind: 'look-up', doubt: { kind: 'used-up', last: httpDetail(answer) } }
        : { kind: 'settle', settlement: usedUp(attempt, httpDetail(answer)) };
    case 'throttled':
    case 'page':
    case 'devices':
      return { kind: 'again', attempt };
    case 'error':
      return afterRefusal(answer, context);
  }
}

/** The rows in which Defender itself says no. */
function afterRefusal(
  answer: Extract<Answer, { kind: 'error' }>,
  { attempt, canRead, askedAtMs, createdAtMs, sent, blind, earlier }: CancelContext,
): Next {
  const last = httpDetail(answer);
  const lookUp: Next = { kind: 'look-up', doubt: { kind: 'used-up', last } };
  switch (answer.http) {
    case 400:
      return { kind: 'look-up', doubt: { kind: 'refused', code: answer.code ?? '' } };
    case 401:
      return { kind: 'again', attempt };
    case 403: {
      // It ended that session, and the credentials may be others now.
      if (earlier) return { kind: 'again', attempt };
      const settlement: Settlement = { outcome: 'forbidden', detail: last };
      // Without Defender's body it may be somebody else's refusal to let the answer through.
      return canRead && (sent > 1 || answer.code === undefined)
        ? { kind: 'look-up', doubt: { kind: 'forbidden', settlement } }
        : { kind: 'forbidden', settlement };
    }
    case 404:
      if (createdAtMs !== undefined && askedAtMs < createdAtMs + YOUNG_MS) return { kind: 'wait-for-it' };
      if (!blind) return { kind: 'settle', settlement: { outcome: 'not-found', detail: last } };
      return canRead ? lookUp : { kind: 'settle', settlement: perhapsBefore(last) };
    default:
      // A conflict may be with the call before it.
      if (canRead && sent > 1) return lookUp;
      return { kind: 'settle', settlement: blind ? perhapsBefore(last) : { outcome: 'failed', detail: last } };
  }
}

/** Where a new session goes on with an action that an earlier one called: the recorded answer is acted on as if it had just come. */
export function afterRestart(last: CancelCall, context: Pick<CancelContext, 'canRead' | 'createdAtMs' | 'sent'>): Next {
  // That we were killed is not the action's fault.
  const costsAttempt = last.repliedAtMs !== undefined;
  const { attempt, intentAtMs } = last;
  // Whether one of them was sent blindly stands in no record.
  const blind = context.sent > 1;
  const answer = recordedAnswer(last);
  return afterCancel(answer, { ...context, attempt, costsAttempt, askedAtMs: intentAtMs, blind, earlier: true });
}

export interface LookupContext {
  attempt: number;
  stamp: string;
  /** They hold also for what is seen of an action only now, after it was called unseen. */
  guards: Guards;
  /** It was already sent once more without a lookup. */
  blind: boolean;
  /** Cancel calls that were or may have been sent for it, over all sessions. */
  sent: number;
}

/** Whether an action that a lookup shows open is not sent again. */
export function isLastLook(doubt: Doubt, attempt: number): boolean {
  return doubt.kind !== 'lost' || (doubt.costsAttempt && attempt >= ATTEMPTS);
}

/** What follows the lookup of an action in doubt. */
export function afterLookup(
  found: Found,
  doubt: Doubt,
  { attempt, stamp, guards, blind, sent }: LookupContext,
): Next | { kind: 'blind-again'; attempt: number } {
  if (found.kind === 'found') {
    const settlement = settledBy(found.action, { accepted: false, stamp });
    if (settlement !== undefined) return { kind: 'settle', settlement };
    // Our stamp says that one of our cancels was accepted, and that it is being carried out.
    if (isOurs(found.action, stamp)) return { kind: 'confirm' };
  }
  if (doubt.kind === 'forbidden') {
    if (found.kind !== 'unreadable' || found.why === 'no-permission')
      return { kind: 'forbidden', settlement: doubt.settlement };
    const detail = `${doubt.settlement.detail ?? 'HTTP 403'}, and no lookup could tell whether a cancel was accepted`;
    return { kind: 'settle', settlement: { outcome: 'unknown', detail } };
  }
  if (found.kind === 'found') {
    if (doubt.kind === 'refused') {
      return { kind: 'settle', settlement: sent > 1 ? perhapsOurs(doubt.code) : refused(doubt.code, found.action) };
    }
    if (doubt.kind === 'used-up') {
      return { kind: 'settle', settlement: { ...usedUp(attempt, doubt.last), status: found.action.status } };
    }
    // It was answered, so it may have been accepted: once is enough.
    if (isUnreadable(doubt.error))
      return { kind: 'settle', settlement: unreadAnswer(doubt.error, found.action.status) };
    const { kind: decision, reason } = decide(seenNow(found.action), guards);
    if (decision === 'excluded') return { kind: 'settle', settlement: seenTooLate(reason, found.action.status) };
    if (!doubt.costsAttempt) return { kind: 'again', attempt };
    return attempt < ATTEMPTS
      ? { kind: 'again', attempt: attempt + 1 }
      : { kind: 'settle', settlement: { ...usedUp(attempt, doubt.error), status: found.action.status } };
  }
  if (found.kind === 'unknown') {
    return { kind: 'settle', settlement: { outcome: 'not-found', detail: 'Defender does not know it any more' } };
  }
  if (doubt.kind === 'used-up') {
    return { kind: 'settle', settlement: { outcome: 'unknown', detail: `${doubt.last}, and no lookup could tell` } };
  }
  if (doubt.kind === 'refused') {
    if (sent > 1 && found.why === 'no-answer') return { kind: 'settle', settlement: perhapsOurs(doubt.code) };
    return {
      kind: 'settle',
      settlement: { outcome: 'failed', detail: `HTTP 400 ${doubt.code}; may be over, it could not be looked up` },
    };
  }
  if (isUnreadable(doubt.error)) return { kind: 'settle', settlement: unreadAnswer(doubt.error) };
  return blind
    ? {
        kind: 'settle',
        settlement: { outcome: 'unknown', detail: `answer lost (${doubt.error}), no lookup could tell` },
      }
    : { kind: 'blind-again', attempt: Math.min(attempt + 1, ATTEMPTS) };
}

function refused(code: string, action: MachineAction): Settlement {
  return { outcome: 'failed', status: action.status, detail: `HTTP 400 ${code} although it is still open` };
}

/** Refused, but after a call that may have been accepted: only its end will show. */
function perhapsOurs(code: string): Settlement {
  return perhapsBefore(`HTTP 400 ${code}`);
}

function perhapsBefore(last: string): Settlement {
  return { outcome: 'unknown', detail: `${last} to a repeated cancel; an earlier one may have been accepted` };
}

/** Kept out by a guard, but only after a cancel that may have been carried out: it is not sent again, and its end is to be looked at. */
export function seenTooLate(reason: string | undefined, status: string): Settlement {
  const detail = `${reason ?? 'excluded by a guard'}; a cancel was sent before that was seen and may have been accepted, none is sent again`;
  return { outcome: 'unknown', status, detail };
}

/**
 * Whether a call before may have been carried out, or may be yet: as far as its answer does not rule that out, nor a lookup that came long
 * after it and shows the action as open still. `seenAtMs`: a lookup of an earlier session, by which that call was over too; where the call seems to
 * come from the future (a clock was set back), that alone tells how long ago it was. Epoch ms.
 */
export function mayHaveEffect(
  { last, sent, screen }: Pick<Action, 'last' | 'sent' | 'screen'>,
  seenAtMs = Number.POSITIVE_INFINITY,
): boolean {
  if (last === undefined) return false;
  const overAtMs = Math.min(last.repliedAtMs ?? last.intentAtMs, seenAtMs);
  if ((screen?.atMs ?? 0) - overAtMs >= SHOWS_WITHIN_MS) return false;
  if (sent > 1) return true;
  const answer = recordedAnswer(last);
  return answer.kind !== 'throttled' && !(answer.kind === 'error' && (answer.http === 401 || answer.http === 403));
}

function unreadAnswer(error: string, status?: string): Settlement {
  const detail = `the answer to its cancel cannot be read (${error}), so it may have been accepted`;
  return status === undefined ? { outcome: 'unknown', detail } : { outcome: 'unknown', status, detail };
}

function usedUp(attempt: number, last: string): Settlement {
  return {
    outcome: 'failed',
    detail: `${attempt} ${attempt === 1 ? 'attempt' : 'attempts'} used up, the last: ${last}`,
  };
}

function httpDetail(answer: { http: number; code: string | undefined; correlation?: string | undefined }): string {
  return [`HTTP ${answer.http}`, answer.code, answer.correlation && `correlation ${answer.correlation}`]
    .filter((part) => part)
    .join(' ');
}
