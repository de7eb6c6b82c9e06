import { describe, expect, it } from 'vitest';
import type { Answer } from '../../src/defender/call.ts';
import { hasCompletedCommand, isFinalStatus } from '../../src/defender/entity.ts';
import { readAnswer, skewOf } from '../../src/defender/read-answer.ts';

const ID = '00000000-0000-4000-8000-00000000000a';
const NOW = Date.UTC(2026, 2, 1, 12);
const ENTITY = { id: ID, type: 'Isolate', status: 'Pending', commands: [] };

interface Sent {
  body?: unknown;
  text?: string;
  headers?: Record<string, string>;
}

function read(http: number, { body, text, headers = {} }: Sent, route: 'cancel' | 'get' | 'list' = 'cancel'): Answer {
  const raw = { http, headers, body: text ?? JSON.stringify(body) };
  return readAnswer(route === 'list' ? { route } : { route, id: ID }, raw, NOW);
}

const error = (code: string, message = '') => ({ body: { error: { code, message, target: 'corr' } } });
const HTML = { text: '<!DOCTYPE html><html><body>Sign in to the guest network</body></html>' };
const CUT = { text: JSON.stringify(ENTITY).slice(0, 30) };

describe('an answer to a cancel or a lookup of one action', () => {
  it.each<[string, number, Sent, Partial<Answer>]>([
    ['200 with the entity is the action', 200, { body: ENTITY }, { kind: 'action' }],
    [
      '200 with our ID in capitals is the action',
      200,
      { body: { ...ENTITY, id: ID.toUpperCase() } },
      { kind: 'action' },
    ],
    ['200 with another action is lost', 200, { body: { ...ENTITY, id: ID.replace('a', 'b') } }, { kind: 'lost' }],
    ['200 with our ID in braces is the action', 200, { body: { ...ENTITY, id: ` {${ID}} ` } }, { kind: 'action' }],
    ['200 with our ID and no status is the action', 200, { body: { id: ID, type: 'Isolate' } }, { kind: 'action' }],
    ['200 with our ID as a number is lost', 200, { body: { ...ENTITY, id: 10 } }, { kind: 'lost' }],
    ['200 with an error body is lost', 200, error('Forbidden'), { kind: 'lost' }],
    ['200 with a page of a proxy is lost', 200, HTML, { kind: 'lost', error: 'foreign-body', http: 200 }],
    ['200 with cut JSON is lost', 200, CUT, { kind: 'lost' }],
    ['200 with nothing is lost', 200, { text: '' }, { kind: 'lost' }],
    ['200 with a list is lost', 200, { body: { value: [ENTITY] } }, { kind: 'lost' }],
    ['202 with the entity is lost, so it is looked up', 202, { body: ENTITY }, { kind: 'lost', http: 202 }],
    ['204 is lost', 204, { text: '' }, { kind: 'lost' }],
    ['a redirect is lost', 302, { text: '', headers: { location: 'https://x.test' } }, { kind: 'lost', http: 302 }],
    ['421 is lost', 421, { text: '' }, { kind: 'lost' }],
    ['a proxy that wants a password is lost', 407, HTML, { kind: 'lost', http: 407 }],
    [
      '400 of Defender counts',
      400,
      error('BadRequest'),
      { kind: 'error', http: 400, code: 'BadRequest', correlation: 'corr' },
    ],
    ['401 of Defender counts', 401, error('Unauthorized'), { kind: 'error', http: 401 }],
    ['403 of Defender counts', 403, error('Forbidden'), { kind: 'error', http: 403 }],
    ['404 of Defender counts', 404, error('ResourceNotFound'), { kind: 'error', http: 404 }],
    ['409 of Defender counts', 409, error('Conflict'), { kind: 'error', http: 409 }],
    ['400 of a gateway is lost', 400, HTML, { kind: 'lost' }],
    ['401 with a page counts', 401, HTML, { kind: 'error', http: 401, code: undefined }],
    ['403 with a page counts', 403, HTML, { kind: 'error', http: 403, code: undefined }],
    ['401 with nothing counts', 401, { text: '' }, { kind: 'error', http: 401, code: undefined }],
    ['403 with nothing counts', 403, { text: '' }, { kind: 'error', http: 403, code: undefined }],
    ['403 with a cut error counts', 403, { text: '{"error":{"code":"Forb' }, { kind: 'error', http: 403 }],
    ['401 with an entity counts', 401, { body: ENTITY }, { kind: 'error', http: 401 }],
    ['404 of a gateway is lost', 404, HTML, { kind: 'lost' }],
    ['404 with JSON of another kind is lost', 404, { body: { message: 'no route' } }, { kind: 'lost' }],
    ['404 with an error as text is lost', 404, { body: { error: 'not found' } }, { kind: 'lost' }],
    ['408 is unavailable', 408, { text: '' }, { kind: 'unavailable', http: 408 }],
    ['500 without a body is unavailable', 500, { text: '' }, { kind: 'unavailable', code: undefined }],
    [
      '500 with a body keeps its code',
      500,
      error('InternalServerError'),
      { kind: 'unavailable', code: 'InternalServerError' },
    ],
    ['502 of a gateway is unavailable', 502, HTML, { kind: 'unavailable', http: 502 }],
    [
      '503 keeps its wait',
      503,
      { text: '', headers: { 'retry-after': '7' } },
      { kind: 'unavailable', retryAfterMs: 7000 },
    ],
    ['504 is unavailable', 504, { text: '' }, { kind: 'unavailable', http: 504 }],
    [
      '429 keeps its wait',
      429,
      { ...error('429'), headers: { 'retry-after': '9' } },
      { kind: 'throttled', retryAfterMs: 9000 },
    ],
    ['429 without a body is throttled too', 429, { text: '' }, { kind: 'throttled', retryAfterMs: undefined }],
    [
      '429 with nonsense for a wait says nothing',
      429,
      { text: '', headers: { 'retry-after': 'soon' } },
      { kind: 'throttled', retryAfterMs: undefined },
    ],
  ])('%s', (_, http, sent, expected) => {
    expect(read(http, sent)).toMatchObject(expected);
  });

  it('the reader of an answer finds the wait of a 429 in its message when no header has it', () => {
    const sent = error('429', 'API calls quota exceeded! You can send requests again in 8 seconds.');
    expect(read(429, sent)).toMatchObject({ retryAfterMs: 8000 });
    expect(read(429, { ...sent, headers: { 'retry-after': '3' } })).toMatchObject({ retryAfterMs: 3000 });
  });

  it('the reader of an answer measures a date to wait for by the clock of the server that named it', () => {
    const headers = {
      date: new Date(NOW + 3_600_000).toUTCString(),
      'retry-after': new Date(NOW + 3_600_000 + 20_000).toUTCString(),
    };
    expect(read(429, { text: '', headers })).toMatchObject({ retryAfterMs: 20_000 });
  });

  it('the reader of an answer waits the longest of several waits', () => {
    const several = { http: 429, body: '', headers: { 'retry-after': ['3', '2.5', 'soon', '-9'] } };
    expect(readAnswer({ route: 'cancel', id: ID }, several, NOW)).toMatchObject({ retryAfterMs: 3000 });
  });

  it('the reader of an answer finds the claims of a challenge among several', () => {
    const claims = '{"a":1}';
    const headers = { 'www-authenticate': ['Negotiate', `Bearer claims="${Buffer.from(claims).toString('base64')}"`] };
    const answer = readAnswer({ route: 'cancel', id: ID }, { http: 401, body: '', headers }, NOW);
    expect(answer).toMatchObject({ claims });
  });

  it('the reader of an answer decodes the claims of a challenge', () => {
    const claims = '{"access_token":{"nbf":{"essential":true}}}';
    const header = `Bearer realm="", error="insufficient_claims", claims="${Buffer.from(claims).toString('base64')}"`;
    expect(read(401, { ...error('Unauthorized'), headers: { 'www-authenticate': header } })).toMatchObject({ claims });
    const broken = { ...error('Unauthorized'), headers: { 'www-authenticate': 'Bearer claims="%%%"' } };
    expect(read(401, broken)).toMatchObject({ claims: undefined });
  });
});

describe('an answer to a list', () => {
  it('an answer to a list is a page with its next link and its count', () => {
    expect(read(200, { body: { value: [ENTITY], '@odata.nextLink': 'x', '@odata.count': 7 } }, 'list')).toEqual({
      ...{ kind: 'page', actions: [ENTITY], entries: 1, odd: 0, count: 7, nextLink: 'x' },
    });
    const empty = { kind: 'page', actions: [], entries: 0, odd: 0, count: undefined, nextLink: undefined };
    expect(read(200, { body: { value: [] } }, 'list')).toEqual(empty);
  });

  it.each([
    ['', undefined],
    ['  ', undefined],
    [null, undefined],
    [5, undefined],
    [{ href: 'x' }, undefined],
  ])('an answer to a list has no next link where that is %j', (link, expected) => {
    const answer = read(200, { body: { value: [], '@odata.nextLink': link } }, 'list');
    expect(answer).toMatchObject({ kind: 'page', nextLink: expected });
  });

  it.each([
    ['3000', 3000],
    [3000, 3000],
    [0, undefined],
    [-1, undefined],
    [1.5, undefined],
    ['many', undefined],
    [null, undefined],
    [1e300, undefined],
  ])('an answer to a list counts %j as %j where its page holds one entity', (count, expected) => {
    const answer = read(200, { body: { value: [ENTITY], '@odata.count': count } }, 'list');
    expect(answer).toMatchObject({ kind: 'page', count: expected });
  });

  it.each<[string, unknown]>([
    ['without a type', { ...ENTITY, type: null }],
    ['with a number for a status', { ...ENTITY, status: 5 }],
    ['that is null', null],
    ['that is a list', [ENTITY]],
    ['that is a text', ID],
    ['without an ID', { type: 'Isolate', status: 'Pending' }],
    ['with an ID that is none', { ...ENTITY, id: 'x' }],
    ['with a list for a comment', { ...ENTITY, requestorComment: ['x'], cancellationComment: {} }],
    ['with an object for its commands', { ...ENTITY, commands: { a: 1 } }],
    ['with null among its commands', { ...ENTITY, commands: [null, 5, 'x', [], { commandStatus: 5 }] }],
    ['with a number for a date', { ...ENTITY, creationDateTimeUtc: 1e12 }],
    ['nested a thousand deep', { ...ENTITY, more: JSON.parse('['.repeat(1000) + ']'.repeat(1000)) as unknown }],
    ['with its own prototype', JSON.parse(`{"__proto__":{"status":"Cancelled"},"id":"${ID}"}`) as unknown],
  ])('an answer to a list keeps the rest of a page that holds an entity %s', (_, odd) => {
    const other = { ...ENTITY, id: ID.replace('a', 'b') };
    const answer = read(200, { body: { value: [odd, other, odd] } }, 'list');
    expect(answer).toMatchObject({ kind: 'page', entries: 3, actions: expect.arrayContaining([other]) });
    if (answer.kind !== 'page') return;
    expect(answer.actions.length + answer.odd).toBe(3);
    for (const action of answer.actions) {
      expect(isFinalStatus(action.status)).toBe(false);
      expect(hasCompletedCommand(action)).toBe(false);
      for (const text of [action.type, action.status]) expect(typeof text).toBe('string');
      for (const text of [action.requestorComment, action.creationDateTimeUtc]) expect(text ?? null).toBeNull();
      expect(() => JSON.stringify(action)).not.toThrow();
    }
  });

  it.each([
    ['Live Response', 'Pending', 'LiveResponse', 'Pending'],
    ['live_response', 'in progress', 'LiveResponse', 'InProgress'],
    ['ISOLATE', 'CANCELED', 'Isolate', 'Cancelled'],
    ['un-isolate', 'Canceled', 'Unisolate', 'Cancelled'],
    [' Isolate\u00a0', 'Time Out', 'Isolate', 'TimeOut'],
    ['runantivirusscan', 'succeeded', 'RunAntiVirusScan', 'Succeeded'],
    ['NewKind', 'Paused', 'NewKind', 'Paused'],
    ['Isolate2', 'Cancelled?!', 'Isolate2', 'Cancelled'],
  ])('an answer to a list spells type %j and status %j as Microsoft does', (type, status, rightType, rightStatus) => {
    const answer = read(200, { body: { value: [{ ...ENTITY, type, status }] } }, 'list');
    expect(answer).toMatchObject({ actions: [{ type: rightType, status: rightStatus }] });
  });

  it.each<[string, Sent]>([
    ['a page of a proxy', HTML],
    ['a single entity', { body: ENTITY }],
    ['a page that is no list', { body: { value: {} } }],
  ])('an answer to a list is lost when it is %s', (_, sent) => {
    expect(read(200, sent, 'list').kind).toBe('lost');
  });
});

describe("Defender's clock", () => {
  it("Defender's clock is what the Date header says beyond ours", () => {
    const raw = (date?: string) => ({ http: 200, headers: { date }, body: '' });
    expect(skewOf(raw(new Date(NOW - 90_000).toUTCString()), NOW)).toBe(-90_000);
    expect(skewOf(raw(), NOW)).toBeUndefined();
    expect(skewOf(raw('yesterday'), NOW)).toBeUndefined();
  });
});
