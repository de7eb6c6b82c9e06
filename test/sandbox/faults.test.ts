import { describe, expect, test } from 'vitest';
import { sandboxToken } from '../../src/sandbox/access.ts';
import { FaultControl } from '../../src/sandbox/faults.ts';
import { startSandbox } from '../../src/sandbox/start-sandbox.ts';
import { ManualClock } from '../support/clock/manual-clock.ts';
import { api, entities, idOf } from './client.ts';

const id = idOf(1);

async function openHarness() {
  const clock = new ManualClock();
  const sandbox = await startSandbox({ actions: [{ id }, { id: idOf(2) }], clock });
  const call = api(sandbox, sandboxToken({ nowMs: clock.wallMs() }));
  const state = () => sandbox.store.get(id)?.status;
  return { clock, sandbox, call, state, [Symbol.asyncDispose]: () => sandbox.close() };
}

describe('errors of the service', () => {
  test.each([
    [500, 'InternalServerError'],
    [502, 'BadGateway'],
    [503, 'ServiceUnavailable'],
    [504, 'GatewayTimeout'],
    [408, 'RequestTimeout'],
    [409, 'Conflict'],
  ])('%d comes once with a Defender body, then all is well again', async (status, code) => {
    await using on = await openHarness();
    on.sandbox.faults.next({ kind: 'status', status, retryAfter: 7 });
    const failed = await on.call.cancel(id);
    expect(failed).toMatchObject({ status, body: { error: { code } }, headers: { 'retry-after': '7' } });
    expect(on.state()).toBe('Pending');
    expect(on.sandbox.log.entries[0]).toMatchObject({ fault: 'status', status, effect: false, done: true });
    expect((await on.call.cancel(id)).status).toBe(200);
  });

  test('a 500 may have been applied all the same', async () => {
    await using on = await openHarness();
    on.sandbox.faults.next({ kind: 'status', status: 500, applied: true });
    const failed = await on.call.cancel(id);
    expect(failed.status).toBe(500);
    expect(failed.headers).not.toHaveProperty('retry-after');
    expect(on.state()).toBe('Cancelled');
    expect(on.sandbox.log.effects(id)).toBe(1);
  });
});

describe('proxies', () => {
  test.each([200, 403, 404, 502])('a page comes with %d instead of an answer', async (status) => {
    await using on = await openHarness();
    on.sandbox.faults.next({ kind: 'html', status });
    const answer = await on.call.cancel(id);
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toMatch(/^text\/html/);
    expect(answer.text).toMatch(/^<!DOCTYPE html>/);
    expect(on.state()).toBe('Pending');
  });

  test('a redirect comes instead of an answer', async () => {
    await using on = await openHarness();
    on.sandbox.faults.next({ kind: 'redirect', location: 'http://127.0.0.1:1/login' });
    expect(await on.call.get(id)).toMatchObject({ status: 302, headers: { location: 'http://127.0.0.1:1/login' } });
  });
});

describe('answers that are lost or spoiled', () => {
  test('the answer to a cancel that took effect is JSON that ends in the middle', async () => {
    await using on = await openHarness();
    on.sandbox.faults.next({ kind: 'cut-json' });
    const answer = await on.call.cancel(id);
    expect(answer.status).toBe(200);
    expect(() => JSON.parse(answer.text)).toThrow(SyntaxError);
    expect(on.state()).toBe('Cancelled');
  });

  test.each([
    [{ kind: 'reset' }, 'Pending'],
    [{ kind: 'reset', applied: true }, 'Cancelled'],
    [{ kind: 'reset-in-body' }, 'Cancelled'],
    [{ kind: 'reset-in-body', applied: false }, 'Pending'],
  ] as const)('%j leaves the action %s', async (fault, state) => {
    await using on = await openHarness();
    on.sandbox.faults.next(fault);
    await expect(on.call.cancel(id)).rejects.toThrow(/ECONNRESET|other side closed|terminated|aborted/);
    expect(on.state()).toBe(state);
    expect(on.sandbox.log.effects(id)).toBe(state === 'Cancelled' ? 1 : 0);
  });

  test('the answer has the entity of another action, while ours was cancelled', async () => {
    await using on = await openHarness();
    on.sandbox.faults.next({ kind: 'wrong-id' });
    const answer = await on.call.cancel(id);
    expect(answer).toMatchObject({ status: 200, body: { status: 'Cancelled' } });
    expect(answer.body['id']).not.toBe(id);
    expect(on.state()).toBe('Cancelled');
  });
});

describe('answers that are late or never come', () => {
  test.each([
    [{ kind: 'hang' }, 'Pending'],
    [{ kind: 'hang', applied: true }, 'Cancelled'],
  ] as const)('%j leaves the caller waiting until it gives up', async (fault, state) => {
    await using on = await openHarness();
    on.sandbox.faults.next(fault);
    const answer = expect(on.call.cancel(id)).rejects.toThrow();
    await on.sandbox.log.until((log) => log.entries[0]?.done === true);
    expect(on.state()).toBe(state);
    expect(on.sandbox.log.entries[0]).toMatchObject({ status: undefined, answeredMs: undefined });
    await on.sandbox.close();
    await answer;
  });

  test('a late cancel takes effect long after the caller asked', async () => {
    await using on = await openHarness();
    on.sandbox.faults.next({ kind: 'late', afterMs: 45_000 });
    const answer = on.call.cancel(id);
    await on.clock.asleep();
    expect(on.state()).toBe('Pending');
    expect((await on.call.get(id)).body['status']).toBe('Pending');
    await on.clock.advance(45_000);
    expect((await answer).body['status']).toBe('Cancelled');
  });

  test('a late cancel takes effect although the caller has gone', async () => {
    await using on = await openHarness();
    on.sandbox.faults.next({ kind: 'late', afterMs: 45_000 });
    const gone = new AbortController();
    const answer = fetch(`${on.sandbox.url}/api/machineactions/${id}/cancel`, {
      method: 'POST',
      body: '{"Comment":"x"}',
      headers: {
        authorization: `Bearer ${sandboxToken({ nowMs: on.clock.wallMs() })}`,
        'content-type': 'application/json',
      },
      signal: gone.signal,
    });
    const failed = expect(answer).rejects.toThrow();
    await on.clock.asleep();
    gone.abort();
    await failed;
    await on.clock.advance(45_000);
    await on.sandbox.log.until((log) => log.entries[0]?.done === true);
    expect(on.sandbox.log.entries[0]).toMatchObject({ effect: true });
    expect(on.state()).toBe('Cancelled');
  });

  test('headers and body dawdle for a request that took effect at once', async () => {
    await using on = await openHarness();
    on.sandbox.faults.next({ kind: 'slow', headersMs: 10_000, bodyMs: 20_000 });
    const answer = on.call.cancel(id);
    await on.clock.asleep();
    expect(on.state()).toBe('Cancelled');
    await on.clock.advance(10_000);
    await on.clock.asleep();
    await on.clock.advance(20_000);
    expect(await answer).toMatchObject({ status: 200, body: { id, status: 'Cancelled' } });
  });
});

describe('refusals', () => {
  test.each([
    [{ tell: 'header' }, '30', 'again in 30 seconds'],
    [{ tell: 'date' }, 'Sun, 01 Mar 2026 12:00:30 GMT', 'again in 30 seconds'],
    [{ tell: 'message' }, undefined, 'again in 30 seconds'],
    [{ tell: 'nothing' }, undefined, 'Too many requests'],
  ] as const)('429 comes whatever the quota says: %j', async ({ tell }, retryAfter, words) => {
    await using on = await openHarness();
    on.sandbox.faults.next({ kind: 'too-many', seconds: 30, tell, code: 'TooManyRequests' }, { times: 2 });
    for (let n = 0; n < 2; n += 1) {
      const answer = await on.call.cancel(id);
      expect(answer).toMatchObject({ status: 429, body: { error: { code: 'TooManyRequests' } } });
      expect(answer.headers['retry-after']).toBe(retryAfter);
      expect(answer.text).toContain(words);
    }
    expect(on.sandbox.log.overQuota()).toBe(0);
    expect((await on.call.cancel(id)).status).toBe(200);
  });

  test('401 comes once, with and without a claims challenge', async () => {
    await using on = await openHarness();
    on.sandbox.faults.next({ kind: 'unauthorized' });
    on.sandbox.faults.next({ kind: 'unauthorized', claims: '{"access_token":{"nbf":{"essential":true}}}' });
    expect((await on.call.cancel(id)).headers['www-authenticate']).toContain('error="invalid_token"');
    const challenge = String((await on.call.cancel(id)).headers['www-authenticate']);
    expect(challenge).toContain('error="insufficient_claims"');
    const claims = /claims="([^"]+)"/.exec(challenge)?.[1] ?? '';
    expect(JSON.parse(Buffer.from(claims, 'base64').toString())).toEqual({
      access_token: { nbf: { essential: true } },
    });
    expect(on.state()).toBe('Pending');
    expect((await on.call.cancel(id)).status).toBe(200);
  });

  test('403 comes as often in a row as it was asked for', async () => {
    await using on = await openHarness();
    on.sandbox.faults.next({ kind: 'forbidden' }, { route: 'cancel', times: 3 });
    expect((await on.call.get(id)).status).toBe(200);
    for (let n = 0; n < 3; n += 1) {
      expect(await on.call.cancel(id)).toMatchObject({ status: 403, body: { error: { code: 'Forbidden' } } });
    }
    expect((await on.call.cancel(id)).status).toBe(200);
  });
});

describe('which request meets which fault', () => {
  const request = { route: 'cancel', method: 'POST', path: '/', id, ids: [id], nthOfId: 1 } as const;

  test('queued faults meet the requests of their route and ID', () => {
    const faults = new FaultControl();
    faults.next({ kind: 'reset' }, { id: idOf(2).toUpperCase(), route: 'cancel' });
    expect(faults.choose(request, 1)).toBeUndefined();
    expect(faults.choose({ ...request, route: 'get', id: idOf(2) }, 2)).toBeUndefined();
    expect(faults.choose({ ...request, id: idOf(2) }, 3)).toEqual({ kind: 'reset' });
    expect(faults.choose({ ...request, id: idOf(2) }, 4)).toBeUndefined();
  });

  test('a script sees the route, the IDs, how often it was asked, and the number of the request', async () => {
    await using on = await openHarness();
    const seen: unknown[] = [];
    on.sandbox.faults.script(({ route, id: named, ids, nthOfId }, n) => {
      seen.push([route, named, ids, nthOfId, n]);
      return route === 'cancel' && nthOfId === 1 ? { kind: 'status', status: 500 } : undefined;
    });
    expect((await on.call.cancel(id)).status).toBe(500);
    expect((await on.call.cancel(id)).status).toBe(200);
    expect(entities(await on.call.list({ $filter: `id in ('${id}')` }))).toHaveLength(1);
    expect(seen).toEqual([
      ['cancel', id, [id], 1, 1],
      ['cancel', id, [id], 2, 2],
      ['list', undefined, [id], 1, 3],
    ]);
  });

  test('rates are kept by seed, and only for the routes they name', () => {
    const rates = [
      { rate: 0.2, fault: { kind: 'reset' }, routes: ['cancel'] },
      { rate: 0.1, fault: { kind: 'html', status: 502 } },
    ] as const;
    const drawn = (seed: number, route: 'cancel' | 'get') => {
      const faults = new FaultControl({ rates, seed });
      return Array.from({ length: 2_000 }, (_, n) => faults.choose({ ...request, route }, n)?.kind);
    };
    expect(drawn(1, 'cancel')).toEqual(drawn(1, 'cancel'));
    expect(drawn(1, 'cancel')).not.toEqual(drawn(2, 'cancel'));
    const share = (kinds: (string | undefined)[], kind: string) => kinds.filter((is) => is === kind).length / 2_000;
    expect(share(drawn(1, 'cancel'), 'reset')).toBeCloseTo(0.2, 1);
    expect(share(drawn(1, 'cancel'), 'html')).toBeCloseTo(0.1, 1);
    expect(drawn(1, 'get')).not.toContain('reset');
  });

  test('clearing ends all faults', () => {
    const faults = new FaultControl({
      script: () => ({ kind: 'hang' }),
      rates: [{ rate: 1, fault: { kind: 'hang' } }],
    });
    faults.next({ kind: 'hang' });
    faults.clear();
    expect(faults.choose(request, 1)).toBeUndefined();
    faults.rates([{ rate: 1, fault: { kind: 'reset' } }]);
    expect(faults.choose(request, 2)).toEqual({ kind: 'reset' });
  });

  test('a full quota answers before the fault does', async () => {
    const quota = { windows: [{ calls: 1, perMs: 60_000 }] };
    await using sandbox = await startSandbox({
      actions: [{ id }],
      quota,
      faults: () => ({ kind: 'html', status: 200 }),
    });
    expect((await api(sandbox).get(id)).status).toBe(200);
    expect(await api(sandbox).get(id)).toMatchObject({ status: 429, body: { error: { code: '429' } } });
  });
});
