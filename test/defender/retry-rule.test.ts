import { describe, expect, it } from 'vitest';
import type { Answer, Call } from '../../src/defender/call.ts';
import { ATTEMPTS, retryStep } from '../../src/defender/retry-rule.ts';

const HALF = () => 0.5;

function call(route: Call['route'], attempt = 1, more: Partial<Call> = {}): Call {
  return { route, method: 'POST', path: '/x', subject: 'x', attempt, ...more };
}

const unavailable = (retryAfterMs?: number): Answer => ({
  kind: 'unavailable',
  http: 503,
  code: undefined,
  retryAfterMs,
});
const LOST: Answer = { kind: 'lost', error: 'timeout', http: undefined };
const refusal = (http: number): Answer => ({
  kind: 'error',
  http,
  code: 'X',
  correlation: undefined,
  claims: undefined,
});
const DONE = { kind: 'done' };

describe('after an answer the call', () => {
  it.each<[string, Call, Answer, boolean, unknown]>([
    ['is done by 400', call('cancel'), refusal(400), true, DONE],
    ['is done by 403', call('cancel'), refusal(403), true, DONE],
    ['is done by 404', call('get'), refusal(404), true, DONE],
    [
      'is repeated after 401, on the same attempt',
      call('cancel', 3),
      refusal(401),
      true,
      { kind: 'again', attempt: 3, afterMs: 0, renewed: true },
    ],
    [
      'waits at the gate after 429, on the same attempt',
      call('cancel', 5),
      { kind: 'throttled', code: '429', retryAfterMs: 9 },
      false,
      { kind: 'again', attempt: 5, afterMs: 0, renewed: false },
    ],
    [
      'is repeated after a 5xx, one attempt on, after half of 1 s',
      call('cancel', 1),
      unavailable(),
      true,
      { kind: 'again', attempt: 2, afterMs: 500, renewed: false },
    ],
    [
      'is repeated after the fourth 5xx, after half of 8 s',
      call('cancel', 4),
      unavailable(),
      true,
      { kind: 'again', attempt: 5, afterMs: 4000, renewed: false },
    ],
    [
      'waits first as long as it is told',
      call('cancel', 4),
      unavailable(90_000),
      true,
      { kind: 'again', attempt: 5, afterMs: 90_000, renewed: false },
    ],
    ['is done by the fifth 5xx', call('cancel', ATTEMPTS), unavailable(), true, DONE],
    [
      'burns no attempt while Defender is out of reach',
      call('cancel', ATTEMPTS),
      unavailable(),
      false,
      { kind: 'again', attempt: 5, afterMs: 0, renewed: false },
    ],
    ['is not repeated when the answer to a cancel was lost', call('cancel'), LOST, true, DONE],
    ['is not repeated when a cancel was lost out of reach', call('cancel'), LOST, false, DONE],
    [
      'is repeated when the answer to a lookup was lost',
      call('get'),
      LOST,
      true,
      { kind: 'again', attempt: 2, afterMs: 500, renewed: false },
    ],
    ['is done when the fifth answer to a lookup was lost', call('get', 5), LOST, true, DONE],
    ['is not repeated when a list was lost: it is halved', call('list'), LOST, true, DONE],
    [
      'is repeated when a list was lost out of reach',
      call('list'),
      LOST,
      false,
      { kind: 'again', attempt: 1, afterMs: 0, renewed: false },
    ],
    [
      'is tried again when a page of devices was lost',
      call('machines'),
      LOST,
      true,
      { kind: 'again', attempt: 2, afterMs: 500, renewed: false },
    ],
    [
      'starts over when the gate closed before its send',
      call('cancel', 2),
      { kind: 'not-sent', why: 'gate' },
      false,
      { kind: 'again', attempt: 2, afterMs: 0, renewed: false },
    ],
    [
      'starts over when its slot lapsed before its send',
      call('cancel', 2),
      { kind: 'not-sent', why: 'slot' },
      false,
      { kind: 'again', attempt: 2, afterMs: 0, renewed: false },
    ],
    [
      'starts over after a slow sync',
      call('cancel', 2),
      { kind: 'not-sent', why: 'slow-sync' },
      false,
      { kind: 'again', attempt: 2, afterMs: 0, renewed: false },
    ],
    [
      'is handed back when it is not due any more',
      call('cancel', 2),
      { kind: 'not-sent', why: 'not-due' },
      false,
      DONE,
    ],
    [
      'remembers that its token was renewed',
      call('cancel', 1, { renewed: true }),
      unavailable(),
      true,
      { kind: 'again', attempt: 2, afterMs: 500, renewed: true },
    ],
  ])('a call that was answered %s', (_, wanted, answer, costsAttempt, expected) => {
    expect(retryStep(wanted, { answer, costsAttempt }, HALF)).toEqual(expected);
  });
});
