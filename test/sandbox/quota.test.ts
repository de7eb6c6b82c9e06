import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sandboxToken } from '../../src/sandbox/access.ts';
import type { SandboxQuota } from '../../src/sandbox/options.ts';
import { startSandbox } from '../../src/sandbox/start-sandbox.ts';
import { type QuotaRule, StrictQuota } from '../../src/sandbox/strict-quota.ts';
import { ManualClock } from '../support/clock/manual-clock.ts';
import { api, idOf } from './client.ts';

function strict(rule: QuotaRule, windows = [{ calls: 3, perMs: 1_000 }], countRefused = false): StrictQuota {
  return new StrictQuota({ windows, rule, offsetMs: 0, countRefused });
}

/** The moments at which calls were let through. */
function through(quota: StrictQuota, moments: readonly number[]): number[] {
  return moments.filter((moment) => quota.count('key', moment) === undefined);
}

describe('the three rules', () => {
  test('the sliding rule refuses the fourth call until the first is a window old', () => {
    expect(through(strict('sliding'), [0, 400, 800, 999, 1_000, 1_001, 1_400])).toEqual([0, 400, 800, 1_000, 1_400]);
  });

  test('the rule that is fixed from the first call lets a full window follow at once', () => {
    expect(through(strict('fixed-from-first'), [500, 600, 700, 1_499, 1_500, 1_501, 1_502, 1_503, 2_500])).toEqual([
      500, 600, 700, 1_500, 1_501, 1_502, 2_500,
    ]);
  });

  test('the rule that is fixed by offset counts from its own beginning', () => {
    expect(through(strict('fixed-offset'), [900, 901, 902, 903, 1_000, 1_001, 1_002, 1_999, 2_000])).toEqual([
      900, 901, 902, 1_000, 1_001, 1_002, 2_000,
    ]);
  });

  test('no rule lets more through in a sliding span than its own promise', () => {
    const moments = fc
      .array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 200 })
      .map((all) => all.sort((a, b) => a - b));
    const rules = fc.constantFrom<[QuotaRule, number][]>(['sliding', 3], ['fixed-from-first', 6], ['fixed-offset', 6]);
    fc.assert(
      fc.property(moments, rules, (calls, [rule, most]) => {
        const passed = through(strict(rule), calls);
        for (const start of passed) {
          expect(passed.filter((at) => at >= start && at < start + 1_000).length).toBeLessThanOrEqual(most);
        }
      }),
    );
  });

  test('the sliding rule refuses a call exactly when the span before it is full', () => {
    const moments = fc
      .array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 200 })
      .map((all) => all.sort((a, b) => a - b));
    fc.assert(
      fc.property(moments, (calls) => {
        const expected: number[] = [];
        for (const at of calls) {
          if (expected.filter((earlier) => earlier > at - 1_000).length < 3) expected.push(at);
        }
        expect(through(strict('sliding'), calls)).toEqual(expected);
      }),
    );
  });

  test('the first full window is named, with what is left of it', () => {
    const quota = strict('sliding', [
      { calls: 2, perMs: 1_000 },
      { calls: 3, perMs: 10_000 },
    ]);
    expect(through(quota, [0, 100, 1_000])).toHaveLength(3);
    expect(quota.count('key', 1_050)).toEqual({ window: { calls: 2, perMs: 1_000 }, waitMs: 50 });
    expect(quota.count('key', 2_500)).toEqual({ window: { calls: 3, perMs: 10_000 }, waitMs: 7_500 });
  });

  test('refused calls spend nothing unless the rule says so', () => {
    const calls = [0, 1, 2, 900, 1_000, 2_500];
    expect(through(strict('sliding'), calls)).toContain(1_000);
    expect(through(strict('sliding', undefined, true), calls)).toEqual([0, 1, 2, 2_500]);
  });
});

describe('over the wire', () => {
  async function sandboxWith(quota: SandboxQuota, latencyMs = 0) {
    const clock = new ManualClock();
    const sandbox = await startSandbox({ actions: [{ id: idOf(1) }, { id: idOf(2) }], quota, clock, latencyMs });
    return { clock, sandbox, call: api(sandbox, sandboxToken({ tenant: 'T', nowMs: clock.wallMs() })) };
  }

  test('the call too many is answered 429 in the words of the service, with the wait in the header', async () => {
    const { clock, sandbox, call } = await sandboxWith({});
    await using _ = sandbox;
    for (let n = 0; n < 100; n += 1) expect((await call.get(idOf(1))).status).toBe(200);
    await clock.advance(51_300);
    const refused = await call.cancel(idOf(1));
    expect(refused.status).toBe(429);
    expect(refused.headers['retry-after']).toBe('9');
    expect(refused.body).toEqual({
      error: {
        code: '429',
        message:
          'API calls quota exceeded! Maximum allowed 100 per 00:01:00 for the key Destination+TenantID+AppID. You can send requests again in 9 seconds.',
        target: 'T',
      },
    });
    expect(sandbox.store.get(idOf(1))?.status).toBe('Pending');
    expect(sandbox.log.overQuota()).toBe(1);
    expect(sandbox.log.busiest(60_000)).toBe(101);
    await clock.advance(8_700);
    expect((await call.cancel(idOf(1))).status).toBe(200);
  });

  test('each tenant and application has its own; opaque tokens share one', async () => {
    const { clock, sandbox, call } = await sandboxWith({ windows: [{ calls: 1, perMs: 1_000 }] });
    await using _ = sandbox;
    const statusFor = async (token: string) => (await api(sandbox, token).get(idOf(1))).status;
    expect((await call.get(idOf(1))).status).toBe(200);
    expect((await call.get(idOf(1))).status).toBe(429);
    expect(await statusFor(sandboxToken({ tenant: 'T', client: 'other', nowMs: clock.wallMs() }))).toBe(200);
    expect(await statusFor(sandboxToken({ tenant: 'U', nowMs: clock.wallMs() }))).toBe(200);
    expect(await statusFor('opaque-one')).toBe(200);
    expect(await statusFor('opaque-two')).toBe(429);
  });

  test('routes share a bucket, or have one each', async () => {
    const windows = [{ calls: 1, perMs: 1_000 }];
    const statuses = async (routes: 'shared' | 'separate') => {
      const { sandbox, call } = await sandboxWith({ windows, routes });
      await using _ = sandbox;
      return [(await call.get(idOf(1))).status, (await call.list()).status, (await call.cancel(idOf(1))).status];
    };
    expect(await statuses('shared')).toEqual([200, 429, 429]);
    expect(await statuses('separate')).toEqual([200, 200, 200]);
  });

  test('a 429 may come without Retry-After', async () => {
    const { sandbox, call } = await sandboxWith({ windows: [{ calls: 1, perMs: 1_000 }], retryAfter: false });
    await using _ = sandbox;
    await call.get(idOf(1));
    const refused = await call.get(idOf(1));
    expect(refused.headers).not.toHaveProperty('retry-after');
    expect(refused.text).toContain('again in 1 seconds');
  });

  test.each([
    ['arrival', 0],
    ['answer', 400],
  ] as const)('a call is counted at %s', async (countAt, expected) => {
    const { clock, sandbox, call } = await sandboxWith({ countAt }, 400);
    await using _ = sandbox;
    const answer = call.get(idOf(1));
    await clock.asleep();
    await clock.advance(400);
    expect((await answer).status).toBe(200);
    const [entry] = sandbox.log.entries;
    expect((entry?.countedMs ?? 0) - (entry?.arrivedMs ?? 0)).toBe(expected);
    expect((entry?.answeredMs ?? 0) - (entry?.arrivedMs ?? 0)).toBe(400);
  });

  test('a quota that is off refuses nothing', async () => {
    await using sandbox = await startSandbox({ actions: [{ id: idOf(1) }], quota: false });
    const statuses = await Promise.all(
      Array.from({ length: 300 }, async () => (await api(sandbox).get(idOf(1))).status),
    );
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(sandbox.log.count('get')).toBe(300);
  });

  test('exactly as many of 300 calls at once pass as the window holds', async () => {
    const { sandbox, call } = await sandboxWith({ windows: [{ calls: 40, perMs: 1_000 }] });
    await using _ = sandbox;
    const statuses = await Promise.all(Array.from({ length: 300 }, async () => (await call.get(idOf(1))).status));
    expect(statuses.filter((status) => status === 200)).toHaveLength(40);
  });
});
