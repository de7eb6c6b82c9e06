import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Transport, WireRequest, WireResult } from '../../src/defender/transport.ts';

/** What the service does with whatever it is asked. */
export type Service = 'answers' | 'refuses' | 'never answers' | 'hangs up' | 'stops half-way';

/** A request as it came to the service. */
export interface Arrived {
  /** Method and path with its query. */
  line: string;
  token: string | undefined;
  /** The comment in its body. */
  comment: string | undefined;
}

/** A way to a service that knows the actions of {@link IDS}. */
export interface MadeTransport extends AsyncDisposable {
  transport: Transport;
  /** How long it waits for a whole answer. */
  readonly timeoutMs: number;
  /** From now on the service is like this. */
  service(how: Service): void;
  readonly arrived: readonly Arrived[];
  /** Resolves as soon as so many requests have arrived. */
  untilArrived(count: number): Promise<void>;
  nowMs(): number;
  /** Lets time pass until it is settled. */
  until<T>(work: Promise<T>): Promise<T>;
}

export interface TransportSubject {
  name: string;
  /** `impatient`: with a timeout as short as the test can wait for; only services that do not answer are asked then. */
  make(how: { impatient: boolean }): Promise<MadeTransport>;
  /** How much later than due something may be seen. */
  lateMs: number;
}

export const IDS = Array.from({ length: 20 }, (_, n) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`);
const TOKEN = 'eyJ.a-token-that-must-not-show.c2ln';

function get(n = 0): WireRequest {
  return { method: 'GET', path: `/api/machineactions/${IDS[n]}`, token: TOKEN, body: undefined };
}

/** What every implementation of `Transport` promises: one request goes out, and what came of it is told and never thrown. */
export function transportSuite({ name, make, lateMs }: TransportSubject): void {
  describe(name, () => {
    let made: MadeTransport;
    beforeEach(async () => {
      made = await make({ impatient: false });
    });
    afterEach(() => made[Symbol.asyncDispose]());

    const send = (request: WireRequest = get(), signal?: AbortSignal) => made.until(made.transport(request, signal));
    const answerOf = (result: WireResult) => {
      if (!('raw' in result)) throw new Error(`no answer: ${result.error}`);
      return result.raw;
    };
    const impatient = async () => {
      await made[Symbol.asyncDispose]();
      made = await make({ impatient: true });
    };

    test('a request gets the whole answer: its status, its headers by their names in lower case, its body as text', async () => {
      const { http, headers, body } = answerOf(await send());
      expect(http).toBe(200);
      expect(Object.keys(headers)).toEqual(Object.keys(headers).map((each) => each.toLowerCase()));
      expect(headers['date']).toEqual(expect.any(String));
      expect(JSON.parse(body)).toMatchObject({ id: IDS[0] });
    });

    test('a request arrives once and as it was given, with its query, its token and its body', async () => {
      const listing = `/api/machineactions?$filter=${encodeURIComponent(`id in (${IDS[0]})`)}&$top=1`;
      await send({ ...get(), path: listing });
      const cancel = { ...get(), method: 'POST' as const, path: `/api/machineactions/${IDS[1]}/cancel` };
      await send({ ...cancel, body: JSON.stringify({ Comment: 'no “longer” needed' }) });
      expect(made.arrived).toEqual([
        { line: `GET ${listing}`, token: TOKEN, comment: undefined },
        { line: `POST ${cancel.path}`, token: TOKEN, comment: 'no “longer” needed' },
      ]);
    });

    test('requests at once each get their own answer', async () => {
      const results = await made.until(Promise.all(IDS.map((_, n) => made.transport(get(n)))));
      expect(results.map((result) => (JSON.parse(answerOf(result).body) as { id: string }).id)).toEqual(IDS);
    });

    test('a refusal is an answer like any other, and the request is not repeated', async () => {
      made.service('refuses');
      expect(answerOf(await send()).http).toBe(503);
      expect(made.arrived).toHaveLength(1);
    });

    test('an answer that does not come is a timeout, when its time is up and not before', async () => {
      await impatient();
      made.service('never answers');
      const sentMs = made.nowMs();
      expect(await send()).toEqual({ error: 'timeout' });
      const tookMs = made.nowMs() - sentMs;
      // Timers fire up to a millisecond early.
      expect(tookMs).toBeGreaterThanOrEqual(made.timeoutMs - 1);
      expect(tookMs).toBeLessThanOrEqual(made.timeoutMs + lateMs);
      expect(made.arrived).toHaveLength(1);
    });

    test.each(['hangs up', 'stops half-way'] as const)(
      'a service that %s gives no answer but a word that is neither a timeout nor the token, and is asked once',
      async (how) => {
        made.service(how);
        expect(await send()).toEqual({ error: expect.stringMatching(/^(?!timeout|aborted)[A-Za-z_-]{1,40}$/) });
        expect(made.arrived).toHaveLength(1);
      },
    );

    test.each(['refuses', 'hangs up', 'stops half-way'] as const)(
      'a service that %s once is no matter for the next request',
      async (how) => {
        made.service(how);
        await send();
        made.service('answers');
        expect(answerOf(await send(get(1))).http).toBe(200);
      },
    );

    test('a body over its limit is said to be too large, whatever the service had to say', async () => {
      const result = await send({ ...get(), maxBytes: 10 });
      expect('raw' in result ? result.raw.unread : result.error).toBe('too-large');
    });

    test('a request that was given up before is never sent', async () => {
      expect(await send(get(), AbortSignal.abort())).toEqual({ error: 'aborted' });
      expect(made.arrived).toEqual([]);
    });

    test('a request that is given up under way is over at once, though it may have been done', async () => {
      made.service('never answers');
      const abandon = new AbortController();
      const result = made.transport(get(), abandon.signal);
      await made.untilArrived(1);
      const givenUpMs = made.nowMs();
      abandon.abort();
      expect(await result).toEqual({ error: 'aborted' });
      expect(made.nowMs() - givenUpMs).toBeLessThanOrEqual(lateMs);
    });

    test('a request that is given up takes no other with it', async () => {
      const abandon = new AbortController();
      const results = Promise.all([made.transport(get(0), abandon.signal), made.transport(get(1))]);
      abandon.abort();
      const [given, other] = await made.until(results);
      expect(given).toEqual({ error: 'aborted' });
      expect(answerOf(other).http).toBe(200);
    });

    test.each(['answers', 'hangs up'] as const)('no listener is left on the signal when a service %s', async (how) => {
      made.service(how);
      const { signal } = new AbortController();
      await send(get(), signal);
      expect(getEventListeners(signal, 'abort')).toEqual([]);
    });
  });
}
