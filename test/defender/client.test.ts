import { describe, expect, it } from 'vitest';
import { ENTITY_BYTES, type WireResult } from '../../src/defender/transport.ts';
import { DiskError, LockedError, RefusedError, WorkLeftError } from '../../src/errors.ts';
import { pino } from '../../src/log.ts';
import { Bench, ENTITY, ok, refused } from './layers.ts';

const text = (http: number, body: string): WireResult => ({ raw: { http, headers: {}, body } });

describe('a call', () => {
  it('a call takes slot, token, gate, durable intent and lock, in this order, before it is sent', async () => {
    const bench = new Bench();
    const received = await bench.cancel();
    expect(bench.steps).toEqual([
      'slot cancel',
      'token',
      'pass',
      'intent cancel 1',
      'held',
      'send token-1',
      'reply 200',
      'report answered',
      'settle at 1100',
    ]);
    expect(received).toMatchObject({ answer: { kind: 'action', action: ENTITY }, attempt: 1, sentAtMs: 1000 });
    expect(bench.requests).toEqual([
      {
        method: 'POST',
        path: `/api/machineactions/${ENTITY.id}/cancel`,
        token: 'token-1',
        body: '{"Comment":"why"}',
        maxBytes: ENTITY_BYTES,
      },
    ]);
  });

  it('a call that was refused or answered keeps what Defender said in its reply', async () => {
    const bench = new Bench();
    const date = new Date(bench.clock.wallMs() - 10_000).toUTCString();
    bench.answers = [refused(409, 'Conflict', { date })];
    await bench.cancel();
    expect(bench.replies[0]).toMatchObject({
      call: 1,
      id: ENTITY.id,
      attempt: 1,
      ms: 100,
      http: 409,
      code: 'Conflict',
    });
    expect(bench.replies[0]).toMatchObject({ correlation: 'corr', skewMs: expect.any(Number) });
  });

  it('a call notes no skew below two seconds', async () => {
    const bench = new Bench();
    bench.answers = [ok(ENTITY, 200, { date: new Date(bench.clock.wallMs() - 1000).toUTCString() })];
    await bench.cancel();
    expect(bench.replies[0]).not.toHaveProperty('skewMs');
  });
});

describe('a host that TLS fails with', () => {
  it.each([
    ['SELF_SIGNED_CERT_IN_CHAIN', /certificate of Defender's host is not trusted .* NODE_EXTRA_CA_CERTS/],
    ['ERR_SSL_WRONG_VERSION_NUMBER', /does not speak TLS as it should .* check the port, and http or https/],
  ])('a host that TLS fails with is told with what to do, once: %s', async (error, said) => {
    const bench = new Bench();
    const lines: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(JSON.parse(line).msg) });
    bench.answers = [{ error }];
    await bench.cancel({ log }).catch(() => undefined);
    expect(lines.filter((line) => said.test(line))).toHaveLength(1);
  });
});

describe('an answer', () => {
  it('an answer is recorded before anybody is told of it, whatever becomes of the telling', async () => {
    const bench = new Bench();
    const log = pino(
      { level: 'trace' },
      { write: (line: string) => void bench.steps.push(`log ${JSON.parse(line).msg}`) },
    );
    await bench.cancel({ log });
    expect(bench.of('send', 'reply', 'report', 'log')).toEqual([
      'send token-1',
      'reply 200',
      'report answered',
      'log action',
    ]);
  });
});

describe('a call that must not be sent', () => {
  it('a call whose intent could not be made durable is not sent, and its permit is given back', async () => {
    const bench = new Bench();
    bench.onIntent = () => Promise.reject(new DiskError('disk full'));
    await expect(bench.cancel()).rejects.toThrow(DiskError);
    expect(bench.of('send')).toEqual([]);
    expect(bench.of('pass')).toEqual(['pass', 'pass back']);
    expect(bench.of('release', 'settle', 'unanswered')).toHaveLength(1);
  });

  it('a call is not sent when the lock was lost', async () => {
    const bench = new Bench();
    bench.onHeld = () => Promise.reject(new LockedError('another holds it'));
    await expect(bench.cancel()).rejects.toThrow(LockedError);
    expect(bench.of('send', 'pass', 'reply')).toEqual(['pass', 'pass back']);
  });

  it('a call is written down as not sent, and starts over with a new slot, when the gate closed during the sync', async () => {
    const bench = new Bench();
    bench.gateOpen = false;
    bench.onPass = () => {
      if (bench.of('reply').length === 1) bench.gateOpen = true;
    };
    const { attempt } = await bench.cancel({ attempt: 3 });
    expect(attempt).toBe(3);
    expect(bench.steps).toEqual([
      ...['slot cancel', 'token', 'pass', 'intent cancel 3', 'held', 'pass back', 'reply not-sent', 'release'],
      ...['slot cancel', 'token', 'pass', 'intent cancel 3', 'held', 'send token-1', 'reply 200', 'report answered'],
      'settle at 1100',
    ]);
  });

  it.each([
    [4999, 1],
    [5000, 2],
  ])('a call whose sync took %i ms needs %i intents', async (ms, intents) => {
    const bench = new Bench();
    bench.onIntent = () => {
      if (bench.of('intent').length === 1) bench.nowMs += ms;
    };
    await bench.cancel();
    expect(bench.of('intent')).toHaveLength(intents);
    expect(bench.of('reply not-sent', 'release')).toHaveLength(2 * (intents - 1));
    expect(bench.of('send')).toHaveLength(1);
  });

  it('a call is written down as not sent, and ends with the reason, when the session stopped during the sync', async () => {
    const bench = new Bench();
    bench.onIntent = () => bench.stop.abort(new Error('stopped'));
    await expect(bench.cancel()).rejects.toThrow('stopped');
    expect(bench.of('send', 'reply', 'release', 'settle', 'unanswered')).toEqual(['reply not-sent', 'release']);
  });

  it('a call that was not due any more when its slot came costs nothing', async () => {
    const bench = new Bench();
    const { answer, attempt } = await bench.cancel({ stillDue: () => false, attempt: 2 });
    expect(answer).toEqual({ kind: 'not-sent', why: 'not-due' });
    expect(attempt).toBe(2);
    expect(bench.steps).toEqual(['slot cancel', 'release']);
  });

  it('a call that was not due any more when the gate opened gives permit and slot back', async () => {
    const bench = new Bench();
    let due = true;
    bench.onPass = () => {
      due = false;
    };
    const { answer } = await bench.cancel({ stillDue: () => due });
    expect(answer).toEqual({ kind: 'not-sent', why: 'not-due' });
    expect(bench.steps).toEqual(['slot cancel', 'token', 'pass', 'pass back', 'release']);
  });
});

describe('a slot that is not usable any more', () => {
  const again = ['slot cancel', 'token', 'pass', 'intent cancel 3', 'held', 'send token-1', 'reply 200'];
  const unsent = ['pass back', 'reply not-sent', 'release'];

  it.each<[string, 'onToken' | 'onPass' | 'onIntent' | 'onHeld', string[]]>([
    ['before the gate was asked', 'onToken', ['slot cancel', 'token', 'pass', 'pass back', 'release']],
    ['while the gate was closed', 'onPass', ['slot cancel', 'token', 'pass', 'pass back', 'release']],
    ['while its intent was synced', 'onIntent', ['slot cancel', 'token', 'pass', 'intent cancel 3', 'held', ...unsent]],
    ['while the lock was asked', 'onHeld', ['slot cancel', 'token', 'pass', 'intent cancel 3', 'held', ...unsent]],
  ])(
    'a slot that is not usable any more because it lapsed %s is given back unsent, and the call takes another one on the same attempt',
    async (_, moment, before) => {
      const bench = new Bench();
      bench[moment] = () => {
        if (bench.of('slot').length === 1) bench.slotUsable = false;
      };
      const { attempt, answer } = await bench.cancel({ attempt: 3 });
      expect(bench.steps).toEqual([...before, ...again, 'report answered', 'settle at 1100']);
      expect([attempt, answer.kind]).toEqual([3, 'action']);
    },
  );

  it('a slot that is not usable any more is never sent on, however often slots lapse', async () => {
    const bench = new Bench();
    bench.onIntent = () => {
      if (bench.of('slot').length < 5) bench.slotUsable = false;
    };
    await bench.cancel();
    expect(bench.of('slot', 'send', 'settle')).toEqual([
      ...Array<string>(5).fill('slot cancel'),
      'send token-1',
      'settle at 1100',
    ]);
    expect(bench.of('reply')).toEqual([...Array<string>(4).fill('reply not-sent'), 'reply 200']);
  });

  it('a slot that is not usable any more does not keep a session that stops', async () => {
    const bench = new Bench();
    bench.onPass = () => {
      bench.slotUsable = false;
      bench.stop.abort(new Error('stopped'));
    };
    await expect(bench.cancel()).rejects.toThrow('stopped');
    expect(bench.of('slot', 'send', 'release')).toEqual(['slot cancel', 'release']);
  });
});

describe('the slot of a call', () => {
  it.each<[string, (bench: Bench) => void, string[]]>([
    ['with an answer is settled when the answer came', () => {}, ['settle at 1100']],
    ['refused by Defender is settled', (bench) => bench.answers.push(refused(404)), ['settle at 1100']],
    ['answered by somebody else is settled', (bench) => bench.answers.push(ok('a page')), ['settle at 1100']],
    [
      'without an answer is held from its send on',
      (bench) => bench.answers.push({ error: 'timeout' }),
      ['unanswered since 1000'],
    ],
    [
      'and of each repeat are settled one by one',
      (bench) => bench.answers.push(refused(503), refused(429)),
      ['settle at 1100', 'settle at 1700', 'settle at 1800'],
    ],
  ])('the slot of a call %s', async (_, prepare, expected) => {
    const bench = new Bench();
    prepare(bench);
    await bench.cancel();
    expect(bench.of('settle', 'unanswered', 'release')).toEqual(expected);
    expect(bench.of('slot')).toHaveLength(expected.length);
  });

  it('the slot of a call is not given back early when its reply cannot be written', async () => {
    const bench = new Bench();
    bench.onReply = () => Promise.reject(new DiskError('disk full'));
    await expect(bench.cancel()).rejects.toThrow(DiskError);
    expect(bench.of('settle', 'unanswered', 'release')).toEqual(['unanswered since 1100']);
  });

  it('the slot of a call is given back when the session stops while the call waits at the gate', async () => {
    const bench = new Bench();
    bench.onPass = () => {
      bench.stop.abort(new Error('stopped'));
      bench.stop.signal.throwIfAborted();
    };
    await expect(bench.cancel()).rejects.toThrow('stopped');
    expect(bench.of('settle', 'unanswered', 'release')).toEqual(['release']);
  });

  it('the slot of a call is held when the session stops while the token is renewed after a 401: the call was counted', async () => {
    const bench = new Bench();
    bench.answers = [refused(401)];
    bench.onRenew = () => {
      bench.stop.abort(new Error('stopped'));
      bench.stop.signal.throwIfAborted();
    };
    await expect(bench.cancel()).rejects.toThrow('stopped');
    expect(bench.of('settle', 'unanswered', 'release')).toEqual(['settle at 1100']);
  });

  it('the slot of a call is given back when the rule that asks whether it is due fails', async () => {
    const bench = new Bench();
    const raise = () => {
      throw new Error('a bug');
    };
    await expect(bench.cancel({ stillDue: raise })).rejects.toThrow('a bug');
    expect(bench.of('settle', 'unanswered', 'release')).toHaveLength(1);
  });
});

describe('a 401', () => {
  it('a 401 renews the token and repeats the call with a slot and an intent of its own, on the same attempt', async () => {
    const bench = new Bench();
    bench.answers = [refused(401)];
    const { attempt } = await bench.cancel({ attempt: 2 });
    expect(attempt).toBe(2);
    expect(bench.of('slot', 'intent', 'send', 'renew')).toEqual([
      ...['slot cancel', 'intent cancel 2', 'send token-1', 'renew token-1'],
      ...['slot cancel', 'intent cancel 2', 'send token-2'],
    ]);
  });

  it('a 401 with a challenge hands its claims to the sign-in', async () => {
    const bench = new Bench();
    const claims = Buffer.from('{"a":1}').toString('base64');
    bench.answers = [refused(401, 'Unauthorized', { 'www-authenticate': `Bearer claims="${claims}"` })];
    await bench.cancel();
    expect(bench.of('renew')).toEqual(['renew token-1 {"a":1}']);
  });

  it('a 401 again after the renewal ends the session with exit 4', async () => {
    const bench = new Bench();
    bench.answers = [refused(401), refused(401)];
    await expect(bench.cancel()).rejects.toThrow(RefusedError);
    expect(bench.of('send')).toHaveLength(2);
    expect(bench.of('slot')).toHaveLength(bench.of('settle', 'unanswered', 'release').length);
  });

  it('a 401 again after other answers in between is a refusal too', async () => {
    const bench = new Bench();
    bench.answers = [refused(401), refused(503), refused(401)];
    await expect(bench.cancel()).rejects.toThrow(RefusedError);
  });

  it.each(['', '<html>', '{"error":', '[]', '{"id":1}'])(
    'a 401 with the body %j counts as what it is',
    async (body) => {
      const bench = new Bench();
      bench.answers = [text(401, body)];
      expect((await bench.cancel()).answer.kind).toBe('action');
      expect(bench.of('renew', 'send')).toEqual(['send token-1', 'renew token-1', 'send token-2']);
      const refusedTwice = new Bench();
      refusedTwice.answers = [text(401, body), text(401, body)];
      await expect(refusedTwice.cancel()).rejects.toThrow(/HTTP 401\), the second time freshly renewed/);
      expect(refusedTwice.of('send')).toHaveLength(2);
    },
  );

  it('a 401 ends the session with what the sign-in says', async () => {
    const bench = new Bench();
    bench.answers = [refused(401)];
    bench.onRenew = () => Promise.reject(new WorkLeftError('sign-in is out of reach'));
    await expect(bench.cancel()).rejects.toThrow(WorkLeftError);
  });
});

describe('the token renewed after refusals', () => {
  it('the token renewed after refusals is a new one', async () => {
    expect(await new Bench().renewToken()).toBe('token-2');
  });
  it('the token renewed after refusals is the same where it was made elsewhere', async () => {
    const bench = new Bench();
    bench.kind = 'token';
    expect(await bench.renewToken()).toBe('token-1');
    expect(bench.of('renew')).toEqual([]);
  });
});

describe('attempts', () => {
  it('attempts are five, with full jitter between them, then the last answer stands', async () => {
    const bench = new Bench();
    bench.answers = Array.from({ length: 9 }, () => refused(500));
    const { answer, attempt } = await bench.cancel();
    expect(answer).toMatchObject({ kind: 'unavailable', http: 500 });
    expect(attempt).toBe(5);
    expect(bench.of('send')).toHaveLength(5);
    expect(bench.of('sleep')).toEqual(['sleep 500', 'sleep 1000', 'sleep 2000', 'sleep 4000']);
  });

  it('attempts are not burnt by 429', async () => {
    const bench = new Bench();
    bench.answers = Array.from({ length: 20 }, () => refused(429));
    expect(await bench.cancel()).toMatchObject({ attempt: 1, answer: { kind: 'action' } });
    expect(bench.of('send')).toHaveLength(21);
  });

  it('attempts end with the session between two of them', async () => {
    const bench = new Bench();
    bench.answers = [refused(500)];
    bench.onReply = () => bench.stop.abort(new Error('stopped'));
    await expect(bench.cancel()).rejects.toThrow('stopped');
    expect(bench.of('send')).toHaveLength(1);
  });

  it('attempts hand a good answer over although the session stopped meanwhile', async () => {
    const bench = new Bench();
    bench.onReply = () => bench.stop.abort(new Error('stopped'));
    expect((await bench.cancel()).answer.kind).toBe('action');
  });
});
