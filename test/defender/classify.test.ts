import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classify, isUnavailable, recordedAnswer } from '../../src/defender/read-answer.ts';
import type { CancelCall } from '../../src/ledger/state/run-state.ts';

describe('an answer', () => {
  it.each([
    ['200 with what was asked for is a success', 200, 'asked-for', 'success'],
    ['200 with an error body is lost', 200, 'error', 'lost'],
    ['200 with a foreign body is lost', 200, 'foreign', 'lost'],
    ['429 counts with any body', 429, 'foreign', 'throttled'],
    ['408 counts with any body', 408, 'foreign', 'unavailable'],
    ['503 counts with any body', 503, 'error', 'unavailable'],
    ['401 counts with any body', 401, 'foreign', 'error'],
    ['403 counts with any body', 403, 'foreign', 'error'],
    ['400 counts with an error body', 400, 'error', 'error'],
    ['400 with a foreign body is lost', 400, 'foreign', 'lost'],
    ['501 with a foreign body is lost', 501, 'foreign', 'lost'],
    ['302 with a foreign body is lost', 302, 'foreign', 'lost'],
  ] as const)('%s', (_, http, body, kind) => {
    expect(classify(http, undefined, body)).toBe(kind);
  });

  it('an answer is lost where there is none, or none that can be used', () => {
    const bodies = fc.constantFrom('asked-for', 'error', 'foreign');
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), bodies, (http, body) => {
        expect(classify(undefined, undefined, body)).toBe('lost');
        expect(classify(http, 'foreign-body', body)).toBe('lost');
      }),
    );
  });
});

describe('a recorded answer', () => {
  const asked: CancelCall = {
    call: 7,
    session: 1,
    attempt: 3,
    intentAtMs: 0,
    firstAtMs: 0,
    repliedAtMs: 1000,
    http: undefined,
    code: 'Code',
    correlation: 'abc',
    retryAfterMs: 2000,
    error: undefined,
  };

  it.each<[string, Partial<CancelCall>, unknown]>([
    ['that never came is lost', { repliedAtMs: undefined }, { kind: 'lost', error: 'interrupted', http: undefined }],
    ['that timed out is lost', { error: 'timeout' }, { kind: 'lost', error: 'timeout', http: undefined }],
    ['of a proxy is lost', { http: 200, error: 'foreign-body' }, { kind: 'lost', error: 'foreign-body', http: 200 }],
    ['of 200 was accepted', { http: 200 }, { kind: 'accepted' }],
    ['of 429 keeps its wait', { http: 429 }, { kind: 'throttled', code: 'Code', retryAfterMs: 2000 }],
    ['of 503 keeps its wait', { http: 503 }, { kind: 'unavailable', http: 503, code: 'Code', retryAfterMs: 2000 }],
    [
      'of 409 keeps code and correlation',
      { http: 409 },
      { kind: 'error', http: 409, code: 'Code', correlation: 'abc', claims: undefined },
    ],
  ])('a recorded answer %s', (_, facts, expected) => {
    expect(recordedAnswer({ ...asked, ...facts })).toEqual(expected);
  });

  it('a recorded answer is unavailable with the statuses that stand for it, and no other', () => {
    const unavailable = Array.from({ length: 500 }, (_, n) => n + 100).filter(isUnavailable);
    expect(unavailable).toEqual([408, 500, 502, 503, 504]);
    for (const http of unavailable) expect(recordedAnswer({ ...asked, http }).kind).toBe('unavailable');
  });
});
