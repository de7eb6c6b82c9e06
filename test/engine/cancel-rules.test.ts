import { describe, expect, it } from 'vitest';
import type { Answer } from '../../src/defender/call.ts';
import type { MachineAction } from '../../src/defender/entity.ts';
import { afterCancel, afterLookup, afterRestart, type Doubt, isLastLook } from '../../src/engine/cancel-rules.ts';
import type { Found } from '../../src/engine/lookups.ts';
import type { CancelCall } from '../../src/ledger/state/run-state.ts';
import { id, NO_GUARDS, STAMP } from './run.ts';

const NOW = Date.UTC(2026, 2, 1);
const CONTEXT = {
  attempt: 2,
  costsAttempt: true,
  canRead: true,
  askedAtMs: NOW,
  createdAtMs: NOW - 3_600_000,
  sent: 2,
  blind: false,
  earlier: false,
};

function action(status: string, more: Partial<MachineAction> = {}): MachineAction {
  return { id: id(1), type: 'Isolate', status, ...more };
}

function refusal(http: number, code = 'Code', correlation?: string): Answer {
  return { kind: 'error', http, code, correlation, claims: undefined };
}

describe('after an answer to a cancel', () => {
  it.each<[string, Answer, unknown]>([
    ['200 with the entity is confirmed', { kind: 'action', action: action('Pending') }, { kind: 'confirm' }],
    ['400 is looked up', refusal(400), { kind: 'look-up', doubt: { kind: 'refused', code: 'Code' } }],
    ['401 is asked again', refusal(401), { kind: 'again', attempt: 2 }],
    [
      '403 to a repeat is looked up',
      refusal(403),
      {
        kind: 'look-up',
        doubt: { kind: 'forbidden', settlement: { outcome: 'forbidden', detail: 'HTTP 403 Code' } },
      },
    ],
    [
      '404 on an old action is not-found',
      refusal(404),
      { kind: 'settle', settlement: { outcome: 'not-found', detail: 'HTTP 404 Code' } },
    ],
    [
      'a 5xx after the last attempt is looked up: it may have been carried out',
      { kind: 'unavailable', http: 503, code: undefined, retryAfterMs: undefined },
      { kind: 'look-up', doubt: { kind: 'used-up', last: 'HTTP 503' } },
    ],
    [
      'a lost answer is looked up',
      { kind: 'lost', error: 'timeout', http: undefined },
      { kind: 'look-up', doubt: { kind: 'lost', error: 'timeout', costsAttempt: true } },
    ],
    ['429 keeps the attempt', { kind: 'throttled', code: '429', retryAfterMs: 1000 }, { kind: 'again', attempt: 2 }],
    [
      'any other refusal of a repeat is looked up: it may be the attempt before it that conflicts',
      refusal(409, 'Conflict', 'abc'),
      { kind: 'look-up', doubt: { kind: 'used-up', last: 'HTTP 409 Conflict correlation abc' } },
    ],
    ['what was not sent is put back', { kind: 'not-sent', why: 'not-due' }, { kind: 'put-back' }],
  ])('%s', (_, answer, expected) => {
    expect(afterCancel(answer, CONTEXT)).toEqual(expected);
  });

  it('403 to a first call waits for what follows', () => {
    expect(afterCancel(refusal(403), { ...CONTEXT, attempt: 1, sent: 1 })).toEqual({
      kind: 'forbidden',
      settlement: { outcome: 'forbidden', detail: 'HTTP 403 Code' },
    });
  });

  it.each([
    ['open', 'forbidden', { kind: 'found', action: action('Pending') } as const],
    ['gone', 'forbidden', { kind: 'unknown' } as const],
    [
      'cancelled by us',
      'settle',
      { kind: 'found', action: action('Cancelled', { cancellationComment: `${STAMP}x` }) } as const,
    ],
    [
      'being cancelled by us',
      'confirm',
      { kind: 'found', action: action('Pending', { cancellationComment: `${STAMP}x` }) } as const,
    ],
  ])('403 to a repeat of what is %s leads to %s', (_, next, found) => {
    const doubt: Doubt = { kind: 'forbidden', settlement: { outcome: 'forbidden' } };
    expect(afterLookup(found, doubt, { attempt: 2, stamp: STAMP, guards: NO_GUARDS, blind: false, sent: 2 }).kind).toBe(
      next,
    );
  });

  it('any other refusal is failed with status, code and correlation', () => {
    expect(afterCancel(refusal(409, 'Conflict', 'abc'), { ...CONTEXT, attempt: 1, sent: 1 })).toEqual({
      kind: 'settle',
      settlement: { outcome: 'failed', detail: 'HTTP 409 Conflict correlation abc' },
    });
  });

  it.each([
    ['seen and 119 s old', 'wait-for-it', NOW - 119_000],
    ['seen and 120 s old', 'settle', NOW - 120_000],
    ['never seen', 'settle', undefined],
  ])('404 on an action that was %s leads to %s', (_, next, createdAtMs) => {
    expect(afterCancel(refusal(404), { ...CONTEXT, createdAtMs }).kind).toBe(next);
  });

  it.each<[number, boolean, unknown]>([
    [404, true, { kind: 'look-up', doubt: { kind: 'used-up', last: 'HTTP 404 Code' } }],
    [404, false, { kind: 'settle', settlement: { outcome: 'unknown' } }],
    [409, false, { kind: 'settle', settlement: { outcome: 'unknown' } }],
  ])(
    '%d to what was sent once more unseen says nothing of the call before it (can read: %s)',
    (http, canRead, next) => {
      expect(afterCancel(refusal(http), { ...CONTEXT, canRead, blind: true })).toMatchObject(next as object);
    },
  );

  it.each([
    ['Cancelled', 'cancelled'],
    ['Pending', 'unconfirmed'],
    ['Succeeded', 'unconfirmed'],
  ])('an answer that says %s is %s without permission to read', (status, outcome) => {
    const next = afterCancel({ kind: 'action', action: action(status) }, { ...CONTEXT, canRead: false });
    expect(next).toMatchObject({ kind: 'settle', settlement: { outcome } });
  });
});

describe('an action in doubt that was looked up', () => {
  const refused: Doubt = { kind: 'refused', code: 'BadRequest' };
  const lost: Doubt = { kind: 'lost', error: 'timeout', costsAttempt: true };
  const killed: Doubt = { kind: 'lost', error: 'interrupted', costsAttempt: false };
  const usedUp: Doubt = { kind: 'used-up', last: 'HTTP 503' };
  const ours = { cancellationComment: `${STAMP}why` };
  const found = (status: string, more: Partial<MachineAction> = {}): Found => ({
    kind: 'found',
    action: action(status, more),
  });
  const unreadable: Found = { kind: 'unreadable', why: 'no-answer' };
  const settle = (outcome: string) => ({ kind: 'settle', settlement: { outcome } });

  it.each<[string, Found, Doubt, number, boolean, unknown]>([
    ['is already-final after 400 when it is over', found('Succeeded'), refused, 1, false, settle('already-final')],
    [
      'is cancelled after 400 when our stamp is on it',
      found('Cancelled', ours),
      refused,
      1,
      false,
      settle('cancelled'),
    ],
    [
      'is already-final after 400 when somebody else cancelled it',
      found('Cancelled'),
      refused,
      1,
      false,
      settle('already-final'),
    ],
    ['is failed after 400 while it is open', found('Pending'), refused, 1, false, settle('failed')],
    [
      'is failed after 400 with a status that nobody knows, which is open',
      found('Paused'),
      refused,
      1,
      false,
      settle('failed'),
    ],
    ['is failed after 400 when no lookup can tell', unreadable, refused, 1, false, settle('failed')],
    [
      'is cancelled after a lost answer when our stamp is on it',
      found('Cancelled', ours),
      lost,
      1,
      false,
      settle('cancelled'),
    ],
    [
      'ran anyway after a lost answer when our stamp is on it and it succeeded',
      found('Succeeded', ours),
      lost,
      1,
      false,
      settle('ran-anyway'),
    ],
    [
      'ended otherwise after a lost answer when our stamp is on it and it failed',
      found('Failed', ours),
      lost,
      1,
      false,
      settle('ended-otherwise'),
    ],
    [
      'is already-final after a lost answer when it ended without us',
      found('TimeOut'),
      lost,
      1,
      false,
      settle('already-final'),
    ],
    [
      'is sent again, one attempt on, after a lost answer while it is open',
      found('Pending'),
      lost,
      4,
      false,
      { kind: 'again', attempt: 5 },
    ],
    ['is failed after the fifth lost answer while it is open', found('Pending'), lost, 5, false, settle('failed')],
    [
      'is sent again, on the same attempt, after an outage while it is open',
      found('Pending'),
      killed,
      5,
      false,
      { kind: 'again', attempt: 5 },
    ],
    ['is not-found after a lost answer when it is gone', { kind: 'unknown' }, lost, 1, false, settle('not-found')],
    [
      'is sent once more after a lost answer when no lookup can tell',
      unreadable,
      lost,
      1,
      false,
      { kind: 'blind-again', attempt: 2 },
    ],
    ['is unknown after a second lost answer when no lookup can tell', unreadable, lost, 2, true, settle('unknown')],
    [
      'is confirmed after a lost answer while it is open with our stamp',
      found('Pending', ours),
      lost,
      1,
      false,
      { kind: 'confirm' },
    ],
    [
      'is confirmed after 400 while it is open with our stamp',
      found('Pending', ours),
      refused,
      1,
      false,
      { kind: 'confirm' },
    ],
    ['is failed after its last 5xx while it is open', found('Pending'), usedUp, 5, false, settle('failed')],
    [
      'is cancelled after its last 5xx when our stamp is on it',
      found('Cancelled', ours),
      usedUp,
      5,
      false,
      settle('cancelled'),
    ],
    ['is unknown after its last 5xx when no lookup can tell', unreadable, usedUp, 5, false, settle('unknown')],
  ])('an action in doubt that was looked up %s', (_, shown, doubt, attempt, blind, expected) => {
    expect(afterLookup(shown, doubt, { attempt, stamp: STAMP, guards: NO_GUARDS, sent: 1, blind })).toMatchObject(
      expected as object,
    );
  });
});

describe('400 to a repeated cancel', () => {
  const refused: Doubt = { kind: 'refused', code: 'BadRequest' };
  const context = { attempt: 2, stamp: STAMP, guards: NO_GUARDS, blind: false, sent: 2 };
  it.each<[string, Found]>([
    [
      'is unknown while it is still open: the first may have been accepted',
      { kind: 'found', action: action('Pending') },
    ],
    ['is unknown where no lookup could tell', { kind: 'unreadable', why: 'no-answer' }],
  ])('an action with a 400 to a repeated cancel %s', (_, shown) => {
    expect(afterLookup(shown, refused, context)).toMatchObject({ kind: 'settle', settlement: { outcome: 'unknown' } });
  });
});

describe('the look that settles an action which it shows open', () => {
  it.each([
    ['a refusal', { kind: 'refused', code: 'Code' }, 1, true],
    ['used-up attempts', { kind: 'used-up', last: 'HTTP 503' }, 5, true],
    ['the fifth lost answer', { kind: 'lost', error: 'timeout', costsAttempt: true }, 5, true],
    ['the fourth lost answer', { kind: 'lost', error: 'timeout', costsAttempt: true }, 4, false],
    ['an answer lost in an outage', { kind: 'lost', error: 'timeout', costsAttempt: false }, 5, false],
  ] as const)('the look that settles an action which it shows open follows %s', (_, doubt, attempt, isLast) => {
    expect(isLastLook(doubt, attempt)).toBe(isLast);
    const found = { kind: 'found', action: action('Pending') } as const;
    const after = afterLookup(found, doubt, { attempt, stamp: STAMP, guards: NO_GUARDS, blind: false, sent: attempt });
    expect(after.kind === 'settle').toBe(isLast);
  });
});

describe('after a restart', () => {
  const last: CancelCall = {
    call: 7,
    session: 1,
    attempt: 3,
    intentAtMs: NOW - 1000,
    firstAtMs: NOW - 1000,
    repliedAtMs: NOW,
    http: undefined,
    code: undefined,
    correlation: undefined,
    retryAfterMs: undefined,
    error: undefined,
  };
  it.each<[string, Partial<CancelCall>, unknown]>([
    [
      'an intent without a reply is in doubt, and costs no attempt',
      { repliedAtMs: undefined },
      { kind: 'look-up', doubt: { kind: 'lost', error: 'interrupted', costsAttempt: false } },
    ],
    ['a recorded 200 is confirmed', { http: 200 }, { kind: 'confirm' }],
    [
      'a recorded timeout is looked up',
      { error: 'timeout' },
      { kind: 'look-up', doubt: { kind: 'lost', error: 'timeout', costsAttempt: true } },
    ],
    ['a foreign 200 is looked up', { http: 200, error: 'foreign-body' }, { kind: 'look-up' }],
    [
      'a recorded 400 is looked up',
      { http: 400, code: 'X' },
      { kind: 'look-up', doubt: { kind: 'refused', code: 'X' } },
    ],
    ['a recorded 401 is asked anew', { http: 401 }, { kind: 'again', attempt: 3 }],
    ['a recorded 403 is asked anew', { http: 403 }, { kind: 'again', attempt: 3 }],
    ['a recorded 429 keeps its attempt', { http: 429 }, { kind: 'again', attempt: 3 }],
    ['a recorded 503 is the next attempt', { http: 503 }, { kind: 'again', attempt: 4 }],
    ['a fifth 503 gets one more call', { http: 503, attempt: 5 }, { kind: 'again', attempt: 5 }],
    ['a recorded 404 is not-found', { http: 404 }, { kind: 'settle', settlement: { outcome: 'not-found' } }],
    ['a recorded 409 is failed', { http: 409 }, { kind: 'settle', settlement: { outcome: 'failed' } }],
  ])('%s', (_, facts, expected) => {
    const context = { canRead: true, createdAtMs: undefined, sent: 1 };
    expect(afterRestart({ ...last, ...facts }, context)).toMatchObject(expected as object);
  });

  it('a recorded 404 counts as old as the action was when it was asked, not when the answer came', () => {
    const context = { canRead: true, createdAtMs: NOW - 119_000, sent: 1 };
    const slow = { ...last, http: 404, intentAtMs: NOW, repliedAtMs: NOW + 60_000 };
    expect(afterRestart(slow, context)).toEqual({ kind: 'wait-for-it' });
  });

  it.each([404, 409])('a recorded %d to a repeat is looked up', (http) => {
    const context = { canRead: true, createdAtMs: undefined, sent: 2 };
    const expected = { kind: 'look-up', doubt: { kind: 'used-up' } };
    expect(afterRestart({ ...last, http }, context)).toMatchObject(expected);
  });
});
